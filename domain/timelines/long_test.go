package timelines_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"roost/domain/search"
	"roost/domain/timelines"
	"roost/internal/cursors"
	"roost/internal/reqstats"
	"roost/internal/sqldb"
	"roost/testkit/domaintest"
)

// Every search of tweets, users and timelines waits for its turn among the long reads; timelines without a search do not.
func TestSearchesAreLongReads(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	ada := d.Users(t, 1)[0]
	d.Post(t, ada, "hello")
	begun, hold, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	turns := d.DB.Loads()["long"].Permits
	for range turns {
		go func() {
			ctx, _ := reqstats.With(t.Context())
			ended <- d.DB.Long(ctx, func(context.Context) error { begun <- struct{}{}; <-hold; return nil })
		}()
		<-begun
	}
	page := sqldb.Key{Owner: ada, Window: cursors.Whole(1), Kinds: timelines.OwnTweets}
	of := func(k sqldb.Key) func(ctx context.Context) error {
		return func(ctx context.Context) error { _, err := d.Timelines.OfUsers(ctx, []sqldb.Key{k}); return err }
	}
	searched := page
	searched.Matching = "hello"
	for what, read := range map[string]func(ctx context.Context) error{
		"tweets": func(ctx context.Context) error {
			_, err := d.Search.Tweets(ctx, search.Key{Query: "hello", Size: 1})
			return err
		},
		"users": func(ctx context.Context) error {
			_, err := d.Search.Users(ctx, search.UserKey{Query: "a", Size: 1})
			return err
		},
		"a timeline": of(searched),
		"a home page": func(ctx context.Context) error {
			_, err := d.Timelines.HomeMatching(ctx, []int64{ada}, "hello", cursors.Whole(1))
			return err
		},
	} {
		ctx, stats := reqstats.With(t.Context())
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		if err := read(ctx); !errors.Is(err, context.DeadlineExceeded) || stats.Statements() != 0 {
			t.Errorf("a search of %s without a turn: %v, %d statements", what, err, stats.Statements())
		}
		cancel()
	}
	ctx, _ := reqstats.With(t.Context())
	if err := of(page)(ctx); err != nil {
		t.Errorf("a timeline that is not searched: %v", err)
	}
	close(hold)
	for range turns {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
