// Package variables checks the variables of an operation before it begins, by the rules of the GraphQL specification and
// with the messages of graphql-js, so that developers of clients meet familiar errors.
//
// The messages of gqlparser's own check do not describe the variable's type or the place of the fault in words. The check also
// accepts some values that a resolver's decoder refuses later, as an error of a field: strings for Int, numbers of 64 bits,
// enum values in lower case, numbers for String, input objects with @oneOf.
//
// Unlike the messages of graphql-js, the messages of this package do not repeat values: a client may have put a password where
// none belongs.
package variables

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"roost/internal/errs"
)

// Check returns what is wrong with the first variable that does not fit its type, as BAD_REQUEST with the reason
// VARIABLES. Values are what a JSON decoder made; numbers may be json.Number.
func Check(schema *ast.Schema, op *ast.OperationDefinition, values map[string]any) *gqlerror.Error {
	for _, v := range op.VariableDefinitions {
		value, given := values[v.Variable]
		var fault string
		switch {
		case !given && v.DefaultValue == nil && v.Type.NonNull:
			fault = fmt.Sprintf("Variable \"$%s\" of required type %q was not provided.", v.Variable, v.Type)
		case given && value == nil && v.Type.NonNull:
			fault = fmt.Sprintf("Variable \"$%s\" of non-null type %q must not be null.", v.Variable, v.Type)
		case given && value == nil:
			if expected := nonNullUse(op, v.Variable); expected != nil {
				fault = fmt.Sprintf("Variable \"$%s\" must not be null where type %q is expected.", v.Variable, expected)
			}
		case given:
			c := coercion{schema: schema}
			if fault = c.value(v.Type, value); fault != "" {
				at := ""
				if place := c.place(); place != "" {
					at = fmt.Sprintf(" at %q", v.Variable+place)
				}
				fault = fmt.Sprintf("Variable \"$%s\" got invalid value%s; %s", v.Variable, at, fault)
			}
		}
		if fault != "" {
			return refusal(v, fault)
		}
	}
	return nil
}

func refusal(v *ast.VariableDefinition, message string) *gqlerror.Error {
	err := &gqlerror.Error{Message: message, Extensions: map[string]any{"code": errs.BadRequest.Code(), "reason": errs.ReasonVariables}}
	if v.Position != nil {
		err.Locations = []gqlerror.Location{{Line: v.Position.Line, Column: v.Position.Column}}
	}
	return err
}

// coercion is the check of one variable. After a fault, path leads to the faulty value; its innermost step is the last.
type coercion struct {
	schema *ast.Schema
	path   []any
}

// place writes the path as graphql-js does: ".device.names[1]".
func (c *coercion) place() string {
	var b strings.Builder
	for _, step := range c.path {
		switch step := step.(type) {
		case string:
			b.WriteString("." + step)
		case int:
			b.WriteString("[" + strconv.Itoa(step) + "]")
		}
	}
	return b.String()
}

// at checks a value below this one.
func (c *coercion) at(step any, typ *ast.Type, value any) string {
	c.path = append(c.path, step)
	fault := c.value(typ, value)
	if fault == "" {
		c.path = c.path[:len(c.path)-1]
	}
	return fault
}

// value returns what is wrong with a value, empty if nothing is.
func (c *coercion) value(typ *ast.Type, value any) string {
	if value == nil {
		if typ.NonNull {
			return fmt.Sprintf("Expected non-nullable type %q not to be null.", typ)
		}
		return ""
	}
	if typ.Elem != nil {
		items, ok := value.([]any)
		if !ok {
			return c.value(typ.Elem, value) // one is a list of one
		}
		for i, item := range items {
			if fault := c.at(i, typ.Elem, item); fault != "" {
				return fault
			}
		}
		return ""
	}
	switch def := c.schema.Types[typ.NamedType]; def.Kind {
	case ast.InputObject:
		return c.object(def, value)
	case ast.Enum:
		return enum(def, value)
	default:
		return scalar(def.Name, value)
	}
}

// object checks an input object: the fields that it has, those that it should have, and those that it should not.
func (c *coercion) object(def *ast.Definition, value any) string {
	fields, ok := value.(map[string]any)
	if !ok {
		return fmt.Sprintf("Expected type %q to be an object.", def.Name)
	}
	for _, f := range def.Fields {
		inner, given := fields[f.Name]
		switch {
		case given:
			if fault := c.at(f.Name, f.Type, inner); fault != "" {
				return fault
			}
		case f.Type.NonNull && f.DefaultValue == nil:
			return fmt.Sprintf("Field %q of required type %q was not provided.", f.Name, f.Type)
		}
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names) // the same fault each time
	for _, name := range names {
		if def.Fields.ForName(name) == nil && name != "__typename" { // which clients leave in what they read
			return fmt.Sprintf("Field %q is not defined by type %q.", name, def.Name)
		}
	}
	if def.Directives.ForName("oneOf") != nil {
		if len(fields) != 1 {
			return fmt.Sprintf("Exactly one key must be specified for OneOf type %q.", def.Name)
		}
		if fields[names[0]] == nil {
			c.path = append(c.path, names[0])
			return fmt.Sprintf("Field %q must be non-null.", names[0])
		}
	}
	return ""
}

func enum(def *ast.Definition, value any) string {
	name, ok := value.(string)
	switch {
	case !ok:
		return fmt.Sprintf("Enum %q cannot represent non-string value.", def.Name)
	case def.EnumValues.ForName(name) == nil:
		return fmt.Sprintf("Value does not exist in %q enum.", def.Name)
	}
	return ""
}

// scalar checks the scalars of the specification. Custom scalars are checked when they are decoded.
func scalar(name string, value any) string {
	switch name {
	case "Int":
		n, ok := whole(value)
		switch {
		case !ok:
			return "Int cannot represent non-integer value."
		case n < math.MinInt32 || n > math.MaxInt32:
			return "Int cannot represent non 32-bit signed integer value."
		}
	case "Float":
		if !isNumber(value) {
			return "Float cannot represent non numeric value."
		}
	case "String":
		if _, ok := value.(string); !ok {
			return "String cannot represent a non string value."
		}
	case "Boolean":
		if _, ok := value.(bool); !ok {
			return "Boolean cannot represent a non boolean value."
		}
	case "ID":
		if _, ok := value.(string); ok {
			break
		}
		if _, ok := whole(value); !ok {
			return "ID cannot represent value."
		}
	}
	return ""
}

func isNumber(value any) bool {
	switch value := value.(type) {
	case json.Number:
		_, err := value.Float64() // it may be too large
		return err == nil
	case float64, int64, int:
		return true
	}
	return false
}

// whole returns the value as an integer. ok is false for anything else, also for integers beyond 64 bits and for numbers
// written with a point or an exponent.
func whole(value any) (n int64, ok bool) {
	switch value := value.(type) {
	case json.Number:
		n, err := value.Int64()
		return n, err == nil
	case float64:
		return int64(value), value == math.Trunc(value) && math.Abs(value) < 1<<53
	case int64:
		return value, true
	case int:
		return int64(value), true
	}
	return 0, false
}
