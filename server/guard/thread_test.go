package guard_test

import (
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/caller"
)

// The largest page of replies with everything that the typed client shows of a conversation, as docs/api/limits.md says.
func TestLargestPageOfAConversation(t *testing.T) {
	t.Parallel()
	_, e := loadContract(t)
	const operations = "../../web/client/operations/"
	doc := readFile(t, operations+"fragments.graphql") + readFile(t, operations+"tweets.graphql")
	for user, most := range map[int64]int64{0: 33, 1: 97} {
		for first := int64(1); ; first++ {
			ctx := caller.With(graphql.StartOperationTrace(t.Context()), caller.New(user, user))
			_, list := e.CreateOperationContext(ctx, &graphql.RawParams{Query: doc, OperationName: "Thread",
				Variables: map[string]any{"id": "x", "first": first}})
			if list == nil {
				continue
			}
			if first != most+1 {
				t.Errorf("user %d: a page of %d replies is refused, want one of %d: %v", user, first, most+1, list)
			}
			break
		}
	}
}
