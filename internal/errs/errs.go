// Package errs defines Roost's only error type. An error has a kind from a closed list, a message that is safe to show to
// clients, and a cause, which is only logged.
package errs

import (
	"errors"
	"fmt"
	"time"
)

// Kind classifies an error. It is the code of a top-level error, or of a UserError, in the API.
type Kind string

// Faults: they become entries of the top-level `errors` list, with the kind as `extensions.code`.
const (
	Unauthenticated        Kind = "UNAUTHENTICATED"
	Forbidden              Kind = "FORBIDDEN"
	BadRequest             Kind = "BAD_REQUEST"
	QueryTooComplex        Kind = "QUERY_TOO_COMPLEX"
	ResponseTooLarge       Kind = "RESPONSE_TOO_LARGE"
	RateLimited            Kind = "RATE_LIMITED"
	PersistedQueryNotFound Kind = "PERSISTED_QUERY_NOT_FOUND"
	Unavailable            Kind = "UNAVAILABLE"
	Internal               Kind = "INTERNAL"
)

// Refusals of an input: they become `userErrors` of the mutation's payload. NotAllowed shares its
// wire name with Forbidden, so it has a name of its own here; Code returns the wire name.
const (
	Invalid            Kind = "INVALID"
	Required           Kind = "REQUIRED"
	TooShort           Kind = "TOO_SHORT"
	TooLong            Kind = "TOO_LONG"
	Taken              Kind = "TAKEN"
	NotFound           Kind = "NOT_FOUND"
	NotAllowed         Kind = "NOT_ALLOWED"
	InvalidCredentials Kind = "INVALID_CREDENTIALS"
	Self               Kind = "SELF"
	LimitReached       Kind = "LIMIT_REACHED"

	IdempotencyKeyReused  Kind = "IDEMPOTENCY_KEY_REUSED"
	IdempotencyInProgress Kind = "IDEMPOTENCY_IN_PROGRESS"
)

// Reason distinguishes requests that are all BAD_REQUEST; it is their `extensions.reason`.
type Reason string

// The reasons.
const (
	// ReasonParse is a document that is not valid GraphQL.
	ReasonParse Reason = "PARSE"
	// ReasonValidation is a document that does not fit the schema.
	ReasonValidation Reason = "VALIDATION"
	// ReasonVariables are variables that do not fit the document.
	ReasonVariables Reason = "VARIABLES"
	// ReasonBadCursor is a cursor that does not belong to the list.
	ReasonBadCursor Reason = "BAD_CURSOR"
	// ReasonPageSize are paging arguments that do not describe a page: a size out of range, or arguments that exclude each
	// other.
	ReasonPageSize Reason = "PAGE_SIZE"
)

// Code returns the name that clients see.
func (k Kind) Code() string {
	if k == NotAllowed {
		return string(Forbidden)
	}
	return string(k)
}

// IsRefusal reports whether errors of the kind belong into `userErrors`.
func (k Kind) IsRefusal() bool {
	switch k {
	case Invalid, Required, TooShort, TooLong, Taken, NotFound, NotAllowed, InvalidCredentials, Self, LimitReached,
		IdempotencyKeyReused, IdempotencyInProgress:
		return true
	}
	return false
}

// Error is the one error type of every layer below the API.
type Error struct {
	Kind Kind
	// Message is shown to clients; it never holds internals.
	Message string
	// Path names the input field to blame, outermost first; empty if none.
	Path []string
	// Reason classifies a BadRequest further, for programs; empty if there is no finer class.
	Reason Reason
	// Limit is the limit that an input of kind TooShort, TooLong or LimitReached has violated; 0 if there is none.
	Limit int
	// RetryAfter is how long a client waits before it tries again, after RateLimited and Unavailable; 0 is unknown.
	RetryAfter time.Duration
	// Err is the cause, for logs.
	Err error
}

// Error returns the kind, the message and the cause for logs; clients get Message alone.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Kind, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Kind, e.Message)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind.
func New(kind Kind, message string, path ...string) *Error {
	return &Error{Kind: kind, Message: message, Path: path}
}

// Newf makes an error of a kind with a formatted message.
func Newf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// NewInternal returns the INTERNAL error that clients see instead of a failure which is not theirs. It has no detail.
func NewInternal() *Error { return New(Internal, "internal error") }

// NewTooLarge returns the RESPONSE_TOO_LARGE error for an answer of more than so many bytes.
func NewTooLarge(most int) *Error {
	return Newf(ResponseTooLarge, "the answer has more than %d bytes of data; ask for fewer fields or smaller pages", most)
}

// Because sets the reason of a BadRequest, and returns e.
func (e *Error) Because(reason Reason) *Error {
	e.Reason = reason
	return e
}

// Within sets the limit that the input has violated, and returns e.
func (e *Error) Within(limit int) *Error {
	e.Limit = limit
	return e
}

// Busy returns an UNAVAILABLE error for work that is refused because a bounded resource, which what names, is full.
func Busy(what string, retryAfter time.Duration) *Error {
	return &Error{Kind: Unavailable, Message: what + " is busy, try again", RetryAfter: retryAfter}
}

// KindOf returns the kind of an error, and Internal for an error that is no *Error.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool {
	return err != nil && KindOf(err) == kind
}

// List holds several refusals of one input.
type List []*Error

// Error joins the refusals for logs.
func (l List) Error() string {
	if len(l) == 0 {
		return "no refusals"
	}
	return fmt.Sprintf("%v and %d more", l[0], len(l)-1)
}

// OrNil returns the list as an error, nil if it is empty.
func (l List) OrNil() error {
	if len(l) == 0 {
		return nil
	}
	return l
}
