package graph

import (
	"context"
	"errors"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"roost/graph/plan"
	"roost/internal/caller"
	"roost/loaders"
)

// broken is the source of a column whose store fails.
type broken struct{}

func (broken) Ask(*plan.Run, []root) bool { return false }
func (broken) Answer(_ *plan.Run, _ []root, to []int32) ([]int32, error) {
	return to, errors.New("no database")
}
func (broken) Keep(*plan.Run, []root, []int32, error) {}
func (broken) Reset()                                 {}

// queryWith compiles `{ limits }` over a type whose field is answered by f.
func queryWith(t *testing.T, f plan.Field[root]) (*plan.Plan, *graphql.OperationContext) {
	t.Helper()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: "type Query { limits: Int }"})
	doc, errs := gqlparser.LoadQueryWithRules(schema, "{ limits }", nil)
	if errs != nil {
		t.Fatal(errs)
	}
	oc := &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0]}
	typ := &plan.Type[root]{Name: "Query", Is: []string{"Query"}, Fields: map[string]plan.Field[root]{"limits": f}}
	p, why := plan.Compile(oc, typ, oc.Operation.SelectionSet)
	if p == nil {
		t.Fatal(why)
	}
	return p, oc
}

// A query that a plan does not answer is answered by the resolvers, which go on with what the plan has read. One that is too large,
// or that has no permit after a failure of a store, is refused without them.
func TestOutcomesOfQueries(t *testing.T) {
	t.Parallel()
	failing := &plan.Column[root, int32]{Source: func() plan.Source[root, int32] { return broken{} }}
	for name, c := range map[string]struct {
		field     plan.Field[root]
		busy      bool // no permit is free
		want      Outcome
		resolvers bool
		code      any
	}{
		"answered":             {plan.Key(func(_ *plan.Run, b []byte, _ root) []byte { return append(b, '1') }), true, Answered, false, nil},
		"a panic":              {plan.Key(func(*plan.Run, []byte, root) []byte { panic("broken") }), true, Panicked, true, nil},
		"a failure":            {plan.Leaf(failing, plan.AppendInt), false, Failed, true, nil},
		"a failure, no permit": {plan.Leaf(failing, plan.AppendInt), true, Shed, false, "UNAVAILABLE"},
		"too many bytes": {plan.Key(func(_ *plan.Run, b []byte, _ root) []byte { return append(b, make([]byte, 100)...) }), true, TooLarge,
			false, "RESPONSE_TOO_LARGE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []Outcome
			p := NewPlans(PlansConfig{Resolver: &Resolver{}, Most: func(context.Context) int { return 50 },
				Outcome: func(_ ast.Operation, o Outcome) { got = append(got, o) }})
			for c.busy && len(p.permits) < cap(p.permits) {
				p.permits <- struct{}{}
			}
			asked := false
			next := func(context.Context) graphql.ResponseHandler {
				return func(ctx context.Context) *graphql.Response {
					if asked = true; !loaders.Has(ctx) {
						t.Error("the resolvers do not get what the plan has read")
					}
					return &graphql.Response{}
				}
			}
			compiled, oc := queryWith(t, c.field)
			held := len(p.permits)
			resp := p.query(caller.With(t.Context(), &caller.Caller{}), oc, compiled, next)
			if len(got) != 1 || got[0] != c.want || asked != c.resolvers {
				t.Errorf("it ended with %v, and the resolvers were asked: %v", got, asked)
			}
			if c.code == nil != (len(resp.Errors) == 0) || c.code != nil && resp.Errors[0].Extensions["code"] != c.code {
				t.Errorf("answered with %v", resp.Errors)
			}
			if len(p.permits) != held {
				t.Errorf("%d permits are held, before it %d", len(p.permits), held)
			}
		})
	}
}
