package server_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/server"
)

// planner answers every query with a field of its own, but leaves those with `count` to the resolvers.
type planner struct{ asked, fields *atomic.Int64 }

func (planner) ExtensionName() string                   { return "planner" }
func (planner) Validate(graphql.ExecutableSchema) error { return nil }

func (p planner) AnswerQuery(ctx context.Context, op *graphql.OperationContext, next graphql.OperationHandler) *graphql.Response {
	p.asked.Add(1)
	if graphql.GetOperationContext(ctx) != op {
		return &graphql.Response{Data: []byte(`{"context":"wrong"}`)}
	}
	if strings.Contains(op.RawQuery, "count") {
		return next(ctx)(ctx)
	}
	return &graphql.Response{Data: []byte(`{"planned":true}`)}
}

// InterceptOperation does the same around operations.
func (p planner) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	if op.Operation.Operation != ast.Query {
		return next(ctx)
	}
	return func(ctx context.Context) *graphql.Response { return p.AnswerQuery(ctx, op, next) }
}

func (p planner) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	p.fields.Add(1)
	return next(ctx)
}

// around is an extension that runs around operations.
type around struct{ seen *atomic.Int64 }

func (around) ExtensionName() string                   { return "around" }
func (around) Validate(graphql.ExecutableSchema) error { return nil }

func (a around) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	a.seen.Add(1)
	return next(ctx)
}

// Each query is answered by the planner once, however extensions are ordered, and what it leaves to the resolvers is executed once.
func TestPlannerAnswersQueries(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]func(p, a graphql.HandlerExtension) []graphql.HandlerExtension{
		"alone": func(p, _ graphql.HandlerExtension) []graphql.HandlerExtension { return []graphql.HandlerExtension{p} },
		"outermost": func(p, a graphql.HandlerExtension) []graphql.HandlerExtension {
			return []graphql.HandlerExtension{p, a}
		},
		"inside of a": func(p, a graphql.HandlerExtension) []graphql.HandlerExtension {
			return []graphql.HandlerExtension{a, p}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked, fields, seen atomic.Int64
			f := start(t, func(c *server.Config) { c.Extensions = order(planner{&asked, &fields}, around{&seen}) })
			for query, want := range map[string]string{
				"{hello}":         `{"data":{"planned":true}}`,
				"{count(n:2)}":    `{"data":{"count":2}}`,
				"mutation{bump}":  `{"data":{"bump":1}}`,
				"{__typename}":    `{"data":{"planned":true}}`,
				"{a:count(n:-1)}": `{"data":{"a":-1}}`,
			} {
				if a := f.query(t, query); a.body != want {
					t.Errorf("%s: %s, want %s", query, a.body, want)
				}
			}
			if asked.Load() != 4 || fields.Load() != 3 {
				t.Errorf("asked %d times, resolved %d fields", asked.Load(), fields.Load())
			}
			if want := map[string]int64{"alone": 0, "outermost": 3, "inside of a": 5}[name]; seen.Load() != want {
				t.Errorf("%d operations were seen around, want %d", seen.Load(), want)
			}
		})
	}
}
