package tweets_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"

	"roost/domain/suspensions"
	"roost/domain/tweets"
	"roost/events"
	"roost/internal/errs"
	"roost/testkit/domaintest"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]errs.Kind{
		"hello": "", "two\nlines\tand a tab": "", strings.Repeat("é", tweets.MaxLength): "", strings.Repeat("🙂", tweets.MaxLength): "",
		"": errs.Required, " \n\t": errs.Required, "\u200b": errs.Required,
		strings.Repeat("x", tweets.MaxLength+1): errs.TooLong,
		"a\x00b":                                errs.Invalid, "a\u0085": errs.Invalid, "a\xff": errs.Invalid,
	} {
		e := tweets.Check(text)
		switch {
		case e == nil && want != "":
			t.Errorf("%q is accepted", text)
		case e != nil && (e.Kind != want || !slices.Equal(e.Path, []string{"text"}) || (e.Kind == errs.TooLong) != (e.Limit == tweets.MaxLength)):
			t.Errorf("%q is refused with %v of %v, limit %d", text, e, e.Path, e.Limit)
		}
	}
}

// A tweet is counted when it is posted and not any more when it is deleted, once.
func TestPostAndDelete(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	tweetCount := func() int32 {
		t.Helper()
		c, err := d.Counts.ByUser(t.Context(), users[:1])
		if err != nil {
			t.Fatal(err)
		}
		return c[users[0]].Tweets
	}
	first, second := d.Post(t, users[0], "first"), d.Post(t, users[0], "second")
	if second <= first {
		t.Errorf("the second tweet has the id %d, the first %d", second, first)
	}
	if n := tweetCount(); n != 2 {
		t.Errorf("two tweets are counted as %d", n)
	}
	want := []events.Event{events.TweetPosted{TweetID: first, AuthorID: users[0], AuthorVersion: 1},
		events.TweetPosted{TweetID: second, AuthorID: users[0], AuthorVersion: 2}}
	if got := d.Emitted(); !slices.Equal(got, want) {
		t.Errorf("posting emits %+v, want %+v", got, want)
	}
	remove := func(user, tweet int64) error { return d.Tweets.Delete(t.Context(), user, tweet) }
	domaintest.Refused(t, remove(users[1], first), errs.NotAllowed, "tweet")
	domaintest.Refused(t, remove(users[0], first+1<<40), errs.NotFound, "tweet")
	for range 2 { // the second time changes nothing
		if err := remove(users[0], first); err != nil {
			t.Fatal(err)
		}
	}
	domaintest.Refused(t, remove(users[1], first), errs.NotFound, "tweet")
	if n := tweetCount(); n != 1 {
		t.Errorf("after the deletion %d tweets are counted", n)
	}
	want = []events.Event{events.TweetDeleted{TweetID: first, AuthorID: users[0], Version: 2, AuthorVersion: 3}}
	if got := d.Emitted(); !slices.Equal(got, want) {
		t.Errorf("deleting emits %+v, want %+v", got, want)
	}
	domaintest.Refused(t, func() error { _, err := d.Tweets.Post(t.Context(), users[0], " "); return err }(), errs.Required, "text")
}

// An operator deletes the tweet of anybody, once, with the event and the count of a deletion by its author.
func TestRemove(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	author := d.Users(t, 1)[0]
	tweet := d.Post(t, author, "against the rules")
	d.Emitted()
	for i, want := range []bool{true, false} {
		if done, err := d.Tweets.Remove(t.Context(), tweet); err != nil || done != want {
			t.Errorf("call %d returns %t, %v", i, done, err)
		}
	}
	want := []events.Event{events.TweetDeleted{TweetID: tweet, AuthorID: author, Version: 2, AuthorVersion: 2}}
	if got := d.Emitted(); !slices.Equal(got, want) {
		t.Errorf("the deletion emits %+v, want %+v", got, want)
	}
	c, err := d.Counts.ByUser(t.Context(), []int64{author})
	if err != nil || c[author].Tweets != 0 {
		t.Errorf("after the deletion the counts are %+v, %v", c[author], err)
	}
	d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, author, tweet) })
	_, err = d.Tweets.Remove(t.Context(), tweet+1<<40)
	domaintest.Refused(t, err, errs.NotFound, "tweet")
}

// The three forms of the rule of visibility agree.
func TestVisible(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	author := d.Users(t, 1)[0]
	kept, deleted := d.Post(t, author, "kept"), d.Post(t, author, "deleted")
	d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, author, deleted) })

	none := &suspensions.Set{}
	byEnt, err := d.Client.Tweet.Query().Where(tweets.IsVisible()).IDs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var bySQL sql.NullInt64
	row := d.DB.Writer().QueryRowContext(t.Context(), "SELECT sum(id) FROM tweets WHERE "+tweets.VisibleSQL)
	if err := row.Scan(&bySQL); err != nil {
		t.Fatal(err)
	}
	rows, err := d.Tweets.ByID(t.Context(), []int64{kept, deleted})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(byEnt, []int64{kept}) || bySQL.Int64 != kept || tweets.Visible(rows[kept], none) != rows[kept] ||
		tweets.Visible(rows[deleted], none) != nil {
		t.Errorf("of %d and %d, the second deleted, ent sees %v, SQL %d, the rows are %+v and %+v",
			kept, deleted, byEnt, bySQL.Int64, rows[kept], rows[deleted])
	}
	if rows[deleted] == nil || rows[deleted].Text != "" || rows[deleted].Version != 2 {
		t.Errorf("the deleted tweet is read as %+v", rows[deleted])
	}
	if tweets.Visible(nil, none) != nil {
		t.Error("no tweet is visible")
	}
}
