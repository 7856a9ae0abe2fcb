package cache

import (
	"context"
	"testing"
)

// back makes a table what it was when its rows had a version.
func (b *table) back(key string, v Value) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[key] = v
}

// In a new epoch of the log nothing counts that was kept before, though its versions are higher; and what is written then is
// seen at once, also by a process that has not noticed yet.
func TestEpochs(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		x, y, b := tier(t, r), tier(t, r), newTable()
		x.SetEpoch(7)
		y.SetEpoch(7)
		a := key("a")
		b.write(a)
		old := b.write(a)
		for range 3 {
			b.write(a)
		}
		if v := get(t, x, b, a)[0]; v.Version != 5 {
			t.Fatalf("it returns %v", v)
		}
		b.back(a, old)
		if v := get(t, y, b, a)[0]; v.Version != 5 {
			t.Fatalf("within the epoch it returns %v, not the copy", v)
		}
		x.SetEpoch(8)
		if v := get(t, x, b, a)[0]; v != old {
			t.Errorf("in the new epoch it returns %v, want %v", v, old)
		}
		loads := b.loads.Load()
		if v := get(t, x, b, a)[0]; v != old || b.loads.Load() != loads {
			t.Errorf("in the new epoch %v is not kept (%d reads of SQL)", v, b.loads.Load()-loads)
		}
		// y has not noticed. It writes, and x must see that although y's invalidation is of the epoch before.
		for range 2 {
			v := b.write(a)
			invalidate(t, y, Announcement{}, a, v.Version)
			if got := get(t, x, b, a)[0]; got != v {
				t.Errorf("after a write of a process in the epoch before it returns %v, want %v", got, v)
			}
			v = b.write(a)
			invalidate(t, x, Announcement{}, a, v.Version)
			if got := get(t, y, b, a)[0]; got != v {
				t.Errorf("a process in the epoch before returns %v after a write of the new one, want %v", got, v)
			}
		}
	})
}

// A read that is under way when the epoch changes may have rows of the database as it was. They must not be kept in the new
// epoch, nor keep others from being kept there; the same holds for the invalidation of a transaction that is under way.
func TestEpochChangesDuringReads(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := openFor(t, url, patience)
		x, b := tier(t, r), newTable()
		x.SetEpoch(7)
		a := key("a")
		old := b.write(a)
		for range 4 {
			b.write(a)
		}
		epoch := x.Epoch()
		b.hold(func([]string) {
			b.hold(nil)
			b.back(a, old)
			x.SetEpoch(8)
		})
		get(t, x, b, a) // begun before: whatever it returns
		if v := get(t, x, b, a)[0]; v != old {
			t.Errorf("in the new epoch it returns %v, want %v", v, old)
		}
		// Committed before the database went back, and published after it.
		if err := x.Invalidate(t.Context(), Announcement{}, Invalidation{Kind: rowsOf(x), Key: a, Version: 5, Epoch: epoch}); err != nil {
			t.Fatal(err)
		}
		get(t, x, b, a)
		loads := b.loads.Load()
		for range 5 {
			if v := get(t, x, b, a)[0]; v != old {
				t.Errorf("in the new epoch it returns %v, want %v", v, old)
			}
		}
		if n := b.loads.Load() - loads; n > 0 {
			t.Errorf("versions of the epoch before keep rows out: %d reads of SQL for 5 reads", n)
		}
	})
}

// Pending invalidations and suspensions of a process end with the epoch.
func TestEpochEndsPendingInvalidations(t *testing.T) {
	t.Parallel()
	x, b := tierAt(t, ""), newTable()
	x.SetEpoch(7)
	a := key("a")
	b.write(a)
	get(t, x, b, a)
	x.addPending(context.Background(), []Invalidation{{Kind: rowsOf(x), Key: a, Version: 9}})
	number := x.Suspend()
	if x.Suspension() != number || x.pending.len() != 1 {
		t.Fatal("nothing is pending")
	}
	x.SetEpoch(8)
	if x.Suspension() != 0 || x.pending.len() != 0 {
		t.Errorf("in the new epoch suspension %d lasts and %d keys are pending", x.Suspension(), x.pending.len())
	}
	get(t, x, b, a)
	loads := b.loads.Load()
	if get(t, x, b, a); b.loads.Load() != loads {
		t.Error("in the new epoch nothing is kept")
	}
}
