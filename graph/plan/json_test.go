package plan_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"pgregory.net/rapid"

	"roost/graph/plan"
)

// Strings are written as gqlgen writes them, whatever the positions of the bytes that need an escape.
func TestAppendString(t *testing.T) {
	t.Parallel()
	check := func(s string) (got, want string) {
		var b bytes.Buffer
		graphql.MarshalString(s).MarshalGQL(&b)
		return string(plan.AppendString(nil, s)), b.String()
	}
	for c := range 256 {
		for before := range 20 {
			s := strings.Repeat("x", before) + string([]byte{byte(c)}) + strings.Repeat("y", before%7)
			if got, want := check(s); got != want {
				t.Errorf("%q is written %s, want %s", s, got, want)
			}
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		bytes := rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\"\\\n\t\r\x00\x1f\x20\x21\x7f\x80\xff"))))
		s := string(bytes.Draw(r, "bytes"))
		if got, want := check(s); got != want {
			r.Errorf("%q is written %s, want %s", s, got, want)
		}
	})
}

// Times are written as the standard library formats them.
func TestAppendTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		seconds := rapid.Int64Range(-70_000_000_000, 300_000_000_000).Draw(r, "seconds") // from the year -249 to 11476
		at := time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(r, "nanoseconds"))
		if got, want := string(plan.AppendTime(nil, at)), at.UTC().Format(`"2006-01-02T15:04:05.000Z"`); got != want {
			r.Errorf("%s, want %s", got, want)
		}
	})
}
