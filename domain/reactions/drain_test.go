package reactions_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/domain/reactions"
	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/testtime"
)

// site is the reactions in a database, with a count of the statements that drain.
type site struct {
	db        *sqldb.DB
	client    *ent.Client
	reactions *reactions.Reactions
	drained   *atomic.Int64
	tweets    []int64
}

// onBoth runs a test on both kinds of databases, with tweets that have no reactions.
func onBoth(t *testing.T, tweets int, test func(t *testing.T, s *site)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s := &site{drained: new(atomic.Int64)}
		c.Watch = func(_ context.Context, _ sqldb.Querier, query string, _ []any) {
			if strings.Contains(query, "INTO tweet_stats") {
				s.drained.Add(1)
			}
		}
		s.db = dbtest.Open(t, c)
		s.client = ent.NewClient(ent.Driver(s.db.Driver))
		s.reactions = reactions.New(s.client, s.db, events.New(s.client, clock.Real{}))
		for id := range int64(tweets) {
			s.tweets = append(s.tweets, id+1)
			if err := s.client.Tweet.Create().SetID(id + 1).SetAuthorID(1).SetText("hello").SetCreatedAt(time.Now()).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		test(t, s)
	})
}

func (s *site) set(t *testing.T, user, tweet int64, kind reactions.Kind) *reactions.Counts {
	t.Helper()
	now, err := s.reactions.Set(t.Context(), user, tweet, kind)
	if err != nil {
		t.Fatal(err)
	}
	return now.Counts
}

