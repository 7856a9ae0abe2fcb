// Package retweets holds the rules of retweets: who passes which tweet on, since when, and the lists of a tweet's retweets and of a
// user's.
//
// A retweet is a row that is never deleted, only marked as not active; its version only grows. The transaction that changes a retweet
// also changes the count of the tweet, raises the version of the user's counts, and emits one event. A retweet is visible as long as
// it is active and its tweet is visible.
package retweets

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"roost/domain/counts"
	"roost/domain/reactions"
	"roost/domain/tweets"
	"roost/ent"
	"roost/events"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// Retweet is a retweet that is active, or was. SortKey is the time-ordered id that it got when it began: lists are ordered by it, and a
// user who retweets again after an undo makes another retweet.
type Retweet struct{ TweetID, UserID, SortKey int64 }

// ID is what names the retweet.
func (r Retweet) ID() ids.RetweetID {
	return ids.RetweetID{Tweet: r.TweetID, User: r.UserID, SortKey: r.SortKey}
}

// Key names the row of the retweet.
func (r Retweet) Key() Key { return Key{r.TweetID, r.UserID} }

// At returns when the retweet began, to the millisecond.
func (r Retweet) At() time.Time { return ids.Time(r.SortKey) }

// Retweets reads and writes retweets. It is safe for concurrent use.
type Retweets struct {
	client *ent.Client
	db     *sqldb.DB
	log    *events.Log
	ids    *ids.Generator
}

// New returns the retweets in a database. client, db and log must belong to the same database.
func New(client *ent.Client, db *sqldb.DB, log *events.Log, gen *ids.Generator) *Retweets {
	return &Retweets{client: client, db: db, log: log, ids: gen}
}

// Retweet makes the user retweet a tweet, and returns the retweet and the tweet's counts, which include it. The counts are nil if they
// could not be read. Retweeting again changes nothing and returns the retweet of before, without counts. For a tweet that is not visible
// the field "tweet" is refused with NOT_FOUND.
func (r *Retweets) Retweet(ctx context.Context, userID, tweetID int64) (made Retweet, now *reactions.Counts, err error) {
	sortKey, err := tweets.NextID(ctx, r.client, r.ids, tweetID)
	if err != nil {
		return Retweet{}, nil, err
	}
	args := []any{tweetID, userID, sortKey, ids.Time(sortKey)}
	made, _, now, err = r.change(ctx, begins, 1, args, events.TweetRetweeted{TweetID: tweetID, UserID: userID},
		func(e events.TweetRetweeted) events.Event { return e })
	return made, now, err
}

// Undo ends the user's retweet of a tweet, and returns this retweet and the tweet's counts without it; the counts are nil if they could not
// be read. Without a retweet it changes nothing and returns neither: the retweet's SortKey is 0. For a tweet that is not visible the field
// "tweet" is refused with NOT_FOUND.
func (r *Retweets) Undo(ctx context.Context, userID, tweetID int64) (ended Retweet, now *reactions.Counts, err error) {
	ended, changed, now, err := r.change(ctx, ends, -1, []any{tweetID, userID}, events.TweetRetweeted{TweetID: tweetID, UserID: userID},
		func(e events.TweetRetweeted) events.Event { return events.RetweetUndone(e) })
	if !changed {
		ended = Retweet{} // as it is: it has ended before, or has never begun
	}
	return ended, now, err
}

// change runs a statement that writes a retweet, see write, and emits the event that event makes of e once its fields are set. It returns
// the retweet, whether it has changed, and the tweet's counts, which are nil without a change, or if they could not be read.
func (r *Retweets) change(ctx context.Context, written string, by int64, args []any, e events.TweetRetweeted,
	event func(e events.TweetRetweeted) events.Event) (of Retweet, changed bool, now *reactions.Counts, err error) {
	var last *events.Tx
	err = r.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		last, changed = tx, false
		e := e // of this attempt
		err := r.write(ctx, tx, written, by, args, fields(&e))
		if errors.Is(err, sql.ErrNoRows) {
			tx.AlreadyDone(event(e))
			of, err = r.unchanged(ctx, tx, e.UserID, e.TweetID)
			return err
		}
		if err != nil {
			return err
		}
		tx.Emit(event(e))
		of, changed = Retweet{e.TweetID, e.UserID, e.SortKey}, true
		return nil
	})
	if err != nil {
		return Retweet{}, false, nil, err
	}
	if c := last.Counts(e.TweetID); c != nil {
		now = reactions.CountsFrom(e.TweetID, *c)
	}
	return of, changed, now, nil
}

