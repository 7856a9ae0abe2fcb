//go:build faults

package app

import (
	"context"
	"os"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/faults"
)

// tally is a consumer group whose effects tests can count, in processes that are killed and frozen. If
// ROOST_TALLY is set, it writes two rows, the halves of an effect, for each tweet that was posted. The test
// must make the table:
//
//	CREATE TABLE tally (seq bigint, tweet_id bigint, half int)
//
// The table has no unique key, so that a test sees an effect that came twice. The group's lease is short, so that
// the partitions of a dead process are free soon. Few attempts make a dead letter, so that a test notices each one.
func tally() []events.GroupConfig {
	if os.Getenv("ROOST_TALLY") == "" {
		return nil
	}
	return []events.GroupConfig{{
		Name: "tally", Partitions: 4, Types: []string{events.TweetPosted{}.Type()}, Handler: events.HandlerFunc(count), FromStart: true,
		Batch: 20, Lease: time.Second, Poll: 20 * time.Millisecond, Attempts: 3, Backoff: 100 * time.Millisecond,
	}}
}

// count writes each half with a statement of its own.
func count(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
	for _, e := range batch {
		for half := 1; half <= 2; half++ {
			_, err := tx.Client().ExecContext(ctx, "INSERT INTO tally (seq, tweet_id, half) VALUES ($1, $2, $3)", e.Seq, e.Aggregate, half)
			if err != nil {
				return err
			}
			faults.At("tally.half")
		}
	}
	return nil
}
