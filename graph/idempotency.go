package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/domain/tweets"
	"roost/internal/errs"
)

// Idempotency is the extension that assigns the idempotency keys of a request to the fields of a mutation: those of the directive
// @idempotent, or the one of the header Idempotency-Key. It refuses operations with invalid keys, or with a header that does not belong
// to one field, with BAD_REQUEST and before anything runs. Pages refuses the directive at fields that do not take it.
type Idempotency struct{}

var (
	_ graphql.HandlerExtension     = Idempotency{}
	_ graphql.OperationInterceptor = Idempotency{}
)

const (
	idempotent = "idempotent"
	// keyHeader is in the form in which net/http stores names of headers.
	keyHeader = "Idempotency-Key"
	// takesKey is the field of mutations that takes a key.
	takesKey = "createTweet"
)

// ExtensionName is part of graphql.HandlerExtension.
func (Idempotency) ExtensionName() string { return "Idempotency" }

// Validate is called when the extension is installed.
func (Idempotency) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation is called for each query, mutation and subscription.
func (Idempotency) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	oc := graphql.GetOperationContext(ctx)
	header := oc.Headers[keyHeader]
	if oc.Operation.Operation != ast.Mutation && header == nil {
		return next(ctx)
	}
	keys, err := keysOf(oc, header)
	if err != nil {
		return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{Present(ctx, err)}})
	}
	if len(keys) > 0 {
		ctx = context.WithValue(ctx, keysKey{}, keys)
	}
	return next(ctx)
}

type keysKey struct{}

// idempotencyKey returns the key of the field that is being resolved, empty if it has none.
func idempotencyKey(ctx context.Context) string {
	keys, _ := ctx.Value(keysKey{}).(map[string]string)
	return keys[graphql.GetFieldContext(ctx).Field.Alias]
}

// keysOf returns the keys of the fields of an operation, by the names of the fields in the answer. header has the values of the header.
func keysOf(oc *graphql.OperationContext, header []string) (map[string]string, error) {
	if len(header) > 0 && oc.Operation.Operation != ast.Mutation {
		return nil, misplacedHeader()
	}
	k := keyed{variables: oc.Variables, seen: map[string]bool{}}
	if err := k.set(oc.Operation.SelectionSet); err != nil {
		return nil, err
	}
	if len(header) == 0 {
		return k.keys, nil
	}
	if len(header) > 1 {
		return nil, errs.New(errs.BadRequest, "a request has one Idempotency-Key")
	}
	if len(k.fields) != 1 || k.fields[0].Name != takesKey {
		return nil, misplacedHeader()
	}
	return k.keys, k.add(k.fields[0].Alias, header[0])
}

func misplacedHeader() *errs.Error {
	return errs.New(errs.BadRequest, "Idempotency-Key is for requests with one mutation, "+takesKey)
}

// keyed collects the fields of a mutation, and their keys. GraphQL merges fields with the same name in the answer, and their
// directives may differ.
type keyed struct {
	variables map[string]any
	seen      map[string]bool // names of fragments
	fields    []*ast.Field    // of each name in the answer the first, without __typename
	keys      map[string]string
}

func (k *keyed) set(set ast.SelectionSet) error {
	for _, selection := range set {
		var err error
		switch s := selection.(type) {
		case *ast.Field:
			err = k.field(s)
		case *ast.InlineFragment:
			if included(s.Directives, k.variables) {
				err = k.set(s.SelectionSet)
			}
		case *ast.FragmentSpread:
			if !k.seen[s.Name] && included(s.Directives, k.variables) {
				k.seen[s.Name] = true
				err = k.set(s.Definition.SelectionSet)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *keyed) field(f *ast.Field) error {
	if f.Name == "__typename" || !included(f.Directives, k.variables) {
		return nil
	}
	if !k.has(f.Alias) {
		k.fields = append(k.fields, f)
	}
	d := f.Directives.ForName(idempotent)
	if d == nil {
		return nil
	}
	key, _ := d.ArgumentMap(k.variables)["key"].(string)
	return k.add(f.Alias, key)
}

func (k *keyed) has(alias string) bool {
	for _, f := range k.fields {
		if f.Alias == alias {
			return true
		}
	}
	return false
}

// add checks a key and assigns it to a field.
func (k *keyed) add(alias, key string) error {
	if e := tweets.CheckKey(key); e != nil {
		return e
	}
	if other, ok := k.keys[alias]; ok && other != key {
		return errs.New(errs.BadRequest, "a field has two different idempotency keys")
	}
	if k.keys == nil {
		k.keys = map[string]string{}
	}
	k.keys[alias] = key
	return nil
}

// misplaced returns a refusal if a field has the directive and does not take a key.
func misplaced(f *ast.Field) *gqlerror.Error {
	if len(f.Directives) == 0 || f.Name == takesKey && f.ObjectDefinition != nil && f.ObjectDefinition.Name == "Mutation" {
		return nil
	}
	d := f.Directives.ForName(idempotent)
	if d == nil {
		return nil
	}
	return &gqlerror.Error{Message: "@idempotent is for the mutation " + takesKey + " only", Locations: locations(d.Position),
		Extensions: map[string]any{"code": errs.BadRequest.Code(), "reason": errs.ReasonValidation}}
}
