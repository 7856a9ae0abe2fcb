package timelines_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"roost/domain/timelines"
	"roost/internal/cursors"
)

// history is what an author has added to home timelines, newest first.
type history []timelines.SpecialEntry

// list returns the author's list, which holds the newest entries of the history, n of them.
func (h history) list(n int) timelines.AuthorList {
	l := timelines.AuthorList{Version: 1}
	if n < len(h) {
		l.CompleteFrom = h[n].Index + 1 // a history has sort keys as indexes
	}
	var keys []int64
	for i, e := range h[:n] {
		keys = append(keys, e.Index)
		if e.Kind != timelines.TweetEntry || e.ParentAuthorID != 0 {
			e.Index = int64(i)
			l.Special = append(l.Special, e)
		}
	}
	l.SortKeys = timelines.PackSortKeys(keys)
	return l
}

func drawHistory(t *rapid.T) history {
	// Few sort keys, so that authors share some, and cursors are often at them.
	keys := rapid.SliceOfNDistinct(rapid.Int64Range(1, 60), 0, 12, rapid.ID[int64]).Draw(t, "keys")
	slices.SortFunc(keys, func(a, b int64) int { return cmp.Compare(b, a) })
	special := rapid.IntRange(0, 2).Draw(t, "special") == 0
	h := make(history, len(keys))
	for i, key := range keys {
		h[i] = timelines.SpecialEntry{Index: key, TweetID: key}
		switch kind := rapid.IntRange(0, 3).Draw(t, "kind"); {
		case special && kind == 0:
			h[i].Kind, h[i].TweetID = timelines.RetweetEntry, key-1
		case special && kind == 1:
			h[i].ParentAuthorID = 7
		}
	}
	return h
}

func drawWindow(t *rapid.T) cursors.Window {
	w := cursors.Whole(rapid.IntRange(0, 15).Draw(t, "size"))
	w.Backward = rapid.Bool().Draw(t, "backward")
	edges := rapid.OneOf(rapid.Int64Range(0, 61), rapid.Just(int64(math.MaxInt64)))
	if rapid.Bool().Draw(t, "has above") {
		w.Above = edges.Draw(t, "above")
	}
	if rapid.Bool().Draw(t, "has below") {
		w.Below = edges.Draw(t, "below")
	}
	return w
}

// naivePage sorts all tweets of all histories.
func naivePage(all []history, w cursors.Window) cursors.Page[timelines.Entry] {
	var keys []int64
	for _, h := range all {
		for _, e := range h {
			if e.Kind == timelines.TweetEntry && e.Index < w.Above && e.Index > w.Below {
				keys = append(keys, e.Index)
			}
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if !w.Backward {
		slices.Reverse(keys)
	}
	entries := []timelines.Entry{}
	for _, k := range keys[:min(len(keys), w.Size+1)] {
		entries = append(entries, timelines.Entry{SortKey: k, Item: k})
	}
	return cursors.Cut(w, entries)
}

// The combination of lists that have more entries than one list may have is cut, and says so.
func TestCombineIsCut(t *testing.T) {
	t.Parallel()
	var lists []timelines.AuthorList
	const each = timelines.MaxAuthorEntries / 2
	for author := range int64(3) {
		var keys []int64
		for i := int64(each); i > 0; i-- {
			keys = append(keys, 10*i+author)
		}
		lists = append(lists, timelines.AuthorList{SortKeys: timelines.PackSortKeys(keys)})
	}
	l := timelines.Combine(lists)
	all, _, _ := timelines.Merge(lists, cursors.Whole(1000))
	for i, e := range all.Items[:timelines.MaxAuthorEntries] {
		if l.SortKeys.At(i) != e.SortKey {
			t.Fatalf("entry %d is %d, want %d", i, l.SortKeys.At(i), e.SortKey)
		}
	}
	if want := all.Items[timelines.MaxAuthorEntries].SortKey + 1; l.SortKeys.Len() != timelines.MaxAuthorEntries || l.CompleteFrom != want {
		t.Errorf("%d entries, complete from %d, want %d", l.SortKeys.Len(), l.CompleteFrom, want)
	}
}

// A merged page equals the naive one, wherever the lists end and wherever the window begins and ends; and
// there is one whenever the lists reach far enough for it.
func TestMergeEqualsTheNaivePage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := make([]history, rapid.IntRange(0, 6).Draw(t, "authors"))
		lists := make([]timelines.AuthorList, len(all))
		var from int64
		for i := range all {
			all[i] = drawHistory(t)
			n := len(all[i])
			if rapid.Bool().Draw(t, "cut") {
				n = rapid.IntRange(0, n).Draw(t, "entries")
			}
			lists[i] = all[i].list(n)
			from = max(from, lists[i].CompleteFrom)
		}
		w := drawWindow(t)
		page, completeFrom, ok := timelines.Merge(lists, w)
		if completeFrom != from {
			t.Fatalf("the lists are complete from %d, want %d", completeFrom, from)
		}
		want := naivePage(all, w)
		if ok && (!slices.Equal(page.Items, want.Items) || page.More != want.More) {
			t.Fatalf("%+v is %+v, want %+v", w, page, want)
		}
		// What is certain is all of the window, or a page and one more at its upper end.
		reach := w
		reach.Below = max(w.Below, from-1)
		if certain := reach.Below == w.Below || !w.Backward && naivePage(all, reach).More; ok != certain {
			t.Fatalf("lists that are complete from %d have a page of %+v: %t, want %t", from, w, ok, certain)
		}
		one := []timelines.AuthorList{timelines.Combine(lists)}
		page, _, combined := timelines.Merge(one, w)
		if combined != ok || ok && (!slices.Equal(page.Items, want.Items) || page.More != want.More) {
			t.Fatalf("of the combined list %+v is %+v (%t), want %+v (%t)", w, page, combined, want, ok)
		}
	})
}
