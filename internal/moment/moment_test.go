package moment_test

import (
	"testing"

	"roost/internal/moment"
)

// A source confirms the moment in which it was asked, and no later one.
func TestAConfirmationIsOfTheMomentInWhichItWasAskedFor(t *testing.T) {
	t.Parallel()
	ctx, m := moment.With(t.Context())
	if moment.From(ctx) != m || moment.From(t.Context()) != nil {
		t.Error("a context has another moment")
	}
	number := m.Enter(nil)
	if m.Confirmed("a", number) {
		t.Error("a new moment is confirmed")
	}
	m.Confirm("a", number)
	if !m.Confirmed("a", number) {
		t.Error("a confirmed moment is not")
	}
	if m.Confirmed("b", number) {
		t.Error("another source has confirmed it")
	}
	m.Renew()
	m.Confirm("b", number)
	for _, source := range []string{"a", "b"} {
		if m.Confirmed(source, number) || m.Confirmed(source, m.Enter(nil)) {
			t.Errorf("what %s confirmed before the moment began counts", source)
		}
	}
}

// What is noted is noted once in each moment.
func TestNotesOfAMoment(t *testing.T) {
	t.Parallel()
	_, m := moment.With(t.Context())
	at := 0
	next := func() any { at++; return at }
	if m.Enter(next); at != 1 || m.Note(next) != 1 || m.Note(next) != 1 {
		t.Error("it was noted twice in one moment")
	}
	m.Renew()
	if m.Note(next) != 2 {
		t.Error("a new moment keeps the note of the last one")
	}
	var none *moment.Moment
	none.Renew()
	none.Confirm("a", none.Enter(next))
	if none.Confirmed("a", 0) || none.Note(next) != 3 {
		t.Error("without a moment, a read shares one")
	}
}
