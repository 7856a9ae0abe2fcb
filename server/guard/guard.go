package guard

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/caller"
	"roost/internal/errs"
)

// Guard is the gqlgen extension that refuses operations beyond limits.
type Guard struct {
	// Resolved reports whether the field of an object has a resolver of its own, which costs more than a value that the object holds;
	// nil means that none has. It must be set before Validate is called.
	Resolved func(object, field string) bool

	// Free reports whether the field of an object costs nothing, with everything below it; nil means that none does. It must be set
	// before Validate is called.
	Free func(object, field string) bool

	// ListPrice returns the price of a list that the field of an object returns, if no argument of the field bounds the list. false means
	// that the list costs as much as a scalar and counts as Limits.List items, and nil that this holds for all lists. It must be set
	// before Validate is called.
	ListPrice func(object, field string) (ListPrice, bool)

	// Computed reports whether the objects of a type are computed from the object that contains them, without a look-up or a goroutine;
	// nil means that none are. Such an object costs nothing beside its fields. It must be set before Validate is called.
	Computed func(typeName string) bool

	limits Limits
	cache  graphql.Cache[*ast.QueryDocument]
	prices *Prices
}

var (
	_ graphql.HandlerExtension          = (*Guard)(nil)
	_ graphql.OperationParameterMutator = (*Guard)(nil)
	_ graphql.OperationContextMutator   = (*Guard)(nil)
	_ graphql.ResponseInterceptor       = (*Guard)(nil)
	_ graphql.RootFieldInterceptor      = (*Guard)(nil)
)

// New returns a guard with the limits. cache is the query cache of the executor: its documents have passed the guard.
func New(limits Limits, cache graphql.Cache[*ast.QueryDocument]) (*Guard, error) {
	limits, err := limits.withDefaults()
	return &Guard{limits: limits, cache: cache}, err
}

// ExtensionName is how gqlgen refers to the extension in errors.
func (*Guard) ExtensionName() string { return "Guard" }

// Validate computes what the schema's fields cost.
func (g *Guard) Validate(schema graphql.ExecutableSchema) error {
	g.prices = newPrices(schema.Schema(), g)
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

// CostOf returns the cost of an operation that has passed a guard, in points.
func CostOf(op *graphql.OperationContext) int {
	cost, _ := op.Stats.GetExtension(costKey).(int)
	return cost
}

// StatsWithCost returns statistics that hold nothing but a cost, for CostOf.
func StatsWithCost(cost int) (s graphql.Stats) {
	s.SetExtension(costKey, cost)
	return s
}

// MutateOperationContext checks the operation's cost.
func (g *Guard) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	most := byCaller(ctx, g.limits.Cost, g.limits.AnonymousCost)
	cost := g.prices.Cost(op.Operation, op.Variables, most)
	op.Stats.SetExtension(costKey, cost)
	if cost <= most {
		return nil
	}
	return refusal(tooExpensive(most, g.prices.largestPage(op.Operation, op.Variables, most)))
}

// CheckLeast refuses an operation that costs more than any caller may spend, whatever the values of its variables.
func (g *Guard) CheckLeast(op *ast.OperationDefinition) *errs.Error {
	if least := g.prices.Least(op, g.limits.Cost); least > g.limits.Cost {
		return tooComplex("the operation costs more than %d points; ask for fewer fields or smaller pages", g.limits.Cost)
	}
	return nil
}

// Admit checks a cost as MutateOperationContext does.
func (g *Guard) Admit(ctx context.Context, cost int) *gqlerror.Error {
	if most := byCaller(ctx, g.limits.Cost, g.limits.AnonymousCost); cost > most {
		return refusal(tooExpensive(most, 0))
	}
	return nil
}

// tooExpensive is the refusal of an operation. page is how large its pages may be, 0 if smaller ones do not help.
func tooExpensive(most, page int) *errs.Error {
	if page == 0 {
		return tooComplex("the operation may cost more than %d points; ask for fewer fields", most)
	}
	return tooComplex("the operation may cost more than %d points; ask for fewer fields, or for pages of at most %d items", most, page)
}

// byCaller returns the limit that applies to the caller: signedIn or anonymous.
func byCaller(ctx context.Context, signedIn, anonymous int) int {
	if caller.From(ctx).UserID() == 0 {
		return anonymous
	}
	return signedIn
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
