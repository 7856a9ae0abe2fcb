package graph

import (
	"context"
	"io"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/domain/accounts"
	"roost/graph/model"
	"roost/graph/plan"
	"roost/internal/caller"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/loaders"
	"roost/server/document"
)

// Plans is the extension that answers queries, payloads of mutations and objects of events from plans. Whatever it cannot answer is
// executed by the resolvers: queries from the start, with the values that were read already. A mutation is never executed twice.
type Plans struct {
	PlansConfig
	permits chan struct{} // for queries that the resolvers answer because a store failed
}

// PlansConfig is what plans need.
type PlansConfig struct {
	Resolver *Resolver
	// Most returns how many bytes of data an answer may have; nil is math.MaxInt.
	Most func(ctx context.Context) int
	// Outcome is called with how each query, field of a mutation, and object of an event was answered; nil ignores it.
	Outcome func(kind ast.Operation, o Outcome)
}

// Outcome is how a plan ended: it answered, or the reason why it did not. It is a label of metrics.
type Outcome string

// The outcomes. The first five are the results of package plan.
const (
	Answered Outcome = "answered"
	Failed   Outcome = "error"    // a store failed
	Refused  Outcome = "argument" // an argument that the resolvers refuse, or that only they handle
	Null     Outcome = "null"     // null where the schema forbids it, or a page that has to be filled up
	TooLarge Outcome = "large"    // more bytes than an answer may have
	Cold     Outcome = "cold"     // the document has something that no plan answers
	Panicked Outcome = "panic"    // the plan panicked
	Shed     Outcome = "shed"     // a store failed, and there was no permit for the resolvers
)

// Outcomes lists all outcomes.
var Outcomes = [...]Outcome{Answered, Failed, Refused, Null, TooLarge, Cold, Panicked, Shed}

var (
	_ graphql.HandlerExtension     = (*Plans)(nil)
	_ graphql.OperationInterceptor = (*Plans)(nil)
	_ graphql.FieldInterceptor     = (*Plans)(nil)
)

// NewPlans returns the extension.
func NewPlans(cfg PlansConfig) *Plans {
	if cfg.Outcome == nil {
		cfg.Outcome = func(ast.Operation, Outcome) {}
	}
	if cfg.Most == nil {
		cfg.Most = func(context.Context) int { return math.MaxInt / 2 }
	}
	return &Plans{PlansConfig: cfg, permits: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
}

// ExtensionName is part of graphql.HandlerExtension.
func (*Plans) ExtensionName() string { return "Plans" }

// Validate is called when the extension is installed.
func (*Plans) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation is called for each query, mutation and subscription.
func (p *Plans) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	oc := graphql.GetOperationContext(ctx)
	if oc.Operation.Operation != ast.Query {
		return next(ctx)
	}
	compiled := p.of(oc, nil)
	if compiled == nil {
		p.Outcome(ast.Query, Cold)
		return next(ctx)
	}
	return func(ctx context.Context) *graphql.Response { return p.query(ctx, oc, compiled, next) }
}

// maxPrepared is for how many conditions of a query PrepareOperation compiles all plans.
const maxPrepared = 4

// PrepareOperation compiles the plans of a query, or of the payloads of a mutation, before the first request. Queries with more than
// maxPrepared conditions, mutations with conditions, and what events of subscriptions need are left to the first request.
func (p *Plans) PrepareOperation(oc *graphql.OperationContext) {
	conditions := conditionsOf(oc.Operation, oc.Doc)
	switch kind := oc.Operation.Operation; {
	case kind == ast.Query && len(conditions) <= maxPrepared:
		defer func(before map[string]any) { oc.Variables = before }(oc.Variables)
		for bits := range 1 << len(conditions) {
			oc.Variables = map[string]any{}
			for i, name := range conditions {
				oc.Variables[name] = bits>>i&1 == 1
			}
			p.of(oc, nil)
		}
	case kind == ast.Mutation && len(conditions) == 0:
		for _, field := range graphql.CollectFields(oc, oc.Operation.SelectionSet, []string{"Mutation"}) {
			if f := field; f.Definition != nil && payloadTypes[f.Definition.Type.Name()] != nil {
				p.of(oc, &f)
			}
		}
	}
}

