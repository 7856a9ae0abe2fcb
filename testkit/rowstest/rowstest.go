// Package rowstest sets up cached rows over a Redis in the process, for fast tests of what reads rows.
package rowstest

import (
	"testing"

	"roost/cache"
	"roost/rows"
)

// New returns a store of rows that are read from SQL through an empty cache. It ends with the test.
func New(t testing.TB, from rows.Sources) *rows.Store {
	t.Helper()
	redis, err := cache.Open(cache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = redis.Close() })
	tier, err := cache.NewTier(redis)
	if err != nil {
		t.Fatal(err)
	}
	store, err := rows.New(tier, from)
	if err != nil {
		t.Fatal(err)
	}
	return store
}
