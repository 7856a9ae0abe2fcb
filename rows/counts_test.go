package rows

import (
	"context"
	"errors"
	"testing"
	"time"

	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/heat"
	"roost/internal/idlease"
	"roost/internal/ids"
)

// If the counts cannot be read after a commit, the write succeeds without them. Both nodes, which have had the old counts, read the new
// ones nevertheless, as soon as the write is acknowledged.
func TestCountsThatCouldNotBeRead(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		w := newReactor(t, r, 1)
		tweet := w.tweets[0]
		w.set(t, tweet, reactions.Like)
		compare(t, r.here, r.here.TweetCounts, w.tweets)
		compare(t, r.there, r.there.TweetCounts, w.tweets)
		log := events.New(r.client, r.clock)
		log.SetInvalidator(r.here)
		set, passOn := reactions.New(r.client, r.db, log), retweets.New(r.client, r.db, log, ids.NewGenerator(clock.Real{}, idlease.New(r.db)))
		log.SetCounter(func(context.Context, []int64) (map[int64]events.TweetCounts, error) {
			return nil, errors.New("no counts")
		})
		for what, write := range map[string]func() (*reactions.Counts, error){
			"a reaction": func() (*reactions.Counts, error) {
				now, err := set.Set(t.Context(), w.viewer, tweet, reactions.Dislike)
				return now.Counts, err
			},
			"a retweet": func() (*reactions.Counts, error) {
				_, now, err := passOn.Retweet(t.Context(), w.viewer, tweet)
				return now, err
			},
		} {
			if now, err := write(); err != nil || now != nil {
				t.Fatalf("%s returns %+v, %v", what, now, err)
			}
			compare(t, r.here, r.here.TweetCounts, w.tweets)
			compare(t, r.there, r.there.TweetCounts, w.tweets)
		}
	})
}

// One of 64 reads of counts is counted, and counts for all of them.
func TestHottestReads(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC))
	reads := heat.New(now.Now)
	form := tweetCountsForm(nil, reads)
	const n = 1000 * readsPerSample
	for range n {
		form.seen(7, nil)
	}
	form.seen(8, nil)
	now.Add(heat.Window)
	got := (&Store{reads: reads}).HottestReads(1)
	if len(got) != 1 || got[0].Key != 7 || got[0].PerSecond*heat.Window.Seconds() < 0.7*n || got[0].PerSecond*heat.Window.Seconds() > 1.3*n {
		t.Errorf("%d reads are estimated as %+v a second", n, got)
	}
}
