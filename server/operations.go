package server

import (
	"context"
	"net/http"
	"time"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"

	"roost/server/budget"
	"roost/server/document"
	"roost/server/guard"
	"roost/server/transport"
	"roost/server/variables"
)

// operations is gqlgen's executor with checks of variables, and with a shorter way for operations that have passed all checks
// before: it makes the context of such an operation from a template. What the shorter way does not cover, and every operation
// that is refused, goes the whole way.
type operations struct {
	*executor.Executor
	schema    *ast.Schema
	documents *documents
	guard     *guard.Guard
	queries   transport.PersistedQueries
	checks    []DocumentCheck
	// documentsOnly refuses all documents but the pinned ones.
	documentsOnly bool
	// hidden is set without introspection.
	hidden    bool
	preparers []DocumentPreparer
	// persisted keeps documents that clients send with their hashes, once their operations may run.
	persisted transport.Persisted
	// budgets bound what callers spend; nil is no bound.
	budgets *budget.Budgets
	// whole is set if an extension may do with an operation what operations cannot repeat.
	whole bool
}

var (
	_ transport.Kept    = (*operations)(nil)
	_ transport.Charger = (*operations)(nil)
)

// DocumentCheck is an extension whose MutateOperationContext changes nothing. It only checks the document and its variables, and
// always returns the same for the same ones. So an operation without variables is checked once.
type DocumentCheck interface {
	graphql.OperationContextMutator
	ChecksDocument()
}

// template is what the contexts of one operation have in common.
type template struct {
	recover    graphql.RecoverFunc
	field      graphql.FieldMiddleware
	rootField  graphql.RootFieldMiddleware
	hidden     bool // DisableIntrospection
	isVariable bool // whether the operation has variables
	// Of an operation without variables: the cost is known. The statistics hold it and the slot of the document. Nothing else adds
	// to their extensions, which the contexts share.
	cost      int
	stats     graphql.Stats
	variables map[string]any
}

// use adds an extension.
func (o *operations) use(e graphql.HandlerExtension) {
	o.Use(e)
	if p, ok := e.(DocumentPreparer); ok {
		o.preparers = append(o.preparers, p)
	}
	switch e := e.(type) {
	case transport.Persisted, *guard.Guard, extension.Introspection:
		return
	case DocumentCheck:
		o.checks = append(o.checks, e)
		return
	}
	_, parameters := e.(graphql.OperationParameterMutator)
	_, contexts := e.(graphql.OperationContextMutator)
	o.whole = o.whole || parameters || contexts
}

// CreateOperationContext goes the whole way. Errors of variables replace those of gqlparser.
func (o *operations) CreateOperationContext(ctx context.Context, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	op, list := o.Executor.CreateOperationContext(ctx, params)
	if op != nil && op.Operation != nil {
		if err := variables.Check(o.schema, op.Operation, params.Variables); err != nil {
			return op, gqlerror.List{err}
		}
	}
	if list == nil {
		o.keep(op)
	}
	return op, list
}

// keep makes the template of an operation that has passed all checks, and adds the slot of its document to it.
func (o *operations) keep(op *graphql.OperationContext) {
	d := o.documents.withText(op.RawQuery)
	if d == nil || d.doc != op.Doc {
		return
	}
	document.With(&op.Stats, &d.slot)
	prepared := d.operation(op.Operation)
	if o.whole || prepared == nil || prepared.template.Load() != nil {
		return
	}
	t := &template{
		recover: op.RecoverFunc, field: op.ResolverMiddleware, rootField: op.RootResolverMiddleware,
		hidden: op.DisableIntrospection, isVariable: len(op.Operation.VariableDefinitions) > 0,
	}
	if !t.isVariable {
		t.cost, t.variables = guard.CostOf(op), op.Variables
		t.stats = guard.StatsWithCost(t.cost)
		document.With(&t.stats, &d.slot)
	}
	prepared.template.Store(t)
}

// Keep notes the hash of a document with which a client has asked for it alone.
func (o *operations) Keep(op *graphql.OperationContext, r *transport.Request) {
	if r.IsHash && !o.whole && !o.documentsOnly {
		hash, extensions := r.Persisted()
		o.documents.setHash(op.RawQuery, r.Hash, hash, extensions)
	}
}

// Known makes the context of an operation that has passed all checks before, nil if that needs the whole way.
func (o *operations) Known(ctx context.Context, r *transport.Request, h http.Header, start time.Time) *graphql.OperationContext {
	d := o.find(ctx, r)
	if d == nil {
		return nil
	}
	named := d.doc.Operations.ForName(r.OperationName)
	if named == nil {
		return nil
	}
	t := d.operation(named).template.Load()
	if t == nil {
		return nil
	}
	now := graphql.Now()
	op := &graphql.OperationContext{
		RawQuery: d.text, OperationName: r.OperationName, Doc: d.doc, Headers: h, Operation: named,
		DisableIntrospection: t.hidden, RecoverFunc: t.recover, ResolverMiddleware: t.field, RootResolverMiddleware: t.rootField,
	}
	if r.IsHash && r.ID == nil {
		op.Extensions = d.extensions
	}
	if t.isVariable {
		if !o.withVariables(ctx, op, r.Variables) {
			return nil
		}
		document.With(&op.Stats, &d.slot)
	} else {
		if o.guard.Admit(ctx, t.cost) != nil {
			return nil
		}
		op.Variables, op.Stats = t.variables, t.stats
	}
	op.Stats.OperationStart, op.Stats.Read = start, graphql.TraceTiming{Start: start, End: now}
	op.Stats.Parsing, op.Stats.Validation = graphql.TraceTiming{Start: now, End: now}, graphql.TraceTiming{Start: now, End: now}
	return op
}

// find returns the document of a request, nil if it is not kept or the request has extensions besides a hash.
func (o *operations) find(ctx context.Context, r *transport.Request) *entry {
	switch {
	case o.whole:
		return nil
	case r.ID != nil && r.HasExtensions():
		return nil
	case r.ID != nil || r.IsHash:
		if d := o.pinned(r); d != nil || !r.IsHash {
			return d
		}
		return o.stored(ctx, r.Hash)
	case o.documentsOnly || r.HasExtensions() || len(r.Text) == 0:
		return nil
	}
	return o.documents.withText(unsafe.String(unsafe.SliceData(r.Text), len(r.Text))) // which does not keep it
}

// withVariables checks the values of an operation's variables, and what depends on them.
func (o *operations) withVariables(ctx context.Context, op *graphql.OperationContext, values map[string]any) bool {
	if variables.Check(o.schema, op.Operation, values) != nil {
		return false
	}
	var err error
	if op.Variables, err = validator.VariableValues(o.schema, op.Operation, values); err != nil {
		return false
	}
	if o.guard.MutateOperationContext(ctx, op) != nil {
		return false
	}
	for _, check := range o.checks {
		if check.MutateOperationContext(ctx, op) != nil {
			return false
		}
	}
	return true
}
