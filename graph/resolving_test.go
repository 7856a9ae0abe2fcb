package graph_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/graph"
	"roost/internal/reqstats"
	"roost/server/guard"
)

// Queries run together up to a number of points; the next one waits, and is refused if its client does not. Mutations never wait.
func TestResolvingIsBounded(t *testing.T) {
	t.Parallel()
	r := graph.NewResolving(100)
	begun, hold := make(chan struct{}, 10), make(chan struct{})
	run := func(ctx context.Context, kind ast.Operation, cost int) *graphql.Response {
		oc := &graphql.OperationContext{Operation: &ast.OperationDefinition{Operation: kind}, Stats: guard.StatsWithCost(cost)}
		ctx = graphql.WithOperationContext(ctx, oc)
		return r.InterceptOperation(ctx, func(context.Context) graphql.ResponseHandler {
			return func(context.Context) *graphql.Response {
				begun <- struct{}{}
				select {
				case <-hold:
				case <-ctx.Done():
				}
				return &graphql.Response{}
			}
		})(ctx)
	}
	var running sync.WaitGroup
	start := func(ctx context.Context, kind ast.Operation, cost int) {
		running.Go(func() {
			if resp := run(ctx, kind, cost); len(resp.Errors) > 0 {
				t.Errorf("a %s of %d points was refused: %v", kind, cost, resp.Errors)
			}
		})
	}
	for range 2 {
		start(t.Context(), ast.Query, 40)
		<-begun
	}
	start(t.Context(), ast.Mutation, 1000)
	<-begun
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, cost := range []int{21, 1000} {
		if resp := run(gone, ast.Query, cost); len(resp.Errors) != 1 || resp.Errors[0].Extensions["code"] != "UNAVAILABLE" {
			t.Errorf("beyond the bound a query of %d points answers %+v", cost, resp)
		}
	}
	start(t.Context(), ast.Query, 20) // the last points
	<-begun
	start(t.Context(), ast.Query, 1000) // takes all points there are
	close(hold)
	<-begun
	running.Wait()
}

// The goroutines of a page are not held back by each other, so a full page is read in as many batches as a small one.
func TestResolversBatchFullPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 24, 240)
	w.resolver.Sources.Wait = 100 * time.Millisecond // so that all fields of a level ask before their batch is fetched
	exec := executorOf(w.schema, w.resolver)
	const doc = `query($n: Int!) { viewer { homeTimeline(first: $n) { nodes {
		id author { username } replyCount reactions { likeCount } } } } }`
	batches := func(n int) int64 {
		ctx, stats := reqstats.With(t.Context())
		resp, ok := runIn(ctx, exec, doc, map[string]any{"n": n}, w.users[0])
		if !ok || len(resp.Errors) > 0 {
			t.Fatal(resp)
		}
		return stats.Waits()
	}
	if few, many := batches(10), batches(100); few != many || few == 0 {
		t.Errorf("a page of 10 is read in %d batches, one of 100 in %d", few, many)
	}
}
