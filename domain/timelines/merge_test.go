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

// added is what a user has added to timelines: a tweet, or a retweet of a tweet by another user.
type added struct {
	key, user, tweet, of int64
}

// past is everything that users have added, in ascending order of keys.
type past []added

// list returns an author's list, which holds the newest entries of the author, n of them at most.
func (p past) list(author int64, n int) timelines.AuthorList {
	l := timelines.AuthorList{Version: 1}
	var keys []int64
	for _, a := range slices.Backward(p) {
		switch {
		case a.user != author:
		case len(keys) == n:
			l.CompleteFrom = max(l.CompleteFrom, a.key+1)
		default:
			if a.of != author {
				l.Special = append(l.Special, timelines.SpecialEntry{Index: int64(len(keys)), Kind: timelines.RetweetEntry,
					TweetID: a.tweet, AuthorID: a.of})
			}
			keys = append(keys, a.key)
		}
	}
	l.SortKeys = timelines.PackSortKeys(keys)
	return l
}

// places answers what Timelines.Places does.
func (p past) places(doubts []timelines.Doubt, authors []int64) map[int64]timelines.Place {
	out := map[int64]timelines.Place{}
	for _, d := range doubts {
		for _, a := range p {
			if a.tweet == d.TweetID && a.key != a.tweet && a.key < d.SortKey && slices.Contains(authors, a.user) {
				out[d.TweetID] = timelines.Place{SortKey: a.key, UserID: a.user}
				break
			}
		}
	}
	return out
}

// page is the naive page: of all that the authors have added, each tweet once, at its own place or the earliest of its retweets.
func (p past) page(authors []int64, w cursors.Window) cursors.Page[timelines.Entry] {
	entries, seen := []timelines.Entry{}, map[int64]bool{}
	for _, a := range p {
		switch {
		case !slices.Contains(authors, a.user), a.key != a.tweet && (slices.Contains(authors, a.of) || seen[a.tweet]):
			continue
		}
		seen[a.tweet] = true
		e := timelines.Entry{SortKey: a.key, Item: a.tweet}
		if a.key != a.tweet {
			e.By = a.user
		}
		if a.key < w.Above && a.key > w.Below {
			entries = append(entries, e)
		}
	}
	if !w.Backward {
		slices.Reverse(entries)
	}
	return cursors.Cut(w, entries[:min(len(entries), w.Size+1)])
}

func drawPast(t *rapid.T, users int64) (p past) {
	keys := rapid.SliceOfNDistinct(rapid.Int64Range(1, 90), 0, 50, rapid.ID[int64]).Draw(t, "keys")
	slices.Sort(keys)
	retweets := rapid.IntRange(0, 3).Draw(t, "retweets")
	var tweets []added
	for _, key := range keys {
		a := added{key: key, user: rapid.Int64Range(1, users).Draw(t, "user"), tweet: key}
		a.of = a.user
		if len(tweets) > 0 && rapid.IntRange(0, 3).Draw(t, "kind") < retweets {
			of := rapid.SampledFrom(tweets).Draw(t, "tweet")
			again := slices.ContainsFunc(p, func(b added) bool { return b.user == a.user && b.tweet == of.tweet })
			if of.user != a.user && !again {
				a.tweet, a.of = of.tweet, of.user
			}
		}
		if a.tweet == key {
			tweets = append(tweets, a)
		}
		p = append(p, a)
	}
	return p
}

func drawWindow(t *rapid.T) cursors.Window {
	w := cursors.Whole(rapid.IntRange(0, 15).Draw(t, "size"))
	w.Backward = rapid.Bool().Draw(t, "backward")
	edges := rapid.OneOf(rapid.Int64Range(0, 91), rapid.Just(int64(math.MaxInt64)))
	if rapid.Bool().Draw(t, "has above") {
		w.Above = edges.Draw(t, "above")
	}
	if rapid.Bool().Draw(t, "has below") {
		w.Below = edges.Draw(t, "below")
	}
	return w
}

func samePage(a, b cursors.Page[timelines.Entry]) bool {
	return slices.Equal(a.Items, b.Items) && a.More == b.More
}

