package rig

import (
	"testing"

	"roost/internal/ids"
)

// RowOf is the id that the tables have for a user.
func RowOf(t testing.TB, user string) int64 {
	t.Helper()
	id, ok := ids.User(user)
	if !ok {
		t.Fatalf("%q is not the id of a user", user)
	}
	return id
}
