package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"roost/domain/countaudit"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/tweets"
	"roost/ent"
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

func (s *site) Tweet(ctx context.Context, author, inReplyTo int64, text string) (int64, error) {
	t, err := s.tweets.PostDraft(ctx, author, tweets.Draft{Text: text, InReplyTo: inReplyTo})
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

// audit compares all counts with the rows that they count.
func (s *site) audit(t *testing.T) {
	t.Helper()
	audit, err := countaudit.New(s.DB, s.Log, nil).Run(t.Context(), countaudit.Config{Examples: 5})
	if err != nil || audit.Found() > 0 || audit.Users != int64(len(people)) || audit.Tweets < 400 {
		t.Errorf("the counts differ from their rows: %+v, %v", audit, err)
	}
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
		const ofMarisol = "(SELECT id FROM users WHERE username = 'marisol')"
		for q, bounds := range map[string][2]int64{
			"SELECT count(*) FROM users WHERE bio <> '' AND password_hash = 'hash of " + Password + "'": {43, 43},
			"SELECT count(DISTINCT bio) FROM users":                                                     {43, 43},
			"SELECT count(*) FROM users WHERE website_url LIKE 'https://example.com/%'":                 {15, 30},
			"SELECT count(*) FROM follows":                                                              {500, 800},
			"SELECT count(*) FROM tweets":                                                               {400, 500},
			"SELECT count(*) FROM reactions WHERE kind = 1":                                             {1_500, 4_000},
			"SELECT count(*) FROM reactions WHERE kind = 2":                                             {10, 60},
			"SELECT count(DISTINCT text) FROM tweets":                                                   {400, 500},
			"SELECT count(DISTINCT author_id) FROM tweets":                                              {43, 43},
			counted("like_count", "likes"):                                                              {1_500, 4_000},
			"SELECT max(like_count) FROM tweet_stats":                                                   {35, 42},
			"SELECT count(*) FROM tweet_stats WHERE like_count >= 30":                                   {1, 4},
			"SELECT count(*) FROM retweets":                                                             {100, 400},
			"SELECT max(retweet_count) FROM tweet_stats":                                                {10, 40},
			"SELECT max(reply_count) FROM tweet_stats":                                                  {3, 5},
			"SELECT count(*) FROM tweets WHERE in_reply_to > 0":                                         {200, 300},
			"SELECT min(follower_count) FROM user_stats":                                                {1, 40},
			"SELECT count(*) FROM users WHERE username = 'ada'":                                         {1, 1},
			"SELECT max(following_count) FROM user_stats":                                               {10, 35},
			"SELECT count(*) FROM events WHERE type = 'RowsImported'":                                   {5, 5},
			"SELECT follower_count FROM user_stats WHERE user_id = " + ofMarisol:                        {37, 42},
			"SELECT following_count FROM user_stats WHERE user_id = " + ofMarisol:                       {1, 9},
			// What must not be.
			"SELECT count(*) FROM tweets r JOIN tweets p ON p.id = r.in_reply_to WHERE p.id >= r.id OR p.author_id <> r.parent_author_id": {0, 0},
			"SELECT count(*) FROM retweets r JOIN tweets t ON t.id = r.tweet_id WHERE r.sort_key <= t.id OR r.author_id <> t.author_id":   {0, 0},
			"SELECT count(*) FROM tweets t JOIN users u ON u.id = t.author_id WHERE u.created_at > t.created_at":                          {0, 0},
			"SELECT count(*) FROM retweets r JOIN tweets t ON t.id = r.sort_key":                                                          {0, 0},
			"SELECT count(*) FROM tweet_stats WHERE like_count >= 35 AND retweet_count >= 8":                                              {1, 3},
		} {
			if n := s.number(t, q); n < bounds[0] || n > bounds[1] {
				t.Errorf("%s: %d, want %d to %d", q, n, bounds[0], bounds[1])
			}
		}
		s.audit(t)
		for _, tag := range []string{"birding", "opensource", "trains", "地図"} {
			id, _ := tweets.HashtagNamed(tag)
			if n := s.number(t, fmt.Sprintf("SELECT count(*) FROM tweet_hashtags WHERE hashtag_id = %d", id)); n == 0 {
				t.Errorf("#%s leads to nothing", tag)
			}
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
		if n := s.number(t, "SELECT count(*) FROM tweets"); n != int64(len(makeWorld(time.Now()).tweets)) {
			t.Errorf("%d tweets", n)
		}
		if n := s.number(t, "SELECT count(*) FROM users WHERE bio <> ''"); n != int64(len(people)) {
			t.Errorf("%d people say something about themselves", n)
		}
		s.audit(t)
	})
}

// counted is SQL for the sum of a count of all tweets, in their rows and in what is not drained.
func counted(column, delta string) string {
	return "SELECT (SELECT coalesce(sum(" + column + "), 0) FROM tweet_stats) + (SELECT coalesce(sum(" + delta + "), 0) FROM reaction_deltas)"
}