// A page of a draft equals the naive one, wherever the lists end and wherever the window begins and ends, whoever has retweeted what and
// however long ago; and there is one whenever the lists reach far enough for it. The same holds for pages of the list that is kept.
func TestDraftsEqualTheNaivePage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const users = 6
		p := drawPast(t, users)
		authors := rapid.SliceOfNDistinct(rapid.Int64Range(1, users), 1, users, rapid.ID[int64]).Draw(t, "authors")
		slices.Sort(authors[:len(authors)-1]) // the viewer is the last one
		lists := make([]timelines.AuthorList, len(authors))
		var from int64
		for i, a := range authors {
			n := math.MaxInt
			if rapid.Bool().Draw(t, "cut") {
				n = rapid.IntRange(0, 12).Draw(t, "entries")
			}
			lists[i] = p.list(a, n)
			from = max(from, lists[i].CompleteFrom)
		}
		settled := func(w cursors.Window, most int) *timelines.Draft {
			d := timelines.NewDraft(authors, lists, w, most)
			d.Settle(p.places(d.Doubts()))
			return d
		}
		w := drawWindow(t)
		want := p.page(authors, w)
		// What is certain is all of the window, or a page and one more at its upper end.
		reach := w
		reach.Below = max(w.Below, from-1)
		certain := reach.Below == w.Below || !w.Backward && p.page(authors, reach).More
		kept := settled(cursors.Whole(timelines.MaxAuthorEntries), 1000).List()
		for _, d := range []struct {
			name  string
			draft *timelines.Draft
			all   bool
		}{
			{"all", settled(w, 1000), true}, {"few", settled(w, timelines.Overread(w.Size)), false},
			{"all kept", kept.Draft(w, 1000), true}, {"few kept", kept.Draft(w, timelines.Overread(w.Size)), false},
		} {
			page, ok := d.draft.Page()
			if ok && !samePage(page, want) {
				t.Fatalf("%s: %+v is %+v, want %+v", d.name, w, page, want)
			}
			if d.all && ok != certain || ok && !certain {
				t.Fatalf("%s: lists that are complete from %d have a page of %+v: %t, want %t", d.name, from, w, ok, certain)
			}
		}
	})
}

// Tweets that are not visible leave a draft if it has them as retweets; those at their own places are decided about when they are read.
// A draft from which too much is gone has no page.
func TestHiddenTweetsLeaveDrafts(t *testing.T) {
	t.Parallel()
	p := past{{1, 9, 1, 9}, {2, 9, 2, 9}, {3, 7, 3, 7}, {4, 7, 1, 9}, {5, 7, 2, 9}}
	authors := []int64{7}
	w := cursors.Whole(2)
	draft := func(most int) *timelines.Draft {
		return timelines.NewDraft(authors, []timelines.AuthorList{p.list(7, 10)}, w, most)
	}
	if got := draft(3).Retweets(nil); !slices.Equal(got, []int64{2, 1}) {
		t.Errorf("the draft has retweets of %v", got)
	}
	d := draft(3)
	d.Hide(func(id int64) bool { return id == 1 })
	if page, ok := d.Page(); ok {
		t.Errorf("a draft with two of three entries has the page %+v", page)
	}
	d = draft(4)
	d.Hide(func(id int64) bool { return id == 1 })
	want := cursors.Page[timelines.Entry]{Items: []timelines.Entry{{SortKey: 4, Item: 1, By: 7}, {SortKey: 3, Item: 3}}}
	if page, ok := d.Page(); !ok || !samePage(page, want) {
		t.Errorf("the page is %+v (%t), want %+v", page, ok, want)
	}
}

