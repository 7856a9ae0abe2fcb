package reactions

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/sqldb"
)

const (
	// maxUndrained is how many deltas of one tweet a read adds up. A read that meets more drains them, whatever the node's role.
	maxUndrained = 1000
	// DrainEvery is how long deltas gather before they are drained, unless DrainBatch events gather sooner.
	DrainEvery = time.Second
	// DrainBatch is how many events one transaction drains.
	DrainBatch = 1000
	// drainTimeout bounds the draining by a read.
	drainTimeout = 2 * time.Second
)

// Drain returns the consumer group that adds the deltas of reactions to the counts of their tweets: for each batch of events all deltas of
// their tweets, in one statement, so that a tweet's counts are written once for each batch however many reactions it has. Counts
// include deltas before they are drained, so nobody sees when that happens.
//
// A tweet whose event waits for another attempt, or is a dead letter, keeps its deltas until its next event is handled, or until a read
// meets more than maxUndrained of them.
func (r *Reactions) Drain() events.GroupConfig {
	return events.GroupConfig{Name: "counts", Partitions: drainers, FromStart: true,
		Types: []string{events.ReactionsChanged{}.Type(), events.ReplyAdded{}.Type(), events.ReplyRemoved{}.Type()},
		Batch: DrainBatch, Poll: DrainEvery, Gathers: true, Handler: events.HandlerFunc(r.drainBatch)}
}

// drainers is how many drainers work at once, on different tweets. It cannot change once the group has run.
const drainers = 2

func (r *Reactions) drainBatch(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
	ids := make([]int64, len(batch))
	for i, e := range batch {
		ids[i] = e.Aggregate
	}
	slices.Sort(ids)
	return r.drain(ctx, tx, slices.Compact(ids))
}

// drain adds all deltas of tweets to their counts. Drainers lock deltas in the order of their ids within that of the tweets, and then the
// counts in the order of the tweets, so that no two of them can deadlock.
func (r *Reactions) drain(ctx context.Context, tx *ent.Tx, tweetIDs []int64) error {
	const adds = ` INTO tweet_stats (tweet_id, like_count, dislike_count, reply_count, revision)
		SELECT tweet_id, sum(likes), sum(dislikes), sum(replies), sum(changes) FROM %s GROUP BY tweet_id ORDER BY tweet_id
		ON CONFLICT (tweet_id) DO UPDATE SET like_count = tweet_stats.like_count + excluded.like_count,
		dislike_count = tweet_stats.dislike_count + excluded.dislike_count, reply_count = tweet_stats.reply_count + excluded.reply_count,
		revision = tweet_stats.revision + excluded.revision`
	statements := []string{`WITH drained AS (DELETE FROM reaction_deltas WHERE id IN (
		SELECT id FROM reaction_deltas WHERE tweet_id = ANY($1) ORDER BY tweet_id, id FOR UPDATE)
		RETURNING tweet_id, likes, dislikes, replies, changes)
		INSERT` + fmt.Sprintf(adds, "drained")}
	if !r.db.IsPostgres() {
		of := "tweet_id IN (SELECT id FROM " + r.db.Rows("$1", "asked") + ")"
		statements = []string{"INSERT" + fmt.Sprintf(adds, "reaction_deltas WHERE "+of), "DELETE FROM reaction_deltas WHERE " + of}
	}
	for _, s := range statements {
		if _, err := tx.Client().ExecContext(ctx, s, r.db.List(tweetIDs)); err != nil {
			return fmt.Errorf("drain the counts of tweets: %w", err)
		}
	}
	return nil
}

// drainNow drains a tweet in a transaction of its own, unless another read of this process drains one. It is of no use to the read that
// calls it, which goes on if it fails.
func (r *Reactions) drainNow(ctx context.Context, tweetID int64) {
	if !r.draining.TryLock() {
		return
	}
	defer r.draining.Unlock()
	ctx, cancel := context.WithTimeout(sqldb.Background(context.WithoutCancel(ctx)), drainTimeout)
	defer cancel()
	err := r.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error { return r.drain(ctx, tx.Tx, []int64{tweetID}) })
	if err != nil {
		slog.WarnContext(ctx, "a tweet has many reactions that are not drained, and a read could not drain them", "tweet", tweetID, "error", err)
	}
}
