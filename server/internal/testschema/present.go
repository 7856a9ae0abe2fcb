package testschema

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/errs"
)

// Present shows errors of ours with their code and hides all others, as the real API's presenter does.
func Present(ctx context.Context, err error) *gqlerror.Error {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok {
		e = errs.NewInternal()
	}
	return &gqlerror.Error{
		Message: e.Message, Path: graphql.GetPath(ctx), Extensions: map[string]any{"code": e.Kind.Code()},
	}
}

// Recover turns a panic into an error without a detail.
func Recover(context.Context, any) error { return errs.NewInternal() }