// query answers a query from its plan, else through next.
func (p *Plans) query(ctx context.Context, oc *graphql.OperationContext, plan *plan.Plan, next graphql.OperationHandler) *graphql.Response {
	set, most := loaders.New(ctx, &p.Resolver.Sources), p.Most(ctx)
	data, outcome := p.answer(ctx, plan, oc.Variables, set, root{}, most)
	switch outcome {
	case Answered:
		p.Outcome(ast.Query, outcome)
		return &graphql.Response{Data: data}
	case TooLarge:
		p.Outcome(ast.Query, outcome)
		return &graphql.Response{Errors: gqlerror.List{Present(ctx, errs.NewTooLarge(most))}}
	case Failed:
		select {
		case p.permits <- struct{}{}:
			defer func() { <-p.permits }()
		default:
			p.Outcome(ast.Query, Shed)
			return &graphql.Response{Errors: gqlerror.List{Present(ctx, errs.Busy("the server", shedFor))}}
		}
	}
	p.Outcome(ast.Query, outcome)
	ctx = loaders.With(ctx, set)
	return next(ctx)(ctx)
}

// shedFor is how long a client waits after its query was refused because a store fails.
const shedFor = time.Second

// InterceptField is called for each field that the resolvers resolve. It writes the payload of a mutation, and the object of an event
// of a subscription.
func (p *Plans) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	res, err := next(ctx)
	if err != nil {
		return res, err
	}
	oc, fc := graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx)
	key := plannedKey(fc.Object, res)
	if key == nil {
		return res, nil
	}
	compiled, kind := p.of(oc, &fc.Field), oc.Operation.Operation
	if compiled == nil {
		p.Outcome(kind, Cold)
		return res, nil
	}
	data, outcome := p.answer(ctx, compiled, oc.Variables, loaders.From(ctx), key, p.Most(ctx))
	p.Outcome(kind, outcome)
	if outcome != Answered {
		return res, nil
	}
	return written(data), nil
}

// plannedKey returns the key of an object that a plan writes, nil for an object that is left to the resolvers. parent is the type that
// has the field.
func plannedKey(parent string, res any) any {
	switch v := res.(type) {
	case interface{ Content() *model.Payload }:
		return v.Content()
	case *model.TimelineEdge:
		if parent == "TimelineEntryAdded" && v != nil {
			if r := v.Retweet; r != nil {
				return sqldb.Row{SortKey: r.SortKey, Item: r.TweetID, By: r.UserID}
			}
			return sqldb.Row{SortKey: int64(v.Node.ID), Item: int64(v.Node.ID)}
		}
	case *model.TweetEdge:
		if parent == "Subscription" && v != nil {
			return replyAfter(int64(v.Node.ID))
		}
	case *model.ReactionSummary:
		if v != nil && v.OfEvent {
			return v.TweetID
		}
	case *accounts.Session:
		if parent == "SessionEnded" && v != nil {
			return v
		}
	}
	return nil
}

// written is a value that a plan has written.
type written []byte

// MarshalGQL writes the value.
func (data written) MarshalGQL(w io.Writer) { _, _ = w.Write(data) } // a write fails if the client has left

// answer runs a plan. A panic is logged: the resolvers may not meet it.
func (p *Plans) answer(ctx context.Context, compiled *plan.Plan, vars map[string]any, set *loaders.Set, root any, most int,
) (data []byte, outcome Outcome) {
	defer func() {
		if v := recover(); v != nil {
			_ = Recover(ctx, v)
			data, outcome = nil, Panicked
		}
	}()
	who := caller.From(ctx)
	data, result := compiled.Answer(ctx, &env{Resolver: p.Resolver, set: set, who: who}, vars, root, most, nil)
	return data, Outcome(result.String())
}

// documentPlans are the plans of one document: one for each operation and each outcome of its conditions. The server keeps them as
// long as the document.
type documentPlans struct {
	mu         sync.Mutex
	conditions map[*ast.OperationDefinition][]string // the variables of @skip and @include
	variants   *simplelru.LRU[variant, *plan.Plan]
}

