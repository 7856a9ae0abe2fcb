package timelines

import (
	"cmp"
	"math"
	"slices"

	"roost/internal/cursors"
)

func descending(a, b int64) int { return cmp.Compare(b, a) }

// Draft is a part of a timeline, made from lists of authors: some entries of a window, in the direction of the window and without gaps.
//
// A draft of a home timeline may contain retweets of tweets that are older than the lists reach. Somebody may have retweeted such a tweet
// earlier than the lists show. Doubts names these tweets; Timelines.Places and Settle then correct their places.
type Draft struct {
	window  cursors.Window
	entries []Entry
	// whole is true if the draft has every entry of the window; from and to are the lowest and the highest sort key that it covers.
	whole    bool
	from, to int64
	// limited is true if there may be more entries than the draft was allowed to have.
	limited bool
	// completeFrom is how far the lists reach together.
	completeFrom int64
	doubtful     []Doubt
	undecided    []int64
	// hasReplies is set if there may be replies to others among the entries.
	hasReplies bool
}

// Doubt is a retweet in a draft whose tweet may have an earlier place than the lists show.
type Doubt struct{ TweetID, SortKey int64 }

// Overread returns how many entries are read for a page of some size: half as many again as it shows, because some are left out when
// they are read, and one to see whether there are more.
func Overread(size int) int { return size + size/2 + 2 }

// NewDraft returns up to most entries of a window of the home timeline that contains what some authors add to it. lists are their lists,
// in the same order; authors are as HomeAuthors returns them. A tweet is in the draft once: at its own place if its author is one of the
// authors, else at the earliest retweet in the lists.
//
// NewDraft looks at the highest sort key of each list, and inserts only entries that belong to the draft as far as it is known. So its
// time grows with the number of lists, and hardly with their lengths, unless there are retweets.
func NewDraft(authors []int64, lists []AuthorList, w cursors.Window, most int) *Draft {
	d := newDraft(authors, lists, home, w, most)
	d.findDoubts(authors, lists)
	return d
}

// Draft returns up to most entries of a window of the author's own timeline, from the author's list. It has only entries of the kinds,
// and they are in no doubt. Where the draft has a page, it is that of OfUsers.
func (l AuthorList) Draft(author int64, kinds uint8, w cursors.Window, most int) *Draft {
	return newDraft([]int64{author}, []AuthorList{l}, kinds, w, most)
}

// home are the kinds of entries of a home timeline, in which who wrote the parent decides about a reply.
const home = OwnTweets | Retweets | Replies | 1<<7

func newDraft(authors []int64, lists []AuthorList, kinds uint8, w cursors.Window, most int) *Draft {
	d := &Draft{window: w}
	for i := range lists {
		d.completeFrom = max(d.completeFrom, lists[i].CompleteFrom)
	}
	if w.Below == math.MaxInt64 { // no key is above it
		d.whole = true
		return d
	}
	reached := d.completeFrom <= w.Below+1
	if w.Backward && !reached {
		return d // the oldest entries are not in the lists
	}
	m := &merge{window: w, most: most, authors: authors, kinds: kinds, entries: make([]Entry, 0, most)}
	m.window.Below = max(w.Below, d.completeFrom-1)
	m.above, m.below = m.window.Below, w.Above
	for i := range lists {
		l := &lists[i]
		switch n := l.SortKeys.Len(); {
		case n == 0 || most == 0:
		case !w.Backward && l.SortKeys.At(0) > m.above:
			m.addNewest(authors[i], l)
		case w.Backward && l.SortKeys.At(n-1) < m.below:
			m.addOldest(authors[i], l)
		}
	}
	d.entries, d.hasReplies = m.entries, m.replies
	d.from, d.to, d.whole = m.window.Below+1, w.Above-1, reached
	if d.limited = len(d.entries) == most; d.limited {
		d.whole = false
		switch {
		case most == 0:
			d.from, d.to = 1, 0
		case w.Backward:
			d.to = d.entries[most-1].SortKey
		default:
			d.from = d.entries[most-1].SortKey
		}
	}
	d.dropRepeats(lists)
	return d
}

