package guard

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/errs"
)

// Guard is the gqlgen extension that holds operations to limits.
type Guard struct {
	limits Limits
	cache  graphql.Cache[*ast.QueryDocument]
	schema *ast.Schema
}

var (
	_ graphql.HandlerExtension          = (*Guard)(nil)
	_ graphql.OperationParameterMutator = (*Guard)(nil)
	_ graphql.OperationContextMutator   = (*Guard)(nil)
)

// New is a guard with the limits. The cache is that of the executor: what it holds has passed the guard.
func New(limits Limits, cache graphql.Cache[*ast.QueryDocument]) (*Guard, error) {
	limits, err := limits.withDefaults()
	return &Guard{limits: limits, cache: cache}, err
}

// ExtensionName names the extension.
func (*Guard) ExtensionName() string { return "Guard" }

// Validate learns the schema.
func (g *Guard) Validate(schema graphql.ExecutableSchema) error {
	g.schema = schema.Schema()
	return nil
}

// MutateOperationParameters checks the document's shape.
func (g *Guard) MutateOperationParameters(ctx context.Context, p *graphql.RawParams) *gqlerror.Error {
	if len(p.Query) > g.limits.Bytes {
		return refusal(tooComplex("the document is longer than %d bytes", g.limits.Bytes))
	}
	if _, passed := g.cache.Get(ctx, p.Query); passed {
		return nil
	}
	if err := Shape(p.Query, g.limits); err != nil {
		return refusal(err)
	}
	return nil
}

// costKey is where an operation's statistics hold its cost.
const costKey = "cost"

// MutateOperationContext checks the operation's cost.
func (g *Guard) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	cost := Cost(g.schema, op.Operation, op.Variables, g.limits)
	op.Stats.SetExtension(costKey, cost)
	if cost > g.limits.Cost {
		return refusal(tooComplex("the operation may cost more than %d fields; ask for fewer or smaller pages", g.limits.Cost))
	}
	return nil
}

func tooComplex(format string, args ...any) *errs.Error {
	return errs.Newf(errs.QueryTooComplex, format, args...)
}

func refusal(e *errs.Error) *gqlerror.Error {
	out := &gqlerror.Error{Message: e.Message, Extensions: map[string]any{"code": e.Kind.Code()}}
	if e.Reason != "" {
		out.Extensions["reason"] = e.Reason
	}
	return out
}
