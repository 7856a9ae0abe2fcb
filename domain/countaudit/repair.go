package countaudit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"roost/domain/counts"
	"roost/events"
	"roost/internal/sqldb"
)

// errNoRow is the error of a repair of counts that belong to no tweet or user.
var errNoRow = errors.New("there is no such row")

// repair corrects the counts of one tweet or user.
func (a *Auditor) repair(ctx context.Context, k kind, id int64) error {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	if k.of == Tweet {
		return a.repairTweet(ctx, id)
	}
	return a.repairUser(ctx, id)
}

// locked locks the row of a tweet or user until the transaction ends, which keeps other repairs away, and recounts it. ok is false if its
// counts do not differ.
func (a *Auditor) locked(ctx context.Context, tx *events.Tx, k kind, id int64) (d difference, ok bool, err error) {
	lock := "SELECT id FROM " + k.table + " WHERE id = $1"
	if a.db.IsPostgres() {
		lock += " FOR NO KEY UPDATE"
	}
	switch err := sqldb.ScanOne(ctx, tx.Client(), lock, []any{id}, new(int64)); {
	case errors.Is(err, sql.ErrNoRows):
		return d, false, errNoRow
	case err != nil:
		return d, false, fmt.Errorf("lock the %s: %w", k.of, err)
	}
	all, err := sqldb.ScanAll(ctx, tx.Client(), k.differencesSQL(), []any{id - 1, id}, k.columns)
	if err != nil {
		return d, false, fmt.Errorf("recount the %s: %w", k.of, err)
	}
	if len(all) == 0 {
		return d, false, nil
	}
	return all[0], true, nil
}

// repairTweet adds a delta of reactions and replies to a tweet, and to its row what is missing of its retweets. Its revision grows by at
// least 1, to more than the number of changes, so that caches and subscribers take the repaired counts for newer than those before.
func (a *Auditor) repairTweet(ctx context.Context, id int64) error {
	return a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		k := tweetKind
		d, ok, err := a.locked(ctx, tx, k, id)
		if err != nil || !ok {
			return err
		}
		likes, dislikes, retweets := d.missing(k, 0), d.missing(k, 1), d.missing(k, 2)
		if _, err := tx.Client().ExecContext(ctx, `INSERT INTO reaction_deltas (tweet_id, likes, dislikes, replies, changes)
			VALUES ($1, $2, $3, $4, $5)`, id, likes, dislikes, d.missing(k, 3), d.missing(k, 4)+1); err != nil {
			return fmt.Errorf("repair the tweet's reactions: %w", err)
		}
		if retweets != 0 {
			if _, err := tx.Client().ExecContext(ctx, `INSERT INTO tweet_stats (tweet_id, retweet_count) VALUES ($1, $2)
				ON CONFLICT (tweet_id) DO UPDATE SET retweet_count = tweet_stats.retweet_count + excluded.retweet_count`,
				id, retweets); err != nil {
				return fmt.Errorf("repair the tweet's retweets: %w", err)
			}
		}
		tx.Emit(events.ReactionsChanged{TweetID: id, LikesAdded: likes, DislikesAdded: dislikes})
		return nil
	})
}

func (a *Auditor) repairUser(ctx context.Context, id int64) error {
	return a.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		k := userKind
		d, ok, err := a.locked(ctx, tx, k, id)
		if err != nil || !ok {
			return err
		}
		versions, err := counts.Add(ctx, tx, counts.Delta{UserID: id, Tweets: d.missing(k, 0), Followers: d.missing(k, 1),
			Following: d.missing(k, 2)})
		if err != nil {
			return err
		}
		tx.Emit(events.CountsRepaired{UserID: id, Version: versions[id].Version, FollowingVersion: versions[id].Following})
		return nil
	})
}