// dropRepeats keeps of the retweets of each tweet the earliest in the lists, or none if that is not in the draft.
func (d *Draft) dropRepeats(lists []AuthorList) {
	first, lowest := map[int64]int64(nil), int64(math.MaxInt64) // sort key by tweet; the lowest tweet
	for _, e := range d.entries {
		if e.By == 0 {
			continue
		}
		if first == nil {
			first = map[int64]int64{}
		}
		if at, ok := first[e.Item]; !ok || e.SortKey < at {
			first[e.Item] = e.SortKey
		}
		lowest = min(lowest, e.Item)
	}
	if first == nil {
		return
	}
	for i := range lists {
		l := &lists[i]
		for _, s := range l.Special {
			if s.Kind != RetweetEntry || s.TweetID < lowest {
				continue
			}
			key := l.SortKeys.At(int(s.Index))
			if key <= lowest {
				break // a retweet is younger than its tweet
			}
			if at, ok := first[s.TweetID]; ok && key < at {
				first[s.TweetID] = key
			}
		}
	}
	d.entries = slices.DeleteFunc(d.entries, func(e Entry) bool { return e.By != 0 && first[e.Item] != e.SortKey })
}

// findDoubts notes the retweets of which some list does not reach back to the tweet, and the authors of these lists.
func (d *Draft) findDoubts(authors []int64, lists []AuthorList) {
	lowest := d.completeFrom
	for _, e := range d.entries {
		if e.By != 0 && e.Item < d.completeFrom {
			d.doubtful = append(d.doubtful, Doubt{e.Item, e.SortKey})
			lowest = min(lowest, e.Item)
		}
	}
	if d.doubtful == nil {
		return
	}
	for i := range lists {
		if lists[i].CompleteFrom > lowest {
			d.undecided = append(d.undecided, authors[i])
		}
	}
}

// maxDoubts bounds the product of doubtful tweets and authors of one draft, and with it the work of Places.
const maxDoubts = 1 << 16

// Doubts returns the retweets whose places must be asked for, and the authors who may have retweeted their tweets earlier. If there are
// too many, the draft is cut before those that are not returned.
func (d *Draft) Doubts() (tweets []Doubt, authors []int64) {
	if most := max(1, maxDoubts/max(1, len(d.undecided))); len(d.doubtful) > most {
		d.cut(slices.IndexFunc(d.entries, func(e Entry) bool { return e.SortKey == d.doubtful[most].SortKey }))
		d.doubtful = d.doubtful[:most]
	}
	return d.doubtful, d.undecided
}

// cut drops the entries from an index on. The draft then ends before the first of them.
func (d *Draft) cut(at int) {
	if d.whole = false; d.window.Backward {
		d.to = d.entries[at].SortKey - 1
	} else {
		d.from = d.entries[at].SortKey + 1
	}
	d.entries = d.entries[:at]
}

// Settle moves the retweets in doubt to their places, by tweet.
func (d *Draft) Settle(places map[int64]Place) {
	moved := false
	for i, e := range d.entries {
		if p, ok := places[e.Item]; ok && e.By != 0 && p.SortKey != 0 && p.SortKey < e.SortKey {
			d.entries[i].SortKey, d.entries[i].By, moved = p.SortKey, p.UserID, true
		}
	}
	if !moved {
		return
	}
	d.entries = slices.DeleteFunc(d.entries, func(e Entry) bool { return e.SortKey < d.from || e.SortKey > d.to })
	sortEntries(d.window, d.entries)
}

// sortEntries sorts entries in the direction of a window.
func sortEntries(w cursors.Window, entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return compare(w, a.SortKey, b.SortKey) })
}

// compare compares sort keys in the direction of a window.
func compare(w cursors.Window, a, b int64) int {
	if w.Backward {
		return cmp.Compare(a, b)
	}
	return cmp.Compare(b, a)
}

// Retweets appends the tweets that are in the draft as retweets. Whether they are visible is not in the lists.
func (d *Draft) Retweets(to []int64) []int64 {
	for _, e := range d.entries {
		if e.By != 0 {
			to = append(to, e.Item)
		}
	}
	return to
}

// Hide drops the retweets of tweets that are not visible.
func (d *Draft) Hide(visible func(tweetID int64) bool) {
	d.entries = slices.DeleteFunc(d.entries, func(e Entry) bool { return e.By != 0 && !visible(e.Item) })
}

// Unsure returns the tweets that decide whether the list goes on after the page: if the draft has only retweets there, one of their tweets
// must be visible.
func (d *Draft) Unsure() (tweetIDs []int64) {
	for _, e := range d.entries[min(d.window.Size, len(d.entries)):] {
		if e.By == 0 {
			return nil
		}
		tweetIDs = append(tweetIDs, e.Item)
	}
	return tweetIDs
}