func newDocumentPlans() any {
	variants, _ := simplelru.NewLRU[variant, *plan.Plan](maxVariants, nil) // fails for sizes below 1 only
	return &documentPlans{conditions: map[*ast.OperationDefinition][]string{}, variants: variants}
}

// maxVariants is how many plans a document has at most; the least recently used one goes.
const maxVariants = 16

// variant names one plan of a document.
type variant struct {
	operation  *ast.OperationDefinition
	field      *ast.Field // nil for a whole query
	conditions string     // the values of the operation's conditions: a byte each
}

// of returns the plan of a query, or of a field; nil if no plan can answer it. The plan of a document that the server does not keep is
// made for one answer.
func (p *Plans) of(oc *graphql.OperationContext, field *graphql.CollectedField) *plan.Plan {
	slot := document.Of(oc)
	if slot == nil {
		return compilePlan(oc, field)
	}
	doc := slot.Value(newDocumentPlans).(*documentPlans)
	doc.mu.Lock()
	defer doc.mu.Unlock()
	names, ok := doc.conditions[oc.Operation]
	if !ok {
		names = conditionsOf(oc.Operation, oc.Doc)
		doc.conditions[oc.Operation] = names
	}
	v := variant{operation: oc.Operation, conditions: valuesOf(names, oc.Variables)}
	if field != nil {
		v.field = field.Field
	}
	c, ok := doc.variants.Get(v)
	if !ok {
		c = compilePlan(oc, field)
		doc.variants.Add(v, c)
	}
	return c
}

func compilePlan(oc *graphql.OperationContext, field *graphql.CollectedField) (p *plan.Plan) {
	if field == nil {
		p, _ = plan.Compile(oc, query, oc.Operation.SelectionSet)
		return p
	}
	switch name := field.Definition.Type.Name(); name {
	case homeEdges.Name:
		p, _ = plan.Compile(oc, homeEdges, field.Selections)
	case replyEdge.Name:
		p, _ = plan.Compile(oc, replyEdge, field.Selections)
	case summary.Name:
		p, _ = plan.Compile(oc, summary, field.Selections)
	case session.Name:
		p, _ = plan.Compile(oc, session, field.Selections)
	default:
		p, _ = plan.Compile(oc, payloadTypes[name], field.Selections)
	}
	return p
}

// valuesOf returns the values of boolean variables, a byte each.
func valuesOf(names []string, variables map[string]any) string {
	if len(names) == 0 {
		return ""
	}
	b := make([]byte, len(names))
	for i, name := range names {
		b[i] = '0'
		if on, _ := variables[name].(bool); on {
			b[i] = '1'
		}
	}
	return string(b)
}

// conditionsOf returns the variables that decide about parts of an operation.
func conditionsOf(op *ast.OperationDefinition, doc *ast.QueryDocument) []string {
	w := conditionWalk{doc: doc, seen: map[string]bool{}}
	w.set(op.SelectionSet)
	return w.names
}

type conditionWalk struct {
	doc   *ast.QueryDocument
	seen  map[string]bool // names of variables, and of fragments with a "..." in front
	names []string
}

func (w *conditionWalk) set(set ast.SelectionSet) {
	for _, sel := range set {
		switch s := sel.(type) {
		case *ast.Field:
			w.directives(s.Directives)
			w.set(s.SelectionSet)
		case *ast.InlineFragment:
			w.directives(s.Directives)
			w.set(s.SelectionSet)
		case *ast.FragmentSpread:
			w.directives(s.Directives)
			if f := w.doc.Fragments.ForName(s.Name); f != nil && !w.seen["..."+s.Name] {
				w.seen["..."+s.Name] = true
				w.set(f.SelectionSet)
			}
		}
	}
}

func (w *conditionWalk) directives(list ast.DirectiveList) {
	for _, d := range list {
		for _, a := range d.Arguments {
			if a.Value != nil && a.Value.Kind == ast.Variable && !w.seen[a.Value.Raw] {
				w.seen[a.Value.Raw] = true
				w.names = append(w.names, a.Value.Raw)
			}
		}
	}
}
