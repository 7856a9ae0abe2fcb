package timelines

import (
	"cmp"
	"math"
	"slices"

	"roost/internal/cursors"
)

func descending(a, b int64) int { return cmp.Compare(b, a) }

// Merge returns the page of the home timeline that contains the tweets of some authors, from the lists of these authors. The
// second result is how far the lists reach together: each tweet of theirs whose id is completeFrom or higher is in one of the lists.
// It is 0 if they hold everything.
//
// ok is false if the page needs tweets below completeFrom. Home then returns the page, for the same window; where Merge has a
// page, it equals the page of Home.
//
// The authors' own tweets are the page; a retweet in a list is left out.
//
// Merge looks at the highest sort key of each list, and inserts only keys that belong to the page as far as it is known. So its time
// grows with the number of lists, and hardly with their lengths.
func Merge(lists []AuthorList, w cursors.Window) (page cursors.Page[Entry], completeFrom int64, ok bool) {
	m, completeFrom := collect(lists, w)
	if !m.isCertain(completeFrom) {
		return page, completeFrom, false
	}
	entries := make([]Entry, len(m.keys))
	for i, id := range m.keys {
		entries[i] = Entry{SortKey: id, Item: id}
	}
	return cursors.Cut(w, entries), completeFrom, true
}

// Page returns a page of the author's own timeline from the author's list. ok is false if the page needs entries below CompleteFrom.
// OfUsers then returns the page, for the same window; where Page has one, it equals that of OfUsers.
func (l AuthorList) Page(w cursors.Window) (page cursors.Page[Entry], ok bool) {
	page, _, ok = Merge([]AuthorList{l}, w)
	return page, ok
}

// Combine returns one list of the newest tweets in some lists, so that pages can be made without the lists. Where Merge has a page of
// the one list, it is the page of all lists. The list has no version.
func Combine(lists []AuthorList) AuthorList {
	m, completeFrom := collect(lists, cursors.Whole(MaxAuthorEntries))
	certain := len(m.keys)
	for certain > 0 && m.keys[certain-1] < completeFrom {
		certain--
	}
	l := newAuthorList(0, m.keys[:certain])
	l.CompleteFrom = max(l.CompleteFrom, completeFrom)
	return l
}

// collect returns the keys of a page and one more, and how far the lists reach together.
func collect(lists []AuthorList, w cursors.Window) (m merge, completeFrom int64) {
	m = merge{window: w, most: w.Size + 1, keys: make([]int64, 0, w.Size+1), above: w.Below, below: w.Above}
	for i := range lists {
		l := &lists[i]
		completeFrom = max(completeFrom, l.CompleteFrom)
		switch n := l.SortKeys.Len(); {
		case n == 0:
		case !w.Backward && l.SortKeys.At(0) > m.above:
			m.addNewest(l)
		case w.Backward && l.SortKeys.At(n-1) < m.below:
			m.addOldest(l)
		}
	}
	return m, completeFrom
}

// merge collects the keys of a page and one more, in the direction of the window: the highest first, or the lowest if it is backward.
type merge struct {
	window cursors.Window
	most   int // keys that are collected
	keys   []int64
	// Only keys between these two, both excluded, can still belong among the keys.
	above, below int64
}

// isCertain reports whether no entry outside of lists that reach down to completeFrom belongs among the keys.
func (m *merge) isCertain(completeFrom int64) bool {
	switch {
	case m.window.Below == math.MaxInt64 || completeFrom <= m.window.Below+1:
		return true // the whole window is in the lists
	case m.window.Backward:
		return false
	}
	return len(m.keys) > m.window.Size && m.keys[m.window.Size] >= completeFrom
}

// addNewest adds keys of a list, from its highest in the window down, until one does not belong among the keys.
func (m *merge) addNewest(l *AuthorList) {
	for i := l.SortKeys.below(m.window.Above); i < l.SortKeys.Len(); i++ {
		key := l.SortKeys.At(i)
		if key <= m.above {
			return
		}
		if l.Special == nil || l.isTweet(i) {
			m.add(key, descending)
			if len(m.keys) == m.most {
				m.above = max(m.window.Below, m.keys[m.most-1])
			}
		}
	}
}

// addOldest adds keys of a list, from its lowest in the window up, until one does not belong among the keys.
func (m *merge) addOldest(l *AuthorList) {
	if m.window.Below == math.MaxInt64 {
		return
	}
	for i := l.SortKeys.below(m.window.Below+1) - 1; i >= 0; i-- {
		key := l.SortKeys.At(i)
		if key >= m.below {
			return
		}
		if l.Special == nil || l.isTweet(i) {
			m.add(key, cmp.Compare[int64])
			if len(m.keys) == m.most {
				m.below = min(m.window.Above, m.keys[m.most-1])
			}
		}
	}
}

// add inserts a key in order, and drops the last one if there are too many. A key that is there already is not added again.
func (m *merge) add(key int64, order func(a, b int64) int) {
	if n := len(m.keys); n < m.most && (n == 0 || order(m.keys[n-1], key) < 0) {
		m.keys = append(m.keys, key)
		return
	}
	at, found := slices.BinarySearchFunc(m.keys, key, order)
	if found {
		return
	}
	if len(m.keys) == m.most {
		m.keys = m.keys[:m.most-1]
	}
	m.keys = slices.Insert(m.keys, at, key)
}
