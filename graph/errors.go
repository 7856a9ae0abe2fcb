package graph

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/events"
	"roost/internal/errs"
	"roost/internal/parallel"
)

// Present turns an error into the error that the client gets, with a safe message and a code. The cause is logged.
func Present(ctx context.Context, err error) *gqlerror.Error {
	var out *gqlerror.Error
	if g, ok := errors.AsType[*gqlerror.Error](err); ok && g.Err == nil {
		if kind := protocolKind(g); kind != errs.Internal {
			out = &gqlerror.Error{Message: g.Message, Path: g.Path, Locations: g.Locations}
			code(out, kind)
			return out
		}
	}
	out = &gqlerror.Error{Path: graphql.GetPath(ctx)}
	if g, ok := errors.AsType[*gqlerror.Error](err); ok && len(g.Path) > 0 {
		out.Path = g.Path
	}
	e, ours := errors.AsType[*errs.Error](events.Unavailable(err))
	switch {
	case ours && e.Kind != errs.Internal:
		out.Message = e.Message
		code(out, e.Kind)
		if e.Reason != "" {
			out.Extensions["reason"] = e.Reason
		}
		if e.RetryAfter > 0 {
			out.Extensions["retryAfter"] = int(math.Ceil(e.RetryAfter.Seconds()))
		}
	case errors.Is(err, context.Canceled):
		// Nobody is there to read it.
		out.Message = "the request was cancelled"
		code(out, errs.Unavailable)
		return out
	default:
		out.Message = errs.NewInternal().Message
		code(out, errs.Internal)
	}
	if !ours || e.Err != nil {
		failed(ctx, failure{path: out.Path.String(), code: out.Extensions["code"], cause: err.Error()})
	}
	return out
}

func code(e *gqlerror.Error, k errs.Kind) {
	if e.Extensions == nil {
		e.Extensions = map[string]any{}
	}
	e.Extensions["code"] = k.Code()
}

// protocolKind is the kind of an error that gqlgen or gqlparser made: BadRequest for syntax and validation, Internal for a
// null in the wrong place.
func protocolKind(g *gqlerror.Error) errs.Kind {
	switch c := g.Extensions["code"]; c {
	case errcode.ParseFailed, errcode.ValidationFailed:
		return errs.BadRequest
	default:
		if s, ok := c.(string); ok {
			return errs.Kind(s)
		}
		return errs.Internal
	}
}

// Recover turns a panic of a resolver into INTERNAL and logs it with its stack.
func Recover(ctx context.Context, p any) error {
	stack := debug.Stack()
	if elsewhere, ok := p.(*parallel.Panic); ok {
		p, stack = elsewhere.Value, elsewhere.Stack
	}
	failed(ctx, failure{path: graphql.GetPath(ctx).String(), code: errs.Internal.Code(),
		cause: fmt.Sprint("panic: ", p), stack: string(stack)})
	return errs.NewInternal()
}
