package loaders

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/rows"
)

// listOf reads pages of a list with the sort keys n to 1, of which user returns the users. It counts its statements and their entries.
func listOf(n int64, user func(key int64) int64, statements, entries *int) readPages {
	return func(_ context.Context, _ *Set, keys []sqldb.Key) (pages, error) {
		*statements++
		out := pages{}
		for _, k := range keys {
			var items []sqldb.Row
			for key := n; key > 0; key-- {
				if key < k.Window.Above && key > k.Window.Below {
					items = append(items, sqldb.Row{SortKey: key, Item: key, By: user(key)})
				}
			}
			if k.Window.Backward {
				slices.Reverse(items)
			}
			items = items[:min(len(items), k.Window.Size+1)]
			*entries += len(items)
			out[k] = cursors.Cut(k.Window, items)
		}
		return out, nil
	}
}

// Pages from which entries are left out are the pages of the list without these, and take few statements.
func TestPagesWithoutSuspended(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(3, 4))
	const n = 300
	for range 300 {
		hidden, share := map[int64]bool{}, dice.IntN(101)
		var shown []int64 // newest first
		for key := int64(n); key > 0; key-- {
			if hidden[key] = dice.IntN(100) < share; !hidden[key] {
				shown = append(shown, key)
			}
		}
		user := func(key int64) int64 {
			if hidden[key] {
				return 0
			}
			return 7
		}
		var statements, entries int
		read := withoutSuspended(listOf(n, user, &statements, &entries), by, withoutBy)
		w := cursors.Whole(dice.IntN(30))
		if w.Backward = dice.IntN(2) == 0; w.Backward {
			w.Below = dice.Int64N(n)
		} else {
			w.Above = 1 + dice.Int64N(n)
		}
		k := sqldb.Key{Owner: 1, Window: w}
		got, err := read(t.Context(), bareSet(), []sqldb.Key{k})
		if err != nil {
			t.Fatal(err)
		}
		var want []sqldb.Row
		for _, key := range shown {
			if key < w.Above && key > w.Below {
				want = append(want, sqldb.Row{SortKey: key, Item: key})
			}
		}
		all := len(want)
		if w.Backward {
			want = want[max(0, all-w.Size):]
		} else {
			want = want[:min(all, w.Size)]
		}
		if !slices.Equal(got[k].Items, want) || w.Size > 0 && got[k].More && all <= w.Size && all > 0 && len(got[k].Items) < w.Size ||
			!got[k].More && all > w.Size {
			t.Fatalf("of %d with %d%% hidden the page %+v is %+v, want %v of %d", n, share, w, got[k], want, all)
		}
		if statements > 1+len(lookedAt) {
			t.Fatalf("a page takes %d statements", statements)
		}
	}
}

// Behind very many suspended users a page ends early, and what it reads is bounded.
func TestPagesBehindManySuspended(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		const n = 20_000
		var statements, entries int
		user := func(key int64) int64 {
			if key == 1 || first && key == n {
				return 7
			}
			return 0
		}
		read := withoutSuspended(listOf(n, user, &statements, &entries), by, withoutBy)
		k := sqldb.Key{Owner: 1, Window: cursors.Whole(10)}
		got, err := read(t.Context(), bareSet(), []sqldb.Key{k})
		if err != nil || got[k].More != first || len(got[k].Items) != map[bool]int{true: 1}[first] {
			t.Errorf("with a first entry to show (%t) the page is %+v, %v", first, got[k], err)
		}
		if statements != 1+len(lookedAt) || entries > 5600 {
			t.Errorf("it takes %d statements that read %d entries", statements, entries)
		}
	}
}

// bareSet is a set of a process in which nobody is suspended.
func bareSet() *Set {
	return &Set{sources: &Sources{Rows: &rows.Store{}}}
}
