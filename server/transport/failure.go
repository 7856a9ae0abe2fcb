package transport

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/errs"
)

// Bounds of the errors in one answer.
const (
	maxErrors  = 20
	maxMessage = 500 // bytes
)

// kinds are the codes that an entry of `errors` may carry.
var kinds = map[string]bool{
	errs.Unauthenticated.Code(): true, errs.Forbidden.Code(): true, errs.BadRequest.Code(): true,
	errs.QueryTooComplex.Code(): true, errs.ResponseTooLarge.Code(): true, errs.RateLimited.Code(): true,
	errs.PersistedQueryNotFound.Code(): true, errs.Unavailable.Code(): true, errs.Internal.Code(): true,
}

// reasons maps the codes of gqlgen's parser and validator to the reason for which they refuse a document.
var reasons = map[string]errs.Reason{
	errcode.ParseFailed: errs.ReasonParse, errcode.ValidationFailed: errs.ReasonValidation,
}

// ToGraphQL converts an errs.Error: its message, its code, and when to try again. Any other error becomes INTERNAL without detail;
// so does a refusal of an input, which belongs in the payload of a mutation.
func ToGraphQL(err error) *gqlerror.Error {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || !kinds[e.Kind.Code()] {
		e = errs.NewInternal()
	}
	out := &gqlerror.Error{Message: e.Message, Extensions: map[string]any{"code": e.Kind.Code()}}
	if e.Reason != "" {
		out.Extensions["reason"] = e.Reason
	}
	if e.RetryAfter > 0 {
		out.Extensions["retryAfter"] = seconds(e.RetryAfter)
	}
	return out
}

// seconds rounds up, so that no client tries again too early.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// unusable returns the refusal that is sent instead of the response of a query or mutation, and its HTTP status. The refusal is
// nil for a response that can be sent. A nil response means that the operation did not end in time.
func unusable(resp *graphql.Response) (status int, refusal *errs.Error) {
	switch {
	case resp == nil:
		return http.StatusServiceUnavailable, errs.New(errs.Unavailable, "the operation took too long")
	case resp.HasNext != nil && *resp.HasNext:
		return http.StatusBadRequest, errs.New(errs.BadRequest, "@defer is not supported")
	}
	return 0, nil
}

// requestErrors returns the errors of an operation that did not start. Errors of gqlgen's parser and validator become BAD_REQUEST,
// without the values that they quote. Errors with a code of an extension stay as they are.
func requestErrors(list gqlerror.List) gqlerror.List {
	for _, e := range list {
		code, _ := e.Extensions["code"].(string)
		if !kinds[code] {
			if e.Extensions == nil {
				e.Extensions = map[string]any{}
			}
			e.Extensions["code"] = errs.BadRequest.Code()
			if reason, ok := reasons[code]; ok {
				e.Extensions["reason"] = reason
			}
			e.Message = redact(e.Message)
		}
	}
	return list
}

// capErrors bounds the number and length of errors. It returns how many errors it has left out, for extensions.errorsOmitted. The
// data of the answer is not touched.
func capErrors(list gqlerror.List) (kept gqlerror.List, omitted int) {
	if len(list) > maxErrors {
		omitted = len(list) - maxErrors
		list = list[:maxErrors]
	}
	for _, e := range list {
		if len(e.Message) > maxMessage {
			cut := maxMessage
			for cut > 0 && !utf8.RuneStart(e.Message[cut]) {
				cut--
			}
			e.Message = e.Message[:cut] + "…"
		}
		code, _ := e.Extensions["code"].(string)
		if !kinds[code] {
			if e.Extensions == nil {
				e.Extensions = map[string]any{}
			}
			e.Extensions["code"] = errs.Internal.Code()
		}
	}
	return list, omitted
}

// codeOf returns the code of the first error, or "OK" if there is none.
func codeOf(list gqlerror.List) string {
	if len(list) == 0 {
		return "OK"
	}
	code, _ := list[0].Extensions["code"].(string)
	return code
}

// status returns the HTTP status of a request that was not executed. With the media type of GraphQL it is 400; with
// application/json the specification wants 200 for a request that is well-formed. In a stream of events the errors are a result.
func status(list gqlerror.List, mediaType string) int {
	if mediaType == mediaEvents {
		return http.StatusOK
	}
	code := statusOf(errs.Kind(codeOf(list)))
	if code == http.StatusBadRequest && mediaType == mediaJSON {
		return http.StatusOK
	}
	return code
}

// statusOf returns the HTTP status of an error of a kind.
func statusOf(kind errs.Kind) int {
	switch kind {
	case errs.Unauthenticated:
		return http.StatusUnauthorized
	case errs.Forbidden:
		return http.StatusForbidden
	case errs.RateLimited:
		return http.StatusTooManyRequests
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	case errs.Internal:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// setRetryAfter repeats the first error's extensions.retryAfter as a header.
func setRetryAfter(h http.Header, list gqlerror.List) {
	if len(list) == 0 {
		return
	}
	if n, ok := list[0].Extensions["retryAfter"].(int); ok && n > 0 {
		h.Set("Retry-After", strconv.Itoa(n))
	}
}
