package rows

import (
	"context"
	"slices"
	"testing"

	"roost/domain/timelines"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// whole reads a home timeline page by page.
func (n node) whole(t *testing.T, viewer int64, size int) (all []timelines.Entry) {
	t.Helper()
	for w := cursors.Whole(size); ; {
		page, _, err := n.homePage(t.Context(), viewer, w)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Items...)
		if !page.More {
			return all
		}
		if len(page.Items) != size {
			t.Fatalf("a page has %d of %d entries, although there are more", len(page.Items), size)
		}
		w.Above = page.Items[size-1].SortKey
	}
}

// Three users whom a viewer follows retweet one tweet, and the earliest of the retweets is older than any list reaches. The tweet is there
// once, at that retweet; without it, at the next one; and nowhere once the tweet is deleted.
func TestAnEarlyRetweetBeyondTheLists(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		nodes, all := r.nodes(t, true), r.authors(t, 5)
		viewer, first, second, third, stranger := all[0], all[1], all[2], all[3], all[4]
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, u := range all[1:4] {
			do(nodes[0].follows.Follow(t.Context(), viewer, u))
		}
		tweet, err := nodes[0].tweets.Post(t.Context(), stranger, "passed on")
		do(err)
		id := int64(tweet.ID)
		keys := map[int64]int64{} // where the tweet is, by the user who brings it
		retweet := func(user int64) {
			t.Helper()
			made, _, err := nodes[1].retweets.Retweet(t.Context(), user, id)
			do(err)
			keys[user] = made.SortKey
		}
		retweet(first)
		for range 2 * timelines.MaxAuthorEntries {
			_, err := nodes[0].tweets.Post(t.Context(), first, "much")
			do(err)
		}
		retweet(second)
		retweet(third)
		check := func(when string, by int64) {
			t.Helper()
			var want []timelines.Entry
			if key := keys[by]; key != 0 {
				want = []timelines.Entry{{SortKey: key, Item: id, By: by}}
			}
			for i, n := range nodes {
				for read := range 3 { // the last ones from lists that are kept
					got := slices.DeleteFunc(n.whole(t, viewer, 25), func(e timelines.Entry) bool { return e.Item != id })
					if !slices.Equal(got, want) {
						t.Errorf("%s, read %d of node %d: the tweet is there as %v, want %v", when, read, i, got, want)
					}
				}
			}
		}
		check("all three", first)
		if counted(t, nodes[0].store.home.placed) == 0 {
			t.Error("the place of a retweet was never asked for")
		}
		_, _, err = nodes[0].retweets.Undo(t.Context(), first, id)
		do(err)
		check("without the first", second)
		do(nodes[1].follows.Unfollow(t.Context(), viewer, second))
		check("without the first, and the second unfollowed", third)
		do(nodes[1].follows.Follow(t.Context(), viewer, second))
		retweet(first)
		check("with a later retweet of the first", second)
		do(nodes[1].follows.Follow(t.Context(), viewer, stranger))
		keys[0] = id
		check("the author followed", 0) // at its own place
		delete(keys, 0)
		do(nodes[1].follows.Unfollow(t.Context(), viewer, stranger))
		check("the author unfollowed", second)
		do(nodes[0].tweets.Delete(t.Context(), stranger, id))
		check("deleted", 0)
	})
}

// Retweets of deleted tweets never make a page short while entries remain, whatever the page is made of.
func TestPagesAreFilledUp(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		nodes, all := r.nodes(t, true), r.authors(t, 3)
		viewer, friend, stranger := all[0], all[1], all[2]
		var gone, want []int64
		post := func(author int64) int64 {
			t.Helper()
			tweet, err := nodes[0].tweets.Post(t.Context(), author, "hello")
			if err != nil {
				t.Fatal(err)
			}
			return int64(tweet.ID)
		}
		if err := nodes[0].follows.Follow(t.Context(), viewer, friend); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			want = slices.Insert(want, 0, post(friend))
		}
		for range 60 {
			id := post(stranger)
			if _, _, err := nodes[0].retweets.Retweet(t.Context(), friend, id); err != nil {
				t.Fatal(err)
			}
			gone = append(gone, id)
		}
		if got := nodes[0].whole(t, viewer, 20); len(got) != len(want)+len(gone) {
			t.Errorf("the timeline has %d entries, want %d", len(got), len(want)+len(gone))
		}
		for _, id := range gone {
			if err := nodes[1].tweets.Delete(t.Context(), stranger, id); err != nil {
				t.Fatal(err)
			}
		}
		for i, n := range nodes {
			var got []int64
			for _, e := range n.whole(t, viewer, 20) {
				got = append(got, e.Item)
			}
			if !slices.Equal(got, want) {
				t.Errorf("node %d has %d entries: %v, want %v", i, len(got), got, want)
			}
		}
		authors := []int64{friend, viewer}
		for name, read := range map[string]func(context.Context, []int64, cursors.Window) (cursors.Page[timelines.Entry], error){
			"in steps": r.Timelines.Home, "at once": r.Timelines.ExactHome} {
			page, err := read(t.Context(), authors, cursors.Whole(20))
			if err != nil || len(page.Items) != 20 || !page.More {
				t.Errorf("%s: a page of 20 has %d entries, %t, %v", name, len(page.Items), page.More, err)
			}
		}
	})
}

// A page says that there are more entries only if one of them is visible, however many retweets of deleted tweets come before it.
func TestOnlyVisibleRetweetsAreMore(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		nodes, all := r.nodes(t, true), r.authors(t, 2)
		friend, stranger := all[0], all[1]
		var ids []int64
		for range 3 * decideAtOnce {
			tweet, err := nodes[1].tweets.Post(t.Context(), stranger, "hello")
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := nodes[1].retweets.Retweet(t.Context(), friend, int64(tweet.ID)); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, int64(tweet.ID))
		}
		newest := len(ids) - 1
		check := func(deleted []int64, more bool) {
			t.Helper()
			for _, id := range deleted {
				if err := nodes[1].tweets.Delete(t.Context(), stranger, id); err != nil {
					t.Fatal(err)
				}
			}
			q := nodes[0].store.AskTimelines([]sqldb.Key{{Owner: friend, Window: cursors.Whole(1), Kinds: timelines.Retweets}})
			nodes[0].store.Answer(t.Context(), q.Request())
			page, err := q.At(t.Context(), 0)
			if err != nil || len(page.Items) != 1 || page.Items[0].Item != ids[newest] || page.More != more {
				t.Errorf("with %d tweets deleted the page is %v, more %t, %v; want %d, more %t", len(deleted), page.Items, page.More, err,
					ids[newest], more)
			}
		}
		check(ids[1:newest], true)
		check(ids[:1], false)
	})
}
