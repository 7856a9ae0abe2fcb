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
	d.Do(t, func(ctx context.Context) error { return d.Follows.Follow(ctx, users[0], users[1]) },
		func(ctx context.Context) error { return d.Tweets.Delete(ctx, users[0], second) })
	raised("a follow and the last deletion")
	if keys := sortKeys(last); keys != nil {
		t.Errorf("without tweets the list has %v", keys)
	}
}
