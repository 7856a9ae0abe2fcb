package reactions

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"roost/domain/tweets"
	"roost/ent"
	"roost/ent/tweet"
	"roost/ent/tweetstats"
	"roost/events"
	"roost/internal/sqldb"
)

// Counts are the numbers of reactions to one tweet and of its retweets. Of two Counts the one with the higher revision is newer.
type Counts struct {
	TweetID                                         int64
	LikeCount, DislikeCount, RetweetCount, Revision int32
}

// Reactions reads and writes reactions. It is safe for concurrent use.
type Reactions struct {
	client *ent.Client
	db     *sqldb.DB
	log    *events.Log
}

// New returns the reactions in a database. client, db and log must belong to the same database.
func New(client *ent.Client, db *sqldb.DB, log *events.Log) *Reactions {
	return &Reactions{client: client, db: db, log: log}
}

// Set sets the user's reaction to a tweet and returns the tweet's counts, which include it. Setting the same reaction again
// changes nothing and returns nil. For a tweet that is not visible the field "tweet" is refused with NOT_FOUND.
func (r *Reactions) Set(ctx context.Context, userID, tweetID int64, kind Kind) (now *Counts, err error) {
	err = r.log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		now = nil
		set, err := write(ctx, tx, userID, tweetID, kind)
		if errors.Is(err, sql.ErrNoRows) {
			tx.AlreadyDone(events.ReactionSet{TweetID: tweetID, UserID: userID})
			return unchanged(ctx, tx, tweetID)
		}
		if err != nil {
			return err
		}
		if err := r.count(ctx, tx, set); err != nil {
			return err
		}
		tx.Emit(*set)
		now = NewCounts(tweetID, set.LikeCount, set.DislikeCount, *set.RetweetCount, set.Revision)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return now, nil
}

// write writes the reaction. The error is sql.ErrNoRows if there is nothing to change, or the tweet is not visible.
func write(ctx context.Context, tx *events.Tx, userID, tweetID int64, kind Kind) (*events.ReactionSet, error) {
	query := `INSERT INTO reactions (tweet_id, user_id, kind, prev, reacted_at, version)
		SELECT id, $2, $3, 0, $4, 1 FROM tweets WHERE id = $1 AND ` + tweets.VisibleSQL + `
		ON CONFLICT (tweet_id, user_id) DO UPDATE SET prev = reactions.kind, kind = excluded.kind,
		reacted_at = excluded.reacted_at, version = reactions.version + 1
		WHERE reactions.kind IS DISTINCT FROM excluded.kind RETURNING kind, prev, version`
	if kind == None {
		query = `UPDATE reactions SET prev = kind, kind = $3, reacted_at = $4, version = version + 1
			WHERE tweet_id = $1 AND user_id = $2 AND kind <> $3
			AND EXISTS (SELECT 1 FROM tweets WHERE id = $1 AND ` + tweets.VisibleSQL + `) RETURNING kind, prev, version`
	}
	set := events.ReactionSet{TweetID: tweetID, UserID: userID}
	err := scanOne(ctx, tx, query, []any{tweetID, userID, int8(kind), tx.Now}, &set.Kind, &set.Prev, &set.Version)
	if err != nil {
		return nil, err
	}
	return &set, nil
}

// count adds the change to the tweet's counts, raises the version of the user's list, and stores the results in the event. It is one
// statement, and every writer locks first the reaction, then the counts, then the list, so that no two of them can deadlock.
func (r *Reactions) count(ctx context.Context, tx *events.Tx, set *events.ReactionSet) error {
	likes, dislikes := change(Kind(set.Prev), Kind(set.Kind))
	const counted = `INSERT INTO tweet_stats (tweet_id, like_count, dislike_count, revision) VALUES ($1, $2, $3, 1)
		ON CONFLICT (tweet_id) DO UPDATE SET like_count = tweet_stats.like_count + excluded.like_count,
		dislike_count = tweet_stats.dislike_count + excluded.dislike_count, revision = tweet_stats.revision + 1
		RETURNING like_count, dislike_count, retweet_count, revision`
	query := counted + `, (SELECT version FROM reaction_lists WHERE user_id = $4)` // a trigger has raised it
	if r.db.IsPostgres() {
		query = `WITH counted AS (` + counted + `), raised AS (
			INSERT INTO reaction_lists (user_id, version) SELECT $4::bigint, 2 FROM counted
			ON CONFLICT (user_id) DO UPDATE SET version = reaction_lists.version + 1 RETURNING version)
			SELECT like_count, dislike_count, retweet_count, revision, version FROM counted, raised`
	}
	set.RetweetCount = new(int64)
	return scanOne(ctx, tx, query, []any{set.TweetID, likes, dislikes, set.UserID},
		&set.LikeCount, &set.DislikeCount, set.RetweetCount, &set.Revision, &set.ListVersion)
}

// unchanged refuses a reaction that has changed nothing because its tweet is not visible.
func unchanged(ctx context.Context, tx *events.Tx, tweetID int64) error {
	visible, err := tx.Tweet.Query().Where(tweet.ID(tweetID), tweets.IsVisible()).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look up the tweet: %w", err)
	}
	if !visible {
		return tweets.NoSuchTweet()
	}
	return nil
}

func scanOne(ctx context.Context, tx *events.Tx, query string, args []any, into ...any) error {
	err := sqldb.ScanOne(ctx, tx.Client(), query, args, into...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("write the reaction: %w", err)
	}
	return err
}

// CountsOf reads the counts of tweets in one statement. Tweets without a row, whose counts are 0, are left out.
func (r *Reactions) CountsOf(ctx context.Context, tweetIDs []int64) (map[int64]*Counts, error) {
	rows, err := r.client.TweetStats.Query().Where(sqldb.In(tweetstats.FieldID, tweetIDs)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the counts of tweets: %w", err)
	}
	out := make(map[int64]*Counts, len(tweetIDs))
	for _, s := range rows {
		out[s.ID] = NewCounts(s.ID, s.LikeCount, s.DislikeCount, s.RetweetCount, s.Revision)
	}
	return out, nil
}

// NewCounts narrows stored counts to the 32 bits of Counts.
func NewCounts(tweetID, likes, dislikes, retweets, revision int64) *Counts {
	return &Counts{TweetID: tweetID, LikeCount: int32(likes), DislikeCount: int32(dislikes), RetweetCount: int32(retweets),
		Revision: int32(revision)}
}

// Key identifies the reaction of one user to one tweet, whether there is one or not.
type Key struct{ TweetID, UserID int64 }

// State is a user's reaction to a tweet as it is stored. Version is the version of the row.
type State struct {
	Kind    Kind
	Version int64
}

var reactionPairs = sqldb.PairTable{Table: "reactions", First: "tweet_id", Second: "user_id", Value: "kind"}

// ByKey reads users' reactions in one statement. Keys without a row are left out.
func (r *Reactions) ByKey(ctx context.Context, asked []Key) (map[Key]State, error) {
	return sqldb.ReadPairs(ctx, r.db.Driver, reactionPairs, asked,
		func(k Key) sqldb.Pair { return sqldb.Pair{First: k.TweetID, Second: k.UserID} },
		func(row sqldb.PairRow) State { return State{Kind: Kind(row.Value), Version: row.Version} })
}
