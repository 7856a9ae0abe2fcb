package loaders

import (
	"testing"

	"roost/events"
	"roost/internal/moment"
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
	// A moment has noted its position before the session was checked. A set that reads later within the moment must not go beyond it.
	ctx, m := moment.With(t.Context())
	m.Enter(func() any { return at })
	at = 7
	within := New(ctx, &Sources{Rows: rowstest.New(t, rows.Sources{}), Position: func() events.Position { return at }})
	within.Answer(ctx)
	if got := within.Position(); got != 6 {
		t.Errorf("a set in a moment that began at position 6 is at %d", got)
	}
	at = 6
	idle := New(t.Context(), &Sources{Rows: rowstest.New(t, rows.Sources{}), Position: func() events.Position { return at }})
	if first, at := idle.Position(), idle.Position(); first != 6 || at != 6 {
		t.Errorf("a set that has not read is at %d, then %d", first, at)
	}
	if none := New(t.Context(), &Sources{Rows: rowstest.New(t, rows.Sources{})}); none.Position() != 0 {
		t.Errorf("without positions a set is at %d", none.Position())
	}
}
