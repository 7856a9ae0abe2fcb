package timelines

import (
	"slices"
	"sort"

	"roost/internal/cursors"
)

// HomeList holds the newest entries of a viewer's home timeline, so that pages can be made without the lists of the authors.
type HomeList struct {
	// CompleteFrom says how far the list reaches: every entry whose sort key is CompleteFrom or higher is in the list.
	CompleteFrom int64
	// SortKeys are the entries' sort keys, highest first.
	SortKeys SortKeys
	// Retweets are the entries that are retweets, by Index in ascending order. All others are tweets, whose ids are their sort keys.
	Retweets []HomeRetweet
}

// HomeRetweet is an entry of a HomeList that is a retweet.
type HomeRetweet struct {
	Index int32
	// TweetID is the tweet, and UserID the user who has retweeted it.
	TweetID, UserID int64
}

// List returns the entries of a draft of the newest entries as a list, MaxAuthorEntries of them at most. Its doubts must be settled.
func (d *Draft) List() HomeList {
	l := HomeList{CompleteFrom: d.from}
	if d.whole {
		l.CompleteFrom = 0
	}
	entries := d.entries
	if len(entries) > MaxAuthorEntries {
		l.CompleteFrom = entries[MaxAuthorEntries].SortKey + 1
		entries = entries[:MaxAuthorEntries]
	}
	keys := make([]int64, len(entries))
	for i, e := range entries {
		keys[i] = e.SortKey
		if e.By != 0 {
			l.Retweets = append(l.Retweets, HomeRetweet{int32(i), e.Item, e.By})
		}
	}
	l.SortKeys = PackSortKeys(keys)
	return l
}

// Bytes returns about how many bytes the list takes.
func (l *HomeList) Bytes() int { return len(l.SortKeys) + 24*len(l.Retweets) }

// Draft returns up to most entries of a window. They are in no doubt, and are not settled.
func (l *HomeList) Draft(w cursors.Window, most int) *Draft {
	d := &Draft{window: w, completeFrom: l.CompleteFrom}
	bound := max(w.Below, l.CompleteFrom-1)
	if w.Backward && bound > w.Below {
		return d
	}
	first, last := l.SortKeys.below(w.Above), l.SortKeys.Len()
	if bound > 0 {
		last = sort.Search(last, func(i int) bool { return l.SortKeys.At(i) <= bound })
	}
	d.limited = last-first > most
	if d.whole = bound == w.Below && !d.limited; d.limited {
		if w.Backward {
			first = last - most
		} else {
			last = first + most
		}
	}
	if first >= last {
		return d
	}
	d.entries = make([]Entry, 0, last-first)
	next := sort.Search(len(l.Retweets), func(i int) bool { return int(l.Retweets[i].Index) >= first })
	for i := first; i < last; i++ {
		key := l.SortKeys.At(i)
		e := Entry{SortKey: key, Item: key}
		if next < len(l.Retweets) && int(l.Retweets[next].Index) == i {
			e.Item, e.By = l.Retweets[next].TweetID, l.Retweets[next].UserID
			next++
		}
		d.entries = append(d.entries, e)
	}
	if w.Backward {
		slices.Reverse(d.entries)
	}
	return d
}
