package reactions

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/heat"
	"roost/internal/sqldb"
)

// Counts are the numbers of reactions to one tweet, of its retweets and of its replies. Of two Counts the one with the higher revision is
// newer.
type Counts struct {
	TweetID                                                     int64
	LikeCount, DislikeCount, RetweetCount, ReplyCount, Revision int32
}

// Reactions reads and writes reactions. It is safe for concurrent use.
type Reactions struct {
	client   *ent.Client
	db       *sqldb.DB
	log      *events.Log
	combiner combiner
	draining sync.Mutex // held by the read that drains
	heat     *heat.Meter
	stats    struct{ transactions, changes atomic.Int64 }
}

// New returns the reactions in a database, and makes the log read the counts of tweets that a transaction has changed. client, db and log
// must belong to the same database.
func New(client *ent.Client, db *sqldb.DB, log *events.Log) *Reactions {
	r := &Reactions{client: client, db: db, log: log, heat: heat.New(time.Now)}
	r.combiner.commit = r.commit
	log.SetCounter(r.counted)
	return r
}

// Stats are figures of this process since its start.
type Stats struct {
	// Waiting are the calls of Set that wait for a transaction.
	Waiting int
	// Transactions have changed reactions, and Changes are the reactions that they have changed.
	Transactions, Changes int64
}

// Stats returns the figures of now.
func (r *Reactions) Stats() Stats {
	r.combiner.mu.Lock()
	defer r.combiner.mu.Unlock()
	return Stats{len(r.combiner.waiting), r.stats.transactions.Load(), r.stats.changes.Load()}
}

// Hottest returns the n tweets whose reactions this process has changed most in the last whole minute.
func (r *Reactions) Hottest(n int) []heat.Hot { return r.heat.Top(n) }

// CountsOf reads the counts of tweets in one statement, in one snapshot. Tweets whose counts have never changed are left out.
func (r *Reactions) CountsOf(ctx context.Context, tweetIDs []int64) (map[int64]*Counts, error) {
	all, err := r.counted(ctx, tweetIDs)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]*Counts, len(all))
	for id, c := range all {
		out[id] = CountsFrom(id, c)
	}
	return out, nil
}

const countsSQL = "SELECT tweet, likes, dislikes, retweets, replies, revision, deltas FROM roost_counts_of_tweets($1)"

const countsSQLite = `SELECT tweet_id, sum(likes), sum(dislikes), sum(retweets), sum(replies), sum(changes), sum(deltas) FROM (
		SELECT tweet_id, like_count AS likes, dislike_count AS dislikes, retweet_count AS retweets, reply_count AS replies,
			revision AS changes, 0 AS deltas
			FROM tweet_stats WHERE tweet_id IN (SELECT value FROM json_each($1)) UNION ALL
		SELECT tweet_id, likes, dislikes, 0, replies, changes, 1 FROM reaction_deltas
			WHERE tweet_id IN (SELECT value FROM json_each($1))) AS parts GROUP BY tweet_id`

// counted reads the counts of tweets: their rows, and what is not drained.
func (r *Reactions) counted(ctx context.Context, tweetIDs []int64) (map[int64]events.TweetCounts, error) {
	type row struct {
		id, deltas int64
		events.TweetCounts
	}
	query := countsSQL
	if !r.db.IsPostgres() {
		query = countsSQLite
	}
	rows, err := sqldb.ScanAll(ctx, r.db, query,
		[]any{r.db.List(tweetIDs)}, func(r *row) []any {
			return []any{&r.id, &r.Likes, &r.Dislikes, &r.Retweets, &r.Replies, &r.Revision, &r.deltas}
		})
	if err != nil {
		return nil, fmt.Errorf("read the counts of tweets: %w", err)
	}
	all := make(map[int64]events.TweetCounts, len(rows))
	for _, row := range rows {
		all[row.id] = row.TweetCounts
		if row.deltas > maxUndrained {
			r.drainNow(ctx, row.id)
		}
	}
	return all, nil
}

// Wide returns the counts as events have them.
func (c *Counts) Wide() events.TweetCounts {
	return events.TweetCounts{Likes: int64(c.LikeCount), Dislikes: int64(c.DislikeCount), Retweets: int64(c.RetweetCount),
		Replies: int64(c.ReplyCount), Revision: int64(c.Revision)}
}

// CountsFrom narrows counts to the 32 bits of Counts.
func CountsFrom(tweetID int64, c events.TweetCounts) *Counts {
	return &Counts{TweetID: tweetID, LikeCount: int32(c.Likes), DislikeCount: int32(c.Dislikes), RetweetCount: int32(c.Retweets),
		ReplyCount: int32(c.Replies), Revision: int32(c.Revision)}
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