// Limited reports whether a draft of more entries might contain more.
func (d *Draft) Limited() bool { return d.limited }

// Short reports whether the draft may have too few entries for the page, or for whether more follow.
func (d *Draft) Short() bool { return !d.whole && len(d.entries) <= d.window.Size }

// Page returns the page of the window. ok is false if the draft is Short. Where there is a page, it is that of
// Timelines.Home. The draft must not be used afterwards.
func (d *Draft) Page() (page cursors.Page[Entry], ok bool) {
	if d.Short() {
		return page, false
	}
	return cursors.Cut(d.window, d.entries), true
}

// merge collects entries in the direction of the window: the highest first, or the lowest if it is backward.
type merge struct {
	window  cursors.Window
	most    int // entries that are collected
	authors []int64
	kinds   uint8
	entries []Entry
	// Only keys between these two, both excluded, can still belong among the entries.
	above, below int64
	replies      bool // there were replies to others among the entries
}

// addNewest adds entries of a list, from its highest in the window down, until one does not belong among the entries.
func (m *merge) addNewest(author int64, l *AuthorList) {
	for i := l.SortKeys.below(m.window.Above); i < l.SortKeys.Len(); i++ {
		key := l.SortKeys.At(i)
		if key <= m.above {
			return
		}
		e, ok := Entry{SortKey: key, Item: key}, true
		if l.Special != nil || m.kinds&OwnTweets == 0 {
			e, ok = m.entry(author, l, i)
		}
		if ok {
			m.add(e, descending)
			if len(m.entries) == m.most {
				m.above = max(m.window.Below, m.entries[m.most-1].SortKey)
			}
		}
	}
}

// addOldest adds entries of a list, from its lowest in the window up, until one does not belong among the entries.
func (m *merge) addOldest(author int64, l *AuthorList) {
	for i := l.SortKeys.below(m.window.Below+1) - 1; i >= 0; i-- {
		key := l.SortKeys.At(i)
		if key >= m.below {
			return
		}
		e, ok := Entry{SortKey: key, Item: key}, true
		if l.Special != nil || m.kinds&OwnTweets == 0 {
			e, ok = m.entry(author, l, i)
		}
		if ok {
			m.add(e, cmp.Compare[int64])
			if len(m.entries) == m.most {
				m.below = min(m.window.Above, m.entries[m.most-1].SortKey)
			}
		}
	}
}

// entry returns an entry of an author's list. ok is false for an entry of another kind. In a home timeline it is false as well for a reply
// to somebody whose entries the timeline does not contain, and for a retweet of a tweet that is at its own place.
func (m *merge) entry(author int64, l *AuthorList, i int) (e Entry, ok bool) {
	e = Entry{SortKey: l.SortKeys.At(i)}
	e.Item = e.SortKey
	s := l.special(i)
	if s == nil {
		return e, m.kinds&OwnTweets != 0
	}
	inHome := func(user int64) bool { return contains(m.authors, user) }
	switch {
	case s.Kind == TweetEntry:
		ok = m.kinds&Replies != 0 && (m.kinds != home || inHome(s.ParentAuthorID))
		m.replies = m.replies || ok
		return e, ok
	case m.kinds == home:
		ok = !Ends{s.AuthorID, s.ParentAuthorID}.In(inHome)
	default:
		ok = m.kinds&Retweets != 0 && s.AuthorID != author
	}
	e.Item, e.By = s.TweetID, author
	return e, ok
}

// add inserts an entry in order, and drops the last one if there are too many. An entry that is there already is not added again.
func (m *merge) add(e Entry, order func(a, b int64) int) {
	if n := len(m.entries); n < m.most && (n == 0 || order(m.entries[n-1].SortKey, e.SortKey) < 0) {
		m.entries = append(m.entries, e)
		return
	}
	at, found := slices.BinarySearchFunc(m.entries, e.SortKey, func(e Entry, key int64) int { return order(e.SortKey, key) })
	if found {
		return
	}
	if len(m.entries) == m.most {
		m.entries = m.entries[:m.most-1]
	}
	m.entries = slices.Insert(m.entries, at, e)
}

// contains reports whether an author is one of those that HomeAuthors has returned, who are in ascending order but for the last one.
func contains(authors []int64, author int64) bool {
	_, ok := index(authors, author)
	return ok
}
