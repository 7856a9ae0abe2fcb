package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"golang.org/x/sync/semaphore"

	"roost/internal/errs"
	"roost/server/guard"
)

// Resolving is the extension that bounds how much the resolvers answer at the same time. gqlgen starts a goroutine for each object of a
// list and for each field with a resolver of its own, so the goroutines of a process are bounded only if the costs of the queries are that
// run together. A query waits for its turn before it begins, and holds nothing meanwhile, so the loaders' batches stay whole. It is to be
// installed after Plans, which leaves to it the queries that it does not answer.
type Resolving struct {
	points  int64
	permits *semaphore.Weighted
}

// ResolvedPoints is what the queries may cost together that a process answers by resolvers at the same time: as much as two of the most
// expensive ones. A point is a fifth of a goroutine at most.
const ResolvedPoints = 40_000

var (
	_ graphql.HandlerExtension     = (*Resolving)(nil)
	_ graphql.OperationInterceptor = (*Resolving)(nil)
)

// NewResolving returns the extension for queries that cost so many points together.
func NewResolving(points int64) *Resolving { return &Resolving{points, semaphore.NewWeighted(points)} }

// ExtensionName is part of graphql.HandlerExtension.
func (*Resolving) ExtensionName() string { return "Resolving" }

// Validate is called when the extension is installed.
func (*Resolving) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation is called for each query, mutation and subscription that no plan answers. Mutations are not bounded: they may wait for
// others, and their payloads are small.
func (r *Resolving) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	oc := graphql.GetOperationContext(ctx)
	if oc.Operation.Operation != ast.Query {
		return next(ctx)
	}
	points := min(int64(guard.CostOf(oc)), r.points)
	return func(ctx context.Context) *graphql.Response {
		if err := r.permits.Acquire(ctx, points); err != nil {
			return &graphql.Response{Errors: gqlerror.List{Present(ctx, errs.Busy("the server", shedFor))}}
		}
		defer r.permits.Release(points)
		return next(ctx)(ctx)
	}
}
