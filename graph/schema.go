package graph

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"roost/graph/generated"
	"roost/internal/sqldb"
	"roost/loaders"
)

// Schema is the executable schema over the resolvers.
func Schema(r *Resolver) graphql.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{Resolvers: r, Schema: offered()})
}

// offered is the schema without the directives that gqlgen adds and Roost refuses, so that introspection does not offer
// them.
var offered = sync.OnceValue(func() *ast.Schema {
	schema := *generated.NewExecutableSchema(generated.Config{}).Schema()
	schema.Directives = maps.Clone(schema.Directives)
	delete(schema.Directives, "defer")
	return &schema
})

// IsResolved reports whether the field of an object has a resolver of its own.
func IsResolved(object, field string) bool { return resolved()[strings.ToLower(object+"."+field)] }

// resolved holds the fields that the generated interfaces of the resolvers name, in lower case: the names of methods are not quite those
// of fields.
var resolved = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for object := range reflect.TypeFor[generated.ResolverRoot]().Methods() {
		for field := range object.Type.Out(0).Methods() {
			all[strings.ToLower(object.Name+"."+field.Name)] = true
		}
	}
	return all
})

// SDL is the schema as it is served, with its descriptions.
func SDL(es graphql.ExecutableSchema) string { return text(es.Schema()) }

// text writes a schema. The formatter leaves the schema's own description out.
func text(schema *ast.Schema) string {
	var b strings.Builder
	if schema.Description != "" {
		fmt.Fprintf(&b, "\"\"\"\n%s\n\"\"\"\nschema {\n  query: Query\n  mutation: Mutation\n  subscription: Subscription\n}\n",
			schema.Description)
	}
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchema(schema)
	return b.String()
}

// LoaderScope is the extension that makes a new set of loaders for every query, every field of a mutation and every event of
// a subscription. So nothing that a loader remembers is older than the operation. It also lets subscriptions wait longer
// for the database than requests, whose clients can try again.
type LoaderScope struct{ Sources loaders.Sources }

var (
	_ graphql.HandlerExtension     = LoaderScope{}
	_ graphql.OperationInterceptor = LoaderScope{}
	_ graphql.ResponseInterceptor  = LoaderScope{}
	_ graphql.RootFieldInterceptor = LoaderScope{}
)

// ExtensionName is part of graphql.HandlerExtension.
func (LoaderScope) ExtensionName() string { return "LoaderScope" }

// Validate is called when the extension is installed.
func (LoaderScope) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation is called for each query, mutation and subscription.
func (LoaderScope) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
		ctx = sqldb.Patient(ctx)
	}
	return next(ctx)
}

// InterceptResponse is called for each query, mutation and event. A query that a plan has begun goes on with the plan's set.
func (s LoaderScope) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if loaders.Has(ctx) {
		return next(ctx)
	}
	return next(loaders.With(ctx, loaders.New(ctx, &s.Sources)))
}

// InterceptRootField is called for each field of a query or mutation.
func (s LoaderScope) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Mutation {
		ctx = loaders.With(ctx, loaders.New(ctx, &s.Sources))
	}
	return next(ctx)
}
