package loaders

import (
	"testing"

	"roost/events"
	"roost/rows"
	"roost/testkit/rowstest"
)

// The position of a set is that of before its first read, whatever becomes of the node's position while it reads: a page
// must not be reported to be true of what happened after its rows were read.
func TestPositionIsOfBeforeTheFirstRead(t *testing.T) {
	t.Parallel()
	at := events.Position(4)
	s := New(t.Context(), &Sources{Rows: rowstest.New(t, rows.Sources{}), Position: func() events.Position { return at }})
	at = 5 // such as while a mutation writes
	s.Answer(t.Context())
	at = 6
	if got := s.Position(); got != 5 {
		t.Errorf("a set that began to read at position 5 is at %d", got)
	}
	idle := New(t.Context(), &Sources{Rows: rowstest.New(t, rows.Sources{}), Position: func() events.Position { return at }})
	if first, at := idle.Position(), idle.Position(); first != 6 || at != 6 {
		t.Errorf("a set that has not read is at %d, then %d", first, at)
	}
	if none := New(t.Context(), &Sources{Rows: rowstest.New(t, rows.Sources{})}); none.Position() != 0 {
		t.Errorf("without positions a set is at %d", none.Position())
	}
}