// drains runs a consumer group that drains, until the end of the test or stop, and a sequencer.
func (s *site) drains(t *testing.T, cfg events.GroupConfig) (stop func()) {
	t.Helper()
	g, err := events.NewGroup(s.client, s.db, clock.Real{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	sequencer := events.NewSequencer(s.db, func() {})
	if err := errors.Join(sequencer.Start(t.Context()), g.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := errors.Join(g.Stop(ctx), sequencer.Stop(ctx)); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// number reads one number.
func (s *site) number(t *testing.T, query string) (n int64) {
	t.Helper()
	if err := s.db.Writer().QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (s *site) counts(t *testing.T, tweet int64) reactions.Counts {
	t.Helper()
	all, err := s.reactions.CountsOf(t.Context(), []int64{tweet})
	if err != nil || all[tweet] == nil {
		t.Fatalf("the counts are %v, %v", all[tweet], err)
	}
	return *all[tweet]
}

const undrained = "SELECT count(*) FROM reaction_deltas"

// A hundred deltas of one tweet reach its row in one statement, and nobody sees in the counts when that happens.
func TestDeltasAreDrainedTogether(t *testing.T) {
	onBoth(t, 1, func(t *testing.T, s *site) {
		for user := range int64(100) {
			s.set(t, user, 1, reactions.Like)
		}
		want := reactions.Counts{TweetID: 1, LikeCount: 100, Revision: 100}
		if n := s.number(t, undrained); n != 100 || s.counts(t, 1) != want {
			t.Fatalf("%d deltas, %+v", n, s.counts(t, 1))
		}
		s.drains(t, s.reactions.Drain())
		testtime.Until(t, "the deltas to be drained", func() bool { return s.number(t, undrained) == 0 })
		if n := s.drained.Load(); n != 1 || s.counts(t, 1) != want || s.number(t, "SELECT like_count FROM tweet_stats") != 100 {
			t.Errorf("%d statements drained, the counts are %+v", n, s.counts(t, 1))
		}
	})
}

// Deltas gather until the time is over, or until there are enough events for a batch.
func TestLimitsOfDraining(t *testing.T) {
	onBoth(t, 1, func(t *testing.T, s *site) {
		cfg := s.reactions.Drain()
		if cfg.Poll != reactions.DrainEvery || cfg.Batch != reactions.DrainBatch || !cfg.Gathers {
			t.Fatalf("the group is %+v", cfg)
		}
		cfg.Batch = 10
		for user := range int64(25) {
			s.set(t, user, 1, reactions.Like)
		}
		stop := s.drains(t, cfg)
		testtime.Until(t, "the deltas to be drained", func() bool { return s.number(t, undrained) == 0 })
		// The first batch drains all deltas of its tweet. The others find none, but must look.
		testtime.Until(t, "three batches", func() bool { return s.drained.Load() == 3 })
		began := time.Now()
		s.set(t, 100, 1, reactions.Like)
		testtime.Until(t, "a delta alone to be drained", func() bool { return s.number(t, undrained) == 0 })
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a delta alone waited for %s", took)
		}
		stop()
		if c := s.counts(t, 1); c.LikeCount != 26 {
			t.Errorf("the counts are %+v", c)
		}
	})
}

// While users react at random, deltas are drained by two groups and by reads, and retweets change the same rows, the counts are
// always the sum of all changes: revisions that one reader sees never decrease. Afterwards they equal the rows.
func TestCountsWhileTheyAreDrained(t *testing.T) {
	onBoth(t, 3, func(t *testing.T, s *site) {
		cfg := s.reactions.Drain()
		cfg.Poll = 5 * time.Millisecond
		s.drains(t, cfg)
		cfg.Name = "more counts" // which drains the same tweets
		s.drains(t, cfg)
		const writers, each = 4, 60
		var all, reader sync.WaitGroup
		ended := make(chan struct{})
		reader.Go(func() {
			last := map[int64]int32{}
			for {
				now, err := s.reactions.CountsOf(t.Context(), s.tweets)
				if err != nil {
					t.Error(err)
					return
				}
				for id, c := range now {
					if c.Revision < last[id] || c.LikeCount < 0 || c.DislikeCount < 0 {
						t.Errorf("after revision %d come %+v", last[id], c)
					}
					last[id] = c.Revision
				}
				select {
				case <-ended:
					return
				default:
				}
			}
		})
		for w := range writers {
			dice := rand.New(rand.NewPCG(3, uint64(w)))
			all.Go(func() {
				for range each {
					tweet := s.tweets[dice.IntN(len(s.tweets))]
					if _, err := s.reactions.Set(t.Context(), int64(dice.IntN(8)), tweet, reactions.Kind(dice.IntN(3))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		close(ended)
		reader.Wait()
		testtime.Until(t, "the deltas to be drained", func() bool { return s.number(t, undrained) == 0 })
		if n := s.number(t, `SELECT count(*) FROM tweet_stats AS s WHERE revision <>
			(SELECT coalesce(sum(version), 0) FROM reactions WHERE tweet_id = s.tweet_id) OR like_count <>
			(SELECT count(*) FROM reactions WHERE tweet_id = s.tweet_id AND kind = 1) OR dislike_count <>
			(SELECT count(*) FROM reactions WHERE tweet_id = s.tweet_id AND kind = 2)`); n != 0 {
			t.Errorf("the counts of %d tweets are not their reactions", n)
		}
	})
}

// A read that meets more than a thousand deltas of a tweet drains them, so the next read adds up few, also while no worker runs.
func TestReadsDrainWhatIsTooMuch(t *testing.T) {
	onBoth(t, 2, func(t *testing.T, s *site) {
		if _, err := s.db.Writer().ExecContext(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001)
			INSERT INTO reaction_deltas (tweet_id, likes, dislikes, changes) SELECT 1, 1, 0, 1 FROM n`); err != nil {
			t.Fatal(err)
		}
		s.set(t, 1, 2, reactions.Like)
		want := reactions.Counts{TweetID: 1, LikeCount: 1001, Revision: 1001}
		for range 2 {
			if c := s.counts(t, 1); c != want {
				t.Errorf("the counts are %+v", c)
			}
		}
		if n := s.number(t, undrained); n != 1 || s.counts(t, 1) != want {
			t.Errorf("%d deltas remain, want that of the other tweet", n)
		}
	})
}
