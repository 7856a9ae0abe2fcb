package rows

import (
	"slices"
	"testing"

	"roost/domain/timelines"
	"roost/internal/cursors"
)

// What is dropped of a home timeline is made from SQL again: the list that is kept for the viewer, the lists of authors, the list of those
// whom the viewer follows, tweets, and which of them were read as deleted.
func TestDropHome(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		n, all := r.nodes(t, true)[0], r.authors(t, 3)
		viewer, friend, stranger := all[0], all[1], all[2]
		if err := n.follows.Follow(t.Context(), viewer, friend); err != nil {
			t.Fatal(err)
		}
		var ids []int64 // newest first
		for _, author := range []int64{friend, stranger, friend, viewer} {
			tweet, err := n.tweets.Post(t.Context(), author, "hello")
			if err != nil {
				t.Fatal(err)
			}
			ids = slices.Insert(ids, 0, int64(tweet.ID))
		}
		if _, _, err := n.retweets.Retweet(t.Context(), friend, ids[2]); err != nil {
			t.Fatal(err)
		}
		read := func() (items []int64) {
			t.Helper()
			page, _, err := n.homePage(t.Context(), viewer, cursors.Whole(10))
			if err != nil {
				t.Fatal(err)
			}
			return itemsOf(page)
		}
		whole := []int64{ids[2], ids[0], ids[1], ids[3]}
		for range 4 { // at first the lists become cached, then copies
			if got := read(); !slices.Equal(got, whole) {
				t.Fatalf("the timeline is %v, want %v", got, whole)
			}
		}
		kept, ok := n.store.home.kept.Get(viewer)
		if !ok {
			t.Fatal("no list is kept for the viewer")
		}
		for _, c := range []struct {
			what  string
			spoil func()
			wrong []int64
			// authors are those whose lists are dropped.
			authors []int64
		}{
			{"a kept list without entries", func() {
				kept.list = timelines.HomeList{}
				n.store.home.kept.Put(viewer, kept)
			}, nil, nil},
			{"a tweet that counts as deleted", func() { n.store.home.gone.note(ids[2]) }, []int64{ids[0], ids[1], ids[3]}, nil},
			{"a list without a tweet that SQL has", func() {
				r.exec(t, "UPDATE tweets SET deleted_at = created_at WHERE id = $1", ids[1])
				if err := n.store.DropHome(t.Context(), viewer, all, nil); err != nil {
					t.Fatal(err)
				}
				read()
				r.exec(t, "UPDATE tweets SET deleted_at = NULL WHERE id = $1", ids[1])
			}, []int64{ids[2], ids[0], ids[3]}, all},
			{"a follow that has ended in SQL only", func() {
				r.exec(t, "UPDATE follows SET active = false")
				if err := n.store.DropHome(t.Context(), viewer, nil, nil); err != nil {
					t.Fatal(err)
				}
				read()
				r.exec(t, "UPDATE follows SET active = true")
			}, []int64{ids[0]}, nil},
		} {
			c.spoil()
			if got := read(); !slices.Equal(got, c.wrong) {
				t.Errorf("with %s the timeline is %v, want %v", c.what, got, c.wrong)
			}
			if err := n.store.DropHome(t.Context(), viewer, c.authors, nil); err != nil {
				t.Fatal(err)
			}
			if got := read(); !slices.Equal(got, whole) {
				t.Errorf("after %s was dropped, the timeline is %v, want %v", c.what, got, whole)
			}
		}
		r.exec(t, "UPDATE tweets SET text = 'changed', version = version + 1 WHERE id = $1", ids[0])
		if err := n.store.DropHome(t.Context(), viewer, nil, ids[:1]); err != nil {
			t.Fatal(err)
		}
		if found, err := n.store.Tweets.Load(t.Context(), ids[:1]); err != nil || found[ids[0]].Text != "changed" {
			t.Errorf("after it was dropped, the tweet is %+v, %v", found[ids[0]], err)
		}
	})
}