// The statements that write a retweet. Without a change they return no row.
const (
	begins = `INSERT INTO retweets (tweet_id, user_id, author_id, active, sort_key, retweeted_at, version, parent_author_id)
		SELECT id, $2, author_id, true, $3, $4, 1, parent_author_id FROM tweets WHERE id = $1 AND ` + tweets.VisibleSQL + `
		ON CONFLICT (tweet_id, user_id) DO UPDATE SET active = true, sort_key = excluded.sort_key,
		retweeted_at = excluded.retweeted_at, version = retweets.version + 1 WHERE NOT retweets.active
		RETURNING author_id, coalesce(parent_author_id, 0), sort_key, version`
	ends = `UPDATE retweets SET active = false, version = version + 1 WHERE tweet_id = $1 AND user_id = $2 AND active
		AND EXISTS (SELECT 1 FROM tweets WHERE id = $1 AND ` + tweets.VisibleSQL + `)
		RETURNING author_id, coalesce(parent_author_id, 0), sort_key, version`
)

// fields are those fields of an event that write sets, in the order of the statements.
func fields(e *events.TweetRetweeted) []any {
	return []any{&e.AuthorID, &e.ParentAuthorID, &e.SortKey, &e.Version, &e.RetweetCount, &e.LikeCount, &e.DislikeCount, &e.Revision,
		&e.UserVersion}
}

// write runs a statement that writes a retweet. The first two of its arguments are the tweet and the user. Then it adds to the tweet's
// count and raises the version of the user's counts, in one statement because the counts of a tweet that many retweet are locked until
// the commit. Every writer locks first the retweet, then the tweet's counts, then the user's, so that no two of them can deadlock. The
// error is sql.ErrNoRows if there is nothing to change, or the tweet is not visible.
func (r *Retweets) write(ctx context.Context, tx *events.Tx, written string, by int64, args []any, into []any) error {
	if err := scanOne(ctx, tx, written, args, into[:4]...); err != nil {
		return err
	}
	const counted = `INSERT INTO tweet_stats (tweet_id, retweet_count, revision) VALUES ($1, $2, 1)
		ON CONFLICT (tweet_id) DO UPDATE SET retweet_count = tweet_stats.retweet_count + excluded.retweet_count,
		revision = tweet_stats.revision + 1 RETURNING retweet_count, like_count, dislike_count, revision`
	query := counted + ", (SELECT version FROM user_stats WHERE user_id = $3)" // a trigger has raised it
	if r.db.IsPostgres() {
		query = "WITH counted AS (" + counted + "), raised AS (" + counts.RaiseSQL("SELECT $3::bigint FROM counted") + `)
			SELECT retweet_count, like_count, dislike_count, revision, version FROM counted, raised`
	}
	return scanOne(ctx, tx, query, []any{args[0], by, args[1]}, into[4:]...)
}

// unchanged returns the retweet that a write has left as it was; its SortKey is 0 if there has never been one. It refuses a write that
// has changed nothing because the tweet is not visible.
func (r *Retweets) unchanged(ctx context.Context, tx *events.Tx, userID, tweetID int64) (Retweet, error) {
	was := Retweet{TweetID: tweetID, UserID: userID}
	err := scanOne(ctx, tx, `SELECT coalesce((SELECT sort_key FROM retweets WHERE tweet_id = $1 AND user_id = $2), 0)
		FROM tweets WHERE id = $1 AND `+tweets.VisibleSQL, []any{tweetID, userID}, &was.SortKey)
	if errors.Is(err, sql.ErrNoRows) {
		return was, tweets.NoSuchTweet()
	}
	return was, err
}

func scanOne(ctx context.Context, tx *events.Tx, query string, args []any, into ...any) error {
	err := sqldb.ScanOne(ctx, tx.Client(), query, args, into...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("write the retweet: %w", err)
	}
	return err
}

// Key identifies the retweet of one tweet by one user, whether there is one or not.
type Key struct{ TweetID, UserID int64 }

// State is a retweet as it is stored. SortKey is 0 if the retweet is not active. Version is the version of the row.
type State struct{ SortKey, Version int64 }

var pairs = sqldb.PairTable{Table: "retweets", First: "tweet_id", Second: "user_id", Value: "CASE WHEN active THEN sort_key ELSE 0 END"}

// ByKey reads users' retweets in one statement. Keys without a row are left out.
func (r *Retweets) ByKey(ctx context.Context, asked []Key) (map[Key]State, error) {
	return sqldb.ReadPairs(ctx, r.db.Driver, pairs, asked,
		func(k Key) sqldb.Pair { return sqldb.Pair{First: k.TweetID, Second: k.UserID} },
		func(row sqldb.PairRow) State { return State{SortKey: row.Value, Version: row.Version} })
}
