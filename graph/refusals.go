package graph

import (
	"context"
	"errors"

	"github.com/99designs/gqlgen/graphql"

	"roost/graph/model"
	"roost/internal/errs"
)

// inputFields maps, for each input type, names of fields in the domain to names in the API, where the two differ by more than an
// "Id" at the end.
var inputFields = map[string]map[string]string{
	"FollowUserInput":    {"followee": "userId"},
	"SetReactionInput":   {"tweet": "subjectId"},
	"UnfollowUserInput":  {"followee": "userId"},
	"UpdateProfileInput": {"website": "websiteUrl"},
}

// inputType is the type of the input of the mutation that is being resolved, empty if it has none.
func inputType(ctx context.Context) string {
	if arg := graphql.GetFieldContext(ctx).Field.Definition.Arguments.ForName("input"); arg != nil {
		return arg.Type.Name()
	}
	return ""
}

// inputPath returns the path of a UserError, with names of the API. It leads to the field that the domain has refused, or to
// the input itself when the domain names no field. It is empty for a mutation without input.
func inputPath(input string, field []string) []string {
	if input == "" {
		return []string{}
	}
	path := append([]string{"input"}, field...)
	if len(field) == 0 {
		return path
	}
	path[1] = inputField(input, field[0])
	return path
}

// inputField returns the field of an input type that the domain calls by a name.
func inputField(input, name string) string {
	if field, ok := inputFields[input][name]; ok {
		return field
	}
	if fields := offered().Types[input].Fields; fields.ForName(name) == nil && fields.ForName(name+"Id") != nil {
		return name + "Id"
	}
	return name
}

// refusals splits the error of a mutation: refusals of the input go into the payload, everything else is an error of the
// operation.
func refusals(input string, err error) ([]*model.UserError, error) {
	if list, ok := errors.AsType[errs.List](err); ok {
		out := make([]*model.UserError, len(list))
		for i, e := range list {
			out[i] = userError(input, e)
		}
		return out, nil
	}
	if e, ok := errors.AsType[*errs.Error](err); ok && e.Kind.IsRefusal() {
		return []*model.UserError{userError(input, e)}, nil
	}
	return []*model.UserError{}, err
}

func userError(input string, e *errs.Error) *model.UserError {
	out := &model.UserError{Code: model.UserErrorCode(e.Kind.Code()), Message: e.Message, Path: inputPath(input, e.Path)}
	if e.Limit > 0 {
		limit := int32(e.Limit)
		out.Limit = &limit
	}
	return out
}
