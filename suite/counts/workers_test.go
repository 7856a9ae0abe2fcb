package counts

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

const summaries = `query($ids: [ID!]!) { reactionSummaries(subjectIds: $ids) { likeCount dislikeCount viewerReaction revision } }`

// Users like a tweet on two nodes while no worker runs, and Redis is flushed in the middle. Each answer, each next read of the user, and
// each read of others on the other node includes the like. When a worker starts, nothing is counted twice.
func TestLikesCountWithoutWorkers(t *testing.T) {
	t.Parallel()
	c := rig.NewCluster(t, rig.Options{Args: []string{"--roles", "api"}})
	c.Start(t, c.Nodes)
	likers := c.Nodes[0].SignUps(t, "liker", testtime.Soak(60, 1000))
	tweet := likers[0].Tweet(t, "like me")
	ids := apitest.Vars{"ids": []string{tweet}}
	anonymous := []*apitest.Client{c.Nodes[0].Anonymous(), c.Nodes[1].Anonymous()}
	var flush sync.Once
	apitest.Parallel(t, 8, func(first int) error {
		for i := first; i < len(likers); i += 8 {
			here, there := i%2, 1-i%2
			if i >= len(likers)/2 {
				flush.Do(func() { c.Redis.FlushAll() })
			}
			liker := rig.UserOn(c.Nodes[here].Roost, likers[i])
			res, err := liker.Try(rig.SetReaction, apitest.Vars{"id": tweet, "k": "LIKE"})
			if err != nil {
				return err
			}
			acked := rig.SummaryAt(res, "setReaction.subject.reactions")
			if acked.Mine != "LIKE" || acked.Likes < 1 || acked.Revision != acked.Likes {
				return fmt.Errorf("the answer of like %d is %+v", i, acked)
			}
			elsewhere := rig.UserOn(c.Nodes[there].Roost, likers[i])
			for who, reader := range map[string]*apitest.Client{"the user": liker.Client, "the user elsewhere": elsewhere.Client,
				"somebody elsewhere": anonymous[there]} {
				res, err := reader.Try(summaries, ids)
				if err != nil {
					return err
				}
				if now := rig.SummaryAt(res, "reactionSummaries.0"); now.Likes < acked.Likes || now.Revision < acked.Revision ||
					reader.Key != "" && now.Mine != "LIKE" {
					return fmt.Errorf("after %+v %s reads %+v", acked, who, now)
				}
			}
		}
		return nil
	})
	expect := func(when string) {
		t.Helper()
		for _, reader := range anonymous {
			want := rig.Summary{Likes: len(likers), Revision: len(likers), Mine: "NONE"}
			if now := rig.SummaryAt(reader.Must(t, summaries, ids), "reactionSummaries.0"); now != want {
				t.Errorf("%s the counts are %+v, want %+v", when, now, want)
			}
		}
	}
	expect("without workers")
	if n := apitest.Int(t, c.Database, "SELECT count(*) FROM tweet_stats"); n != 0 {
		t.Errorf("%d tweets were drained without a worker", n)
	}
	worker := c.Prepare(t, "--roles", "worker")
	c.Start(t, []*rig.Process{worker})
	untilDrained(t, c)
	expect("after draining")
	if n := apitest.Int(t, c.Database, "SELECT like_count FROM tweet_stats"); n != int64(len(likers)) {
		t.Errorf("the row has %d likes", n)
	}
	c.Redis.FlushAll()
	expect("after draining and a flush")
	rig.CheckRows(t, c.Database)
}

func untilDrained(t *testing.T, c *rig.Cluster) {
	t.Helper()
	apitest.Until(t, "the deltas to be drained", func() bool {
		return apitest.Int(t, c.Database, "SELECT count(*) FROM reaction_deltas") == 0
	})
}

// Only likes arrive, and viewers on two nodes read all the time, through flushes and drains: no number that a viewer sees decreases, and
// none exceeds what was begun.
func TestCountsNeverStepBack(t *testing.T) {
	t.Parallel()
	c := rig.NewCluster(t, rig.Options{})
	c.Start(t, c.Nodes)
	likers := c.Nodes[0].SignUps(t, "step", 12)
	var tweets []string
	for i := range testtime.Soak(30, 600) {
		tweets = append(tweets, likers[0].Tweet(t, fmt.Sprint("only likes ", i)))
	}
	hot := tweets[:3]
	ended, stop := context.WithCancel(t.Context())
	defer stop()
	var readers sync.WaitGroup
	begun := make([]atomic.Int64, len(hot)+1)
	reads := make([]int, 4)
	for r := range reads {
		reader := c.Nodes[r%2].Anonymous()
		readers.Go(func() {
			last := make([]rig.Summary, len(hot))
			for ended.Err() == nil {
				res, err := reader.Try(summaries, apitest.Vars{"ids": hot})
				if err != nil {
					t.Error(err)
					return
				}
				for i := range hot {
					now := rig.SummaryAt(res, fmt.Sprint("reactionSummaries.", i))
					if now.Likes < last[i].Likes || now.Revision < last[i].Revision || int64(now.Likes) > begun[i].Load() || now.Dislikes != 0 {
						t.Errorf("after %+v a reader sees %+v, and %d likes were begun", last[i], now, begun[i].Load())
					}
					last[i] = now
				}
				reads[r]++
			}
		})
	}
	readers.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended.Done():
				return
			case <-tick.C:
				c.Redis.FlushAll()
			}
		}
	})
	apitest.Parallel(t, len(likers), func(i int) error {
		liker := rig.UserOn(c.Nodes[i%2].Roost, likers[i])
		for n := range tweets {
			at := (n + 3*i) % len(tweets) // each likes the watched tweets at another time
			begun[min(at, len(hot))].Add(1)
			if _, err := liker.Try(rig.SetReaction, apitest.Vars{"id": tweets[at], "k": "LIKE"}); err != nil {
				return err
			}
		}
		return nil
	})
	untilDrained(t, c)
	stop()
	readers.Wait()
	if n := reads[0] + reads[1] + reads[2] + reads[3]; n < 50 {
		t.Errorf("only %d reads", n)
	}
	rig.CheckRows(t, c.Database)
}
