package timelines_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"roost/domain/retweets"
	"roost/domain/timelines"
	"roost/testkit/domaintest"
)

// What a retweet, or its end, does to a home timeline depends on what else brings the tweet there.
func TestPartsOfRetweets(t *testing.T) {
	t.Parallel()
	const tweet, author, user, other = 1, 2, 3, 4
	began := timelines.HomeChange{Kind: timelines.Retweeted, TweetID: tweet, AuthorID: author, UserID: user, SortKey: 50}
	ended := began
	ended.Kind = timelines.RetweetEnded
	removed := timelines.HomeChange{Kind: timelines.EntryRemoved, TweetID: tweet, AuthorID: author}
	at := func(key, by int64) timelines.HomeChange {
		return timelines.HomeChange{Kind: timelines.EntryAdded, TweetID: tweet, AuthorID: author, UserID: by, SortKey: key}
	}
	for _, c := range []struct {
		name   string
		change timelines.HomeChange
		now    timelines.Brought
		want   []timelines.HomeChange
	}{
		{"the first one", began, timelines.Brought{SortKey: 50, UserID: user}, []timelines.HomeChange{at(50, user)}},
		{"one before another", began, timelines.Brought{SortKey: 50, UserID: user, Others: true},
			[]timelines.HomeChange{removed, at(50, user)}},
		{"one after another", began, timelines.Brought{SortKey: 40, UserID: other, Others: true}, nil},
		{"one that has ended since", began, timelines.Brought{}, nil},
		{"one that has ended since, with a later one", began, timelines.Brought{SortKey: 60, UserID: other}, nil},
		{"the end of the only one", ended, timelines.Brought{}, []timelines.HomeChange{removed}},
		{"the end of the earliest", ended, timelines.Brought{SortKey: 60, UserID: other}, []timelines.HomeChange{removed, at(60, other)}},
		{"the end of one in between", ended, timelines.Brought{SortKey: 40, UserID: other}, nil},
	} {
		if got := c.change.Parts(c.now); !slices.Equal(got, c.want) {
			t.Errorf("%s: the parts are %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Both ways to ask what brings a tweet into home timelines agree with the naive answer, whoever follows whom, and with the places
// of pages.
func TestBrought(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 8)
	dice := rand.New(rand.NewPCG(1, 2))
	author := users[0]
	ids := []int64{d.Post(t, author, "one"), d.Post(t, author, "two"), d.Post(t, author, "none")}
	follows := map[[2]int64]bool{}
	kept, ended := map[int64][]retweets.Retweet{}, map[retweets.Retweet]bool{} // by tweet, oldest first
	for range 30 {
		a, b := users[dice.IntN(8)], users[dice.IntN(8)]
		if a != b {
			d.Do(t, func(ctx context.Context) error { return d.Follows.Follow(ctx, a, b) })
			follows[[2]int64{a, b}] = true
		}
	}
	for _, i := range dice.Perm(12) {
		user, tweet := users[1+i%6], ids[i/6]
		made, _, err := d.Retweets.Retweet(t.Context(), user, tweet)
		if err != nil {
			t.Fatal(err)
		}
		kept[tweet] = append(kept[tweet], made)
		if i%3 == 0 {
			d.Do(t, func(ctx context.Context) error { _, _, err := d.Retweets.Undo(ctx, user, tweet); return err })
			ended[made] = true
		}
	}
	naive := func(viewer, tweet int64) (b timelines.Brought, ok bool) {
		all := 0
		for _, r := range kept[tweet] {
			if !timelines.NewRelation(viewer, r.UserID, follows[[2]int64{viewer, r.UserID}]).InHome() {
				continue
			}
			if all++; !ended[r] && !ok {
				b, ok = timelines.Brought{SortKey: r.SortKey, UserID: r.UserID}, true
			}
		}
		b.Others = all > 1
		return b, ok
	}
	for _, tweet := range ids {
		want := map[int64]timelines.Brought{}
		for _, v := range users {
			if b, ok := naive(v, tweet); ok {
				want[v] = b
			}
		}
		got, err := d.Timelines.Brought(t.Context(), tweet, users)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("tweet %d is brought by %v, %v; want %v", tweet, got, err, want)
		}
	}
	for _, v := range users {
		followed, err := d.Timelines.Followed(t.Context(), []int64{v})
		if err != nil {
			t.Fatal(err)
		}
		authors, want := timelines.HomeAuthors(v, followed[v]), map[int64]timelines.Brought{}
		var doubts []timelines.Doubt
		for _, tweet := range ids {
			doubts = append(doubts, timelines.Doubt{TweetID: tweet, SortKey: 1 << 62})
			if b, ok := naive(v, tweet); ok {
				want[tweet] = b
			}
		}
		got, err := d.Timelines.BroughtBy(t.Context(), authors, ids)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("to user %d are brought %v, %v; want %v", v, got, err, want)
		}
		places, err := d.Timelines.Places(t.Context(), doubts, authors)
		if err != nil || len(places) != len(ids) {
			t.Fatalf("the places are %v, %v", places, err)
		}
		for tweet, p := range places {
			if p.SortKey != want[tweet].SortKey || p.UserID != want[tweet].UserID || !p.Visible {
				t.Errorf("the place of tweet %d is %+v, want %+v", tweet, p, want[tweet])
			}
		}
	}
}
