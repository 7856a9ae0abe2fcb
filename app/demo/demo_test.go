package demo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"roost/domain/countaudit"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/tweets"
	"roost/ent"
	"roost/ent/tweet"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
)

// site is a database with the domain over it.
type site struct {
	Options
	tweets    *tweets.Tweets
	reactions *reactions.Reactions
	retweets  *retweets.Retweets
}

func (s *site) Tweet(ctx context.Context, author int64, text string) (int64, error) {
	t, err := s.tweets.Post(ctx, author, text)
	if err != nil {
		return 0, err
	}
	return int64(t.ID), nil
}

func (s *site) Delete(ctx context.Context, author, id int64) error {
	return s.tweets.Delete(ctx, author, id)
}

func (s *site) React(ctx context.Context, user, id int64, kind int8) error {
	_, err := s.reactions.Set(ctx, user, id, reactions.Kind(kind))
	return err
}

func (s *site) Retweet(ctx context.Context, user, id int64) error {
	_, _, err := s.retweets.Retweet(ctx, user, id)
	return err
}

func onBoth(t *testing.T, test func(t *testing.T, s *site)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) { test(t, newSite(t, c)) })
}

func newSite(t *testing.T, c sqldb.Config) *site {
	t.Helper()
	db := dbtest.Open(t, c)
	client := ent.NewClient(ent.Driver(db.Driver))
	log, gen := events.New(client, clock.Real{}), ids.NewGenerator(clock.Real{}, idlease.New(db))
	s := &site{tweets: tweets.New(client, db, log, gen), reactions: reactions.New(client, db, log),
		retweets: retweets.New(client, db, log, gen)}
	s.Options = Options{DB: db, Client: client, Log: log, IDs: gen, Clock: clock.Real{}, React: s.React,
		HashPassword: func(_ context.Context, p string) (string, error) { return "hash of " + p, nil }}
	return s
}

func (s *site) number(t *testing.T, q string) (n int64) {
	t.Helper()
	if err := s.DB.Writer().QueryRowContext(t.Context(), q).Scan(&n); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return n
}

func (s *site) seed(t *testing.T) *World {
	t.Helper()
	w, err := Seed(t.Context(), s.Options)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestSeedMakesAWorldOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		w := s.seed(t)
		if !w.Fresh || len(w.Others) != len(people)-1 || slices.Contains(w.Others, 0) || w.Visitor == 0 {
			t.Fatalf("%+v", w)
		}
		for q, bounds := range map[string][2]int64{
			"SELECT count(*) FROM users WHERE bio <> '' AND password_hash = 'hash of " + Password + "'": {40, 40},
			"SELECT count(*) FROM follows":                            {500, 700},
			"SELECT count(*) FROM tweets":                             {400, 400},
			"SELECT count(*) FROM reactions WHERE kind = 1":           {3_000, 5_000},
			"SELECT count(*) FROM reactions WHERE kind = 2":           {50, 120},
			"SELECT count(DISTINCT text) FROM tweets":                 {400, 400},
			"SELECT count(DISTINCT author_id) FROM tweets":            {40, 40},
			counted("like_count", "likes"):                            {3_000, 5_000},
			"SELECT min(follower_count) FROM user_stats":              {1, 40},
			"SELECT count(*) FROM users WHERE username = 'ada'":       {1, 1},
			"SELECT max(following_count) FROM user_stats":             {10, 30},
			"SELECT count(*) FROM events WHERE type = 'RowsImported'": {4, 4},
		} {
			if n := s.number(t, q); n < bounds[0] || n > bounds[1] {
				t.Errorf("%s: %d, want %d to %d", q, n, bounds[0], bounds[1])
			}
		}
		audit, err := countaudit.New(s.DB, s.Log, nil).Run(t.Context(), countaudit.Config{Examples: 5})
		if err != nil || audit.Found() > 0 || audit.Tweets != 400 || audit.Users != 40 {
			t.Errorf("the counts differ from their rows: %+v, %v", audit, err)
		}
		again := s.seed(t)
		if again.Fresh || again.Visitor != w.Visitor || !slices.Equal(again.Others, w.Others) {
			t.Errorf("%+v, want %+v", again, w)
		}
	})
}

func TestSeedLeavesOthersAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		err := s.Client.User.Create().SetID(1).SetUsername("x").SetName("x").SetEmail("x@example.org").
			SetCreatedAt(s.Clock.Now()).Exec(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if w := s.seed(t); w != nil {
			t.Errorf("%+v", w)
		}
		if n := s.number(t, "SELECT count(*) FROM users"); n != 1 {
			t.Errorf("%d users", n)
		}
	})
}

