package timelines_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"roost/domain/timelines"
	"roost/testkit/domaintest"
)

func authorList(t *testing.T, d *domaintest.Domain, author int64) timelines.AuthorList {
	t.Helper()
	lists, err := d.Timelines.OfAuthors(t.Context(), []int64{author, 4242})
	if err != nil {
		t.Fatal(err)
	}
	if l, ok := lists[4242]; ok {
		t.Errorf("somebody without a row of counts has the list %+v", l)
	}
	return lists[author]
}

func sortKeys(l timelines.AuthorList) (out []int64) {
	for i := range l.SortKeys.Len() {
		out = append(out, l.SortKeys.At(i))
	}
	return out
}

// A list holds the newest visible tweets of its author, and reaches as far as it says.
func TestAuthorLists(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	var posted []int64 // newest first
	check := func(when string) {
		t.Helper()
		l, want, from := authorList(t, d, users[0]), posted, int64(0)
		if len(want) > timelines.MaxAuthorEntries {
			want = want[:timelines.MaxAuthorEntries]
			from = posted[timelines.MaxAuthorEntries] + 1
		}
		if got := sortKeys(l); !slices.Equal(got, want) || l.CompleteFrom != from || l.Special != nil {
			t.Errorf("%s the list is %v, complete from %d; want %v, from %d", when, got, l.CompleteFrom, want, from)
		}
	}
	check("before the first tweet")
	for range timelines.MaxAuthorEntries {
		posted = slices.Insert(posted, 0, d.Post(t, users[0], "hello"))
		d.Post(t, users[1], "hello")
	}
	check("with as many tweets as a list holds")
	posted = slices.Insert(posted, 0, d.Post(t, users[0], "hello"))
	check("with one tweet more")
	for _, at := range []int{timelines.MaxAuthorEntries, 0, 50} {
		d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, users[0], posted[at]) })
		posted = slices.Delete(posted, at, at+1)
		check(fmt.Sprintf("without tweet %d", at))
	}
}

// A list holds the newest tweets and retweets of its author together. A retweet of an own tweet, and one that was undone, are not in it.
// Whether a retweeted tweet is visible is not decided here.
func TestAuthorListsWithRetweets(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	type entry struct {
		key     int64
		special timelines.SpecialEntry
	}
	var want []entry // newest first
	post := func(author int64) int64 {
		id := d.Post(t, author, "hello")
		if author == users[0] {
			want = slices.Insert(want, 0, entry{key: id})
		}
		return id
	}
	retweet := func(id int64) {
		t.Helper()
		r, _, err := d.Retweets.Retweet(t.Context(), users[0], id)
		if err != nil {
			t.Fatal(err)
		}
		want = slices.Insert(want, 0, entry{r.SortKey, timelines.SpecialEntry{Kind: timelines.RetweetEntry, TweetID: id, AuthorID: users[1]}})
	}
	check := func(when string) {
		t.Helper()
		l, from := authorList(t, d, users[0]), int64(0)
		all := want
		if len(all) > timelines.MaxAuthorEntries {
			from, all = all[timelines.MaxAuthorEntries].key+1, all[:timelines.MaxAuthorEntries]
		}
		var keys []int64
		var special []timelines.SpecialEntry
		for i, e := range all {
			if keys = append(keys, e.key); e.special.TweetID != 0 {
				e.special.Index = int64(i)
				special = append(special, e.special)
			}
		}
		if !slices.Equal(sortKeys(l), keys) || l.CompleteFrom != from || !slices.Equal(l.Special, special) {
			t.Errorf("%s the list is %v, complete from %d, with %+v; want %v, %d, %+v", when, sortKeys(l), l.CompleteFrom, l.Special, keys, from,
				special)
		}
	}
	others := []int64{post(users[1]), post(users[1]), post(users[1])}
	own := post(users[0])
	d.Do(t, func(ctx context.Context) error { _, _, err := d.Retweets.Retweet(ctx, users[0], own); return err })
	check("with a retweet of an own tweet")
	retweet(others[1])
	post(users[0])
	retweet(others[0])
	check("with two retweets")
	d.Do(t, func(ctx context.Context) error { _, _, err := d.Retweets.Undo(ctx, users[0], others[0]); return err })
	want = want[1:]
	check("after an undo")
	retweet(others[0])
	d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, users[1], others[1]) })
	check("after another retweet, and the deletion of a tweet")
	for range timelines.MaxAuthorEntries / 2 {
		post(users[0])
		retweet(post(users[1]))
	}
	check("with more than a list holds")
}

// Whatever changes a list raises its version.
func TestVersionOfAuthorLists(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	last := authorList(t, d, users[0])
	raised := func(what string) {
		t.Helper()
		l := authorList(t, d, users[0])
		if l.Version <= last.Version {
			t.Errorf("%s: the version went from %d to %d", what, last.Version, l.Version)
		}
		last = l
	}
	id := d.Post(t, users[0], "hello")
	raised("the first tweet")
	second := d.Post(t, users[0], "hello")
	raised("the second tweet")
	d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, users[0], id) })
	raised("a deletion")
	other := d.Post(t, users[1], "hello")
	d.Do(t, func(ctx context.Context) error { _, _, err := d.Retweets.Retweet(ctx, users[0], other); return err })
	raised("a retweet")
	d.Do(t, func(ctx context.Context) error { _, _, err := d.Retweets.Undo(ctx, users[0], other); return err })
	raised("an undo")
	d.Do(t, func(ctx context.Context) error { return d.Follows.Follow(ctx, users[0], users[1]) },
		func(ctx context.Context) error { return d.Tweets.Delete(ctx, users[0], second) })
	raised("a follow and the last deletion")
	if keys := sortKeys(last); keys != nil {
		t.Errorf("without tweets the list has %v", keys)
	}
}
