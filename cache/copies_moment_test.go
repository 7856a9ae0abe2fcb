package cache

import (
	"testing"
	"time"

	"roost/internal/moment"
	"roost/testkit/redistest"
)

// A moment was confirmed while an invalidation of this process was pending. Redis takes it afterwards. Reads of the moment must not
// return the copy of before: the write was made, and given up, before the moment began.
func TestAConfirmedMomentAfterAPendingInvalidationWasTaken(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	x, b := tierAt(t, server.URL()), newTable()
	a, other := key("a"), key("other")
	b.write(a)
	b.write(other)
	for range 4 {
		get(t, x, b, a, other)
	}
	if counterValue(rowsOf(x).count.copied) == 0 {
		t.Fatal("there are no copies")
	}
	server.RefuseWrites()
	v := b.write(a)
	if err := x.Invalidate(t.Context(), Announcement{}, Invalidation{Kind: rowsOf(x), Key: a, Version: v.Version}); err == nil {
		t.Fatal("Redis took the invalidation")
	}
	ctx, _ := moment.With(t.Context())
	if err := x.Load(ctx, &Request{Kind: rowsOf(x), Keys: []string{other}, Load: b.load}); err != nil {
		t.Fatal(err)
	}
	if x.pending.len() != 1 {
		t.Fatal("nothing is pending")
	}
	server.TakeWrites()
	x.pending.lastSent = time.Time{} // as 50 ms later
	req := &Request{Kind: rowsOf(x), Keys: []string{a}, Load: b.load}
	if err := x.Load(ctx, req); err != nil {
		t.Fatal(err)
	}
	if req.Values[0] != v {
		t.Errorf("it returns %v, want %v", req.Values[0], v)
	}
}

// What a moment notes is noted before pending invalidations are looked up: else the tail of the log may confirm a change in between,
// which Redis refuses, and move on.
func TestAPositionIsNotedBeforePendingInvalidationsAreLookedUp(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	x, b := tierAt(t, server.URL()), newTable()
	a := key("a")
	b.write(a)
	position := int64(1)
	var tail func()
	x.NoteMoments(func() any {
		if tail != nil {
			tail()
		}
		return position
	})
	for range 4 {
		get(t, x, b, a)
	}
	server.RefuseWrites()
	v := b.write(a) // and its writer is killed
	tail = func() {
		tail = nil
		_ = x.Confirm(t.Context(), Invalidation{Kind: rowsOf(x), Key: a, Version: v.Version})
		position = v.Version
	}
	ctx, m := moment.With(t.Context())
	req := &Request{Kind: rowsOf(x), Keys: []string{a}, Load: b.load}
	if err := x.Load(ctx, req); err != nil {
		t.Fatal(err)
	}
	if at := m.Note(nil).(int64); req.Values[0].Version < at {
		t.Errorf("the moment is at position %d and returns %v", at, req.Values[0])
	}
}

// Confirm finds no entry, because Redis was flushed: nothing old can be filled any more. The copy must not be used any more either.
func TestConfirmAfterAFlushInTheProcess(t *testing.T) {
	t.Parallel()
	r := open(t, "")
	x, b := tier(t, r), newTable()
	a := key("a")
	b.write(a)
	for range 3 {
		get(t, x, b, a)
	}
	if counterValue(rowsOf(x).count.copied) == 0 {
		t.Fatal("there are no copies")
	}
	r.embedded.FlushAll()
	v := b.write(a) // and its invalidation is still to come
	_ = x.Confirm(t.Context(), Invalidation{Kind: rowsOf(x), Key: a, Version: v.Version})
	if got := get(t, x, b, a)[0]; got != v {
		t.Errorf("after Confirm of v%d it returns %v", v.Version, got)
	}
}
