package guard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/caller"
	"roost/server/guard"
)

// An answer may have as many bytes of data as the limit says; with one more it is an error with nothing of the
// data, however the bytes are spread over root fields.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	const anonymous, signedIn = 1000, 5000
	e := newExecutor(t, guard.Limits{AnonymousAnswerBytes: anonymous, AnswerBytes: signedIn})
	texts := func(sizes ...int) string {
		var b strings.Builder
		for i, n := range sizes {
			fmt.Fprintf(&b, `t%d:echo(text:%q)`, i, strings.Repeat("x", n))
		}
		return "{" + b.String() + "}"
	}
	for user, most := range map[int64]int{0: anonymous, 1: signedIn} {
		ctx := caller.With(t.Context(), caller.New(user, user))
		for query, want := range map[string]string{
			texts(most - len(`{"t0":""}`)):                           "OK",
			texts(most - len(`{"t0":""}`) + 1):                       "RESPONSE_TOO_LARGE",
			texts(most-len(`{"t0":"","t1":"x"}`), 1):                 "OK",
			texts(1, most-len(`{"t0":"","t1":"x"}`)+1):               "RESPONSE_TOO_LARGE",
			texts(most, most, 1):                                     "RESPONSE_TOO_LARGE",
			strings.Replace(texts(most+1), "{", "{hello ", 1):        "RESPONSE_TOO_LARGE",
			strings.Replace(texts(1), "{", "{panic ", 1):             "INTERNAL", // a resolver's panic is not taken for a full answer
			strings.Replace(texts(1), "{", "{item(id:0){panic} ", 1): "INTERNAL",
		} {
			op, list := e.CreateOperationContext(graphql.StartOperationTrace(ctx), &graphql.RawParams{Query: query})
			if list != nil {
				t.Fatalf("%.100s: %v", query, list)
			}
			responses, ctx := e.DispatchOperation(ctx, op)
			resp := responses(ctx)
			code := codeOf(resp.Errors)
			if code == "" {
				code = "INTERNAL" // as the transports show what has no code
			}
			if code != want {
				t.Errorf("user %d, %.100s: %s, want %s", user, query, code, want)
			}
			if tooLarge := want == "RESPONSE_TOO_LARGE"; tooLarge != (len(resp.Data) == 0) || len(resp.Data) > most {
				t.Errorf("user %d, %.100s: %d bytes of data", user, query, len(resp.Data))
			}
		}
	}
}
