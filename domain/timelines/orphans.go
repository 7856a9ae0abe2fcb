package timelines

import (
	"math"
	"slices"
)

// Orphan is a reply in a draft of a home timeline whose parent belongs into the timeline and is not in the list of its author: it was
// deleted, or that list was read before the parent was in it, and the list with the reply after that.
type Orphan struct{ TweetID, ParentID, ParentAuthorID int64 }

// Orphans returns the orphans of a draft that was made from lists of authors.
func (d *Draft) Orphans(authors []int64, lists []AuthorList) (all []Orphan) {
	if !d.hasReplies {
		return nil
	}
	lowest := int64(math.MaxInt64)
	for _, e := range d.entries {
		lowest = min(lowest, e.SortKey)
	}
	for i := range lists {
		l := &lists[i]
		for _, s := range l.Special {
			reply := l.SortKeys.At(int(s.Index))
			if reply < lowest {
				break
			}
			if s.Kind != TweetEntry {
				continue
			}
			at, ok := index(authors, s.ParentAuthorID)
			if ok && d.has(reply) && s.TweetID >= lists[at].CompleteFrom && !lists[at].has(s.TweetID) {
				all = append(all, Orphan{reply, s.TweetID, s.ParentAuthorID})
			}
		}
	}
	return all
}

// has reports whether a tweet is in the draft at its own place.
func (d *Draft) has(tweetID int64) bool {
	_, ok := slices.BinarySearchFunc(d.entries, tweetID, func(e Entry, key int64) int { return compare(d.window, e.SortKey, key) })
	return ok
}

// has reports whether an entry with a sort key is in the list.
func (l *AuthorList) has(key int64) bool {
	i := l.SortKeys.below(key + 1)
	return i < l.SortKeys.Len() && l.SortKeys.At(i) == key
}

// IndexOf returns where an author is among those that HomeAuthors has returned.
func IndexOf(authors []int64, author int64) (at int, ok bool) { return index(authors, author) }

// index returns where an author is among those that HomeAuthors has returned.
func index(authors []int64, author int64) (int, bool) {
	last := len(authors) - 1
	if last >= 0 && authors[last] == author {
		return last, true
	}
	return slices.BinarySearch(authors[:max(last, 0)], author)
}