// A draft asks for the places of a bounded number of retweets: beyond them it is cut.
func TestDoubtsAreBounded(t *testing.T) {
	t.Parallel()
	const followed, retweets = 5000, 100
	authors, lists := make([]int64, followed+1), make([]timelines.AuthorList, followed+1)
	for i := range authors {
		authors[i] = int64(i + 1)
		lists[i].CompleteFrom = 1000 // nobody's list reaches back to the tweets
	}
	p := past{}
	for i := range int64(retweets) {
		p = append(p, added{key: 1001 + i, user: 1, tweet: 1 + i, of: 1 << 40})
	}
	lists[0] = p.list(1, timelines.MaxAuthorEntries)
	d := timelines.NewDraft(authors, lists, cursors.Whole(retweets), retweets+1)
	doubts, undecided := d.Doubts()
	if len(undecided) != followed || len(doubts) == 0 || len(doubts) >= retweets {
		t.Fatalf("%d retweets are in doubt, of %d authors", len(doubts), len(undecided))
	}
	d.Settle(nil)
	if _, ok := d.Page(); ok {
		t.Error("a draft that was cut has a page")
	}
	l := d.List()
	if l.SortKeys.Len() != len(doubts) || l.CompleteFrom != doubts[len(doubts)-1].SortKey {
		t.Errorf("the list has %d entries and is complete from %d; %d were settled, down to %d", l.SortKeys.Len(), l.CompleteFrom,
			len(doubts), doubts[len(doubts)-1].SortKey)
	}
}

// The list of more entries than a list may have is cut, and says so.
func TestKeptListsAreCut(t *testing.T) {
	t.Parallel()
	var p past
	for i := range int64(3 * timelines.MaxAuthorEntries / 2) {
		p = append(p, added{key: 10*i + 1, user: 1 + i%3, tweet: 10*i + 1, of: 1 + i%3})
	}
	slices.SortFunc(p, func(a, b added) int { return cmp.Compare(a.key, b.key) })
	authors := []int64{1, 2, 3}
	var lists []timelines.AuthorList
	for _, a := range authors {
		lists = append(lists, p.list(a, math.MaxInt))
	}
	l := timelines.NewDraft(authors, lists, cursors.Whole(timelines.MaxAuthorEntries), 1000).List()
	all := p.page(authors, cursors.Whole(1000)).Items
	for i, e := range all[:timelines.MaxAuthorEntries] {
		if l.SortKeys.At(i) != e.SortKey {
			t.Fatalf("entry %d is %d, want %d", i, l.SortKeys.At(i), e.SortKey)
		}
	}
	if want := all[timelines.MaxAuthorEntries].SortKey + 1; l.SortKeys.Len() != timelines.MaxAuthorEntries || l.CompleteFrom != want {
		t.Errorf("%d entries, complete from %d, want %d", l.SortKeys.Len(), l.CompleteFrom, want)
	}
}

// A tweet whose earliest retweet is outside of the window is not in the draft, whether the lists show that retweet or only SQL does; and
// one whose place was found later within the window is at that place.
func TestPlacesOutsideOfTheWindow(t *testing.T) {
	t.Parallel()
	p := past{{1, 9, 1, 9}, {40, 1, 1, 9}, {50, 3, 50, 3}, {60, 2, 1, 9}}
	authors := []int64{1, 2, 3}
	page := func(w cursors.Window, entries int, places map[int64]timelines.Place) []timelines.Entry {
		t.Helper()
		lists := []timelines.AuthorList{p.list(1, entries), p.list(2, 10), p.list(3, 10)}
		d := timelines.NewDraft(authors, lists, w, 10)
		d.Settle(places)
		page, _ := d.Page()
		return page.Items
	}
	at := func(key, by int64) timelines.Entry { return timelines.Entry{SortKey: key, Item: 1, By: by} }
	own, above := timelines.Entry{SortKey: 50, Item: 50}, cursors.Whole(5)
	above.Below = 45
	for _, c := range []struct {
		name    string
		window  cursors.Window
		entries int // in the list of the user with the earliest retweet
		places  map[int64]timelines.Place
		want    []timelines.Entry
	}{
		{"all", cursors.Whole(5), 10, nil, []timelines.Entry{own, at(40, 1)}},
		{"above the earliest", above, 10, nil, []timelines.Entry{own}},
		{"the earliest is not in a list", above, 0, nil, []timelines.Entry{at(60, 2), own}},
		{"SQL has the earliest", above, 0, map[int64]timelines.Place{1: {SortKey: 40, UserID: 1}}, []timelines.Entry{own}},
		{"SQL has an earlier one in the window", above, 0, map[int64]timelines.Place{1: {SortKey: 46, UserID: 1}},
			[]timelines.Entry{own, at(46, 1)}},
	} {
		if got := page(c.window, c.entries, c.places); !slices.Equal(got, c.want) {
			t.Errorf("%s: the page is %v, want %v", c.name, got, c.want)
		}
	}
}
