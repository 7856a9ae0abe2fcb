package graph_test

import (
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/caller"
)

// BenchmarkHome answers a page of 20 from embedded stores, through both executors.
func BenchmarkHome(b *testing.B) {
	w := newWorld(b, 24, 120)
	const doc = `{ viewer { homeTimeline(first: 20) { eventCursor pageInfo { endCursor hasNextPage } nodes { id text createdAt url
		author { id username name url } reactions { likeCount dislikeCount viewerReaction } viewerCanDelete } } } }`
	for name, exec := range map[string]interface {
		graphql.GraphExecutor
	}{"plans": w.plans, "resolvers": w.resolvers} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ctx := caller.With(graphql.StartOperationTrace(b.Context()), caller.New(w.users[0], w.users[0]))
				oc, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: doc})
				if len(errs) > 0 {
					b.Fatal(errs)
				}
				responses, ctx := exec.DispatchOperation(ctx, oc)
				if resp := responses(ctx); len(resp.Errors) > 0 || len(resp.Data) == 0 {
					b.Fatal(resp)
				}
			}
		})
	}
}
