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

// tally is a consumer group whose effects tests can count, in processes that are killed and frozen. With
// ROOST_TALLY set it writes two rows, the halves of an effect, for each tweet that was posted; the table is
// the test's to make:
//
//	CREATE TABLE tally (seq bigint, tweet_id bigint, half int)
//
// without a unique key, so that effects that came twice are seen. Its lease is short, so that the parts of a
// dead process are free soon, and few attempts make a dead letter, so that none comes unnoticed.
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
