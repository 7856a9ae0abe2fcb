// Package model contains the Go types of those GraphQL types that no domain package defines: connections, payloads, inputs and
// scalars.
package model

import (
	"encoding/json"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"roost/internal/errs"
)

// dateTime is RFC 3339 with milliseconds.
const dateTime = "2006-01-02T15:04:05.000Z"

// MarshalDateTime writes an instant in UTC with milliseconds.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		// A write that fails is a client that left; the transport notices.
		_, _ = io.WriteString(w, `"`+t.UTC().Format(dateTime)+`"`)
	})
}

// UnmarshalDateTime reads RFC 3339.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, errs.New(errs.BadRequest, "a DateTime is a string")
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, errs.New(errs.BadRequest, "a DateTime looks like 2026-01-31T09:30:00.000Z")
	}
	return t.UTC(), nil
}

// MarshalURI writes a URI.
func MarshalURI(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalURI reads a string. The domain checks that it is a URI. Anything but a string is a BAD_REQUEST.
func UnmarshalURI(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", errs.New(errs.BadRequest, "a URI is a string").Because(errs.ReasonVariables)
	}
	return s, nil
}

// MarshalInt writes an Int.
func MarshalInt(n int32) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		// A write that fails is a client that left; the transport notices.
		_, _ = io.WriteString(w, strconv.FormatInt(int64(n), 10))
	})
}

// UnmarshalInt reads an Int, which GraphQL limits to signed 32 bits. Anything else is a BAD_REQUEST.
func UnmarshalInt(v any) (int32, error) {
	var n int64
	var err error
	switch v := v.(type) {
	case int64:
		n = v
	case int:
		n = int64(v)
	case json.Number:
		n, err = strconv.ParseInt(v.String(), 10, 64)
	default:
		err = strconv.ErrSyntax
	}
	if err != nil || n < math.MinInt32 || n > math.MaxInt32 {
		return 0, errs.New(errs.BadRequest, "an Int is a whole number of 32 bits")
	}
	return int32(n), nil
}
