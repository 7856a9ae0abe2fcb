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
	kind, message := errs.Internal, "internal error"
	if e, ok := errors.AsType[*errs.Error](err); ok {
		kind, message = e.Kind, e.Message
	}
	return &gqlerror.Error{
		Message: message, Path: graphql.GetPath(ctx), Extensions: map[string]any{"code": kind.Code()},
	}
}

// Recover turns a panic into an error without a detail.
func Recover(context.Context, any) error { return errs.New(errs.Internal, "internal error") }
