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
	number, ok := m.Of("a")
	if ok {
		t.Error("a new moment is confirmed")
	}
	m.Confirm("a", number)
	if _, ok := m.Of("a"); !ok {
		t.Error("a confirmed moment is not")
	}
	if _, ok := m.Of("b"); ok {
		t.Error("another source has confirmed it")
	}
	before, _ := m.Of("b")
	m.Renew()
	m.Confirm("b", before)
	for _, source := range []string{"a", "b"} {
		if _, ok := m.Of(source); ok {
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
	if m.Note(next) != 1 || m.Note(next) != 1 {
		t.Error("it was noted twice in one moment")
	}
	m.Renew()
	if m.Note(next) != 2 {
		t.Error("a new moment keeps the note of the last one")
	}
	var none *moment.Moment
	none.Renew()
	none.Confirm("a", 1)
	if _, ok := none.Of("a"); ok || none.Note(next) != 3 {
		t.Error("without a moment, a read shares one")
	}
}