func TestSeedCompletesWhatWasCutOff(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		o, left := s.Options, 10
		cut := errors.New("cut off")
		o.React = func(ctx context.Context, user, id int64, kind int8) error {
			if left--; left < 0 {
				return cut
			}
			return s.React(ctx, user, id, kind)
		}
		if _, err := Seed(t.Context(), o); !errors.Is(err, cut) {
			t.Fatal(err)
		}
		if w := s.seed(t); !w.Fresh {
			t.Errorf("%+v", w)
		}
		if n := s.number(t, "SELECT count(*) FROM tweets"); n != tweetCount {
			t.Errorf("%d tweets", n)
		}
		if n := s.number(t, "SELECT count(*) FROM users WHERE bio <> ''"); n != 40 {
			t.Errorf("%d people say something about themselves", n)
		}
	})
}

func TestWorldIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a, b := makeWorld(now), makeWorld(now.Add(time.Hour))
	if !slices.Equal(a.follows, b.follows) || !slices.Equal(a.dislikes, b.dislikes) || len(a.likes) != len(b.likes) {
		t.Error("the worlds differ")
	}
	for i := range a.tweets {
		if a.tweets[i].text != b.tweets[i].text || a.tweets[i].author != b.tweets[i].author {
			t.Fatalf("tweet %d differs", i)
		}
		if at := a.tweets[i].at; at.After(now) || now.Sub(at) > days*24*time.Hour+time.Hour {
			t.Errorf("tweet %d is of %v", i, at)
		}
	}
	for _, l := range a.likes {
		if l.at.Before(a.tweets[l.tweet].at) || l.at.After(now) {
			t.Errorf("like at %v of a tweet of %v", l.at, a.tweets[l.tweet].at)
		}
	}
}

func TestTextsAreTweets(t *testing.T) {
	t.Parallel()
	all := sentences()
	for _, text := range all {
		if utf8.RuneCountInString(text) > 280 || strings.ContainsAny(text, "{}") || tweets.Check(text) != nil {
			t.Errorf("%q", text)
		}
	}
	unique := slices.Compact(slices.Sorted(slices.Values(all)))
	if len(unique) != len(all) || len(all) < tweetCount {
		t.Errorf("%d texts, %d of them different", len(all), len(unique))
	}
}

func TestLifeGoesOnWithinBounds(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		w := s.seed(t)
		const keep = 5
		ticks := make(chan time.Time)
		idle := make(chan bool, 1)
		idle <- false
		live := func() *Life {
			l := NewLife(LifeOptions{World: w, Client: s.Client, Actions: s, Keep: keep, Ticks: ticks,
				Idle:   func() bool { now := <-idle; idle <- now; return now },
				Failed: func(err error) { t.Error(err) }})
			if err := l.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			return l
		}
		// Every tick is over when the next one is taken.
		run := func(l *Life, n int) {
			for range n {
				ticks <- time.Time{}
			}
			if err := l.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		// The visitor's own words stay, also if they are those of Life.
		if _, err := s.Tweet(t.Context(), w.Visitor, sentences()[0]); err != nil {
			t.Fatal(err)
		}
		before := s.number(t, counted("revision", "changes"))
		run(live(), 60)
		made := s.number(t, "SELECT count(*) FROM tweets") - tweetCount - 1
		if made < 60/8 || made > 60/4+1 {
			t.Errorf("%d tweets in 60 ticks", made)
		}
		if n := s.number(t, "SELECT count(*) FROM tweets WHERE deleted_at IS NULL"); n != tweetCount+1+keep {
			t.Errorf("%d tweets are there, want %d", n, tweetCount+1+keep)
		}
		if n := s.number(t, counted("revision", "changes")) - before; n < 20 {
			t.Errorf("%d reactions in 60 ticks", n)
		}
		if n := s.number(t, "SELECT sum(retweet_count) FROM tweet_stats"); n < 60/12-1 || n > 60/6+1 {
			t.Errorf("%d retweets in 60 ticks", n)
		}
		// A new life remembers the tweets of the one before.
		run(live(), 10)
		if n := s.number(t, "SELECT count(*) FROM tweets WHERE deleted_at IS NULL"); n != tweetCount+1+keep {
			t.Errorf("%d tweets are there after a new start, want %d", n, tweetCount+1+keep)
		}
		mine, err := s.Client.Tweet.Query().Where(tweet.AuthorID(w.Visitor), tweet.TextEQ(sentences()[0]),
			tweet.DeletedAtIsNil()).Count(t.Context())
		if err != nil || mine == 0 {
			t.Errorf("the visitor's tweet is gone: %v", err)
		}
		// Nobody looks: nothing happens.
		<-idle
		idle <- true
		events := s.number(t, "SELECT count(*) FROM events")
		run(live(), 20)
		if n := s.number(t, "SELECT count(*) FROM events"); n != events {
			t.Errorf("%d events while nobody looked", n-events)
		}
	})
}

// counted is SQL for the sum of a count of all tweets, in their rows and in what is not drained.
func counted(column, delta string) string {
	return "SELECT (SELECT coalesce(sum(" + column + "), 0) FROM tweet_stats) + (SELECT coalesce(sum(" + delta + "), 0) FROM reaction_deltas)"
}
