package countaudit

import (
	"context"
	"errors"
	"fmt"

	"roost/domain/tweets"
	"roost/events"
	"roost/internal/errs"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// maxDeltas is how many deltas an Explanation lists, the oldest ones.
const maxDeltas = 100

// Explain names the tweet whose counts are explained.
type Explain struct{ TweetID int64 }

// Check returns an error if there can be no such tweet.
func (e Explain) Check() error {
	if e.TweetID < 1 {
		return errors.New("the id of the tweet must be at least 1")
	}
	return nil
}

// Cached is what the cache holds of a tweet's counts.
type Cached struct {
	// State says in a few words what there is.
	State string
	// Held reports that there are counts, which reads return: those in Counts.
	Held   bool
	Counts events.TweetCounts
}

// Delta is what one transaction has added to the counts of a tweet, until it is drained.
type Delta struct{ ID, Likes, Dislikes, Replies, Changes int64 }

// Explanation is all that the counts of a tweet come from, in one snapshot of the database, and what the cache held just before.
type Explanation struct {
	TweetID int64
	ID      string // the global id
	Visible bool
	// HasRow reports that there is a row of tweet_stats: Row. Without one all of its counts are 0.
	HasRow bool
	Row    events.TweetCounts
	// Undrained is how many deltas there are, and Added is their sum. Deltas are the oldest of them, at most 100.
	Undrained int64
	Added     events.TweetCounts
	Deltas    []Delta
	// Stored is the sum of Row and Added: the counts that reads return.
	Stored events.TweetCounts
	// Reactions counts rows of reactions by kind: none, which are likes and dislikes that were taken back, likes, and dislikes. Active and
	// Undone count retweets, Replies and DeletedReplies replies. Changes is the sum of the versions of all of these rows.
	Reactions      [3]int64
	Active, Undone int64
	Replies        int64
	DeletedReplies int64
	Changes        int64
	Cached         Cached
}

// Recounted returns the counts that the rows have. Its Revision is the least that the tweet's may be.
func (e *Explanation) Recounted() events.TweetCounts {
	return events.TweetCounts{Likes: e.Reactions[1], Dislikes: e.Reactions[2], Retweets: e.Active, Replies: e.Replies,
		Revision: e.Changes}
}

// Agrees reports whether the stored counts are those of the rows.
func (e *Explanation) Agrees() bool {
	is, stored := e.Recounted(), e.Stored
	return stored.Likes == is.Likes && stored.Dislikes == is.Dislikes && stored.Retweets == is.Retweets && stored.Replies == is.Replies &&
		stored.Revision >= is.Revision
}

// CacheAgrees reports whether the cache may hold what it holds: nothing, the stored counts, or those of a lower revision, which a write
// under way is about to replace.
func (e *Explanation) CacheAgrees() bool {
	c := e.Cached
	return !c.Held || c.Counts == e.Stored || c.Counts.Revision < e.Stored.Revision
}

// explainSQL returns all rows of an Explanation of the tweet $1, each with its source.
const explainSQL = `SELECT 'tweet', 0, count(*), 0, 0, 0, 0 FROM tweets WHERE id = $1
	UNION ALL SELECT 'visible', 0, count(*), 0, 0, 0, 0 FROM tweets WHERE id = $1 AND ` + tweets.VisibleSQL + `
	UNION ALL SELECT 'row', 0, like_count, dislike_count, retweet_count, reply_count, revision FROM tweet_stats WHERE tweet_id = $1
	UNION ALL SELECT 'deltas', count(*), CAST(coalesce(sum(likes), 0) AS bigint), CAST(coalesce(sum(dislikes), 0) AS bigint), 0,
		CAST(coalesce(sum(replies), 0) AS bigint), CAST(coalesce(sum(changes), 0) AS bigint) FROM reaction_deltas WHERE tweet_id = $1
	UNION ALL SELECT 'delta', id, likes, dislikes, 0, replies, changes FROM (
		SELECT id, likes, dislikes, replies, changes FROM reaction_deltas WHERE tweet_id = $1 ORDER BY id LIMIT $2) AS first
	UNION ALL SELECT 'reactions', kind, count(*), 0, 0, 0, CAST(sum(version) AS bigint) FROM reactions WHERE tweet_id = $1 GROUP BY kind
	UNION ALL SELECT 'retweets', CASE WHEN active THEN 1 ELSE 0 END, count(*), 0, 0, 0, CAST(sum(version) AS bigint)
		FROM retweets WHERE tweet_id = $1 GROUP BY active
	UNION ALL SELECT 'replies', CASE WHEN ` + tweets.VisibleSQL + ` THEN 1 ELSE 0 END, count(*), 0, 0, 0, CAST(sum(version) AS bigint)
		FROM tweets WHERE in_reply_to = $1 GROUP BY 2`

// Explain reads what the counts of a tweet come from. The field "tweet" is refused with NOT_FOUND if there is no such tweet; deleted
// tweets are explained.
func (a *Auditor) Explain(ctx context.Context, of Explain) (*Explanation, error) {
	if err := of.Check(); err != nil {
		return nil, err
	}
	e := &Explanation{TweetID: of.TweetID, ID: ids.TweetID(of.TweetID).String(), Cached: Cached{State: "not asked"}}
	if a.cached != nil {
		e.Cached = a.cached(ctx, of.TweetID) // before SQL, so that it may be older and never newer
	}
	type row struct {
		source string
		n      int64
		counts events.TweetCounts
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	rows, err := sqldb.ScanAll(ctx, a.db, explainSQL, []any{of.TweetID, maxDeltas}, func(r *row) []any {
		return []any{&r.source, &r.n, &r.counts.Likes, &r.counts.Dislikes, &r.counts.Retweets, &r.counts.Replies,
			&r.counts.Revision}
	})
	if err != nil {
		return nil, fmt.Errorf("read what the counts of a tweet come from: %w", err)
	}
	exists := false
	for _, r := range rows {
		switch r.source {
		case "tweet":
			exists = r.counts.Likes > 0
		case "visible":
			e.Visible = r.counts.Likes > 0
		case "row":
			e.HasRow, e.Row = true, r.counts
		case "deltas":
			e.Undrained, e.Added = r.n, r.counts
		case "delta":
			e.Deltas = append(e.Deltas, Delta{ID: r.n, Likes: r.counts.Likes, Dislikes: r.counts.Dislikes, Replies: r.counts.Replies,
				Changes: r.counts.Revision})
		case "reactions":
			e.Reactions[max(0, min(r.n, 2))] += r.counts.Likes
			e.Changes += r.counts.Revision
		case "retweets":
			if r.n == 1 {
				e.Active = r.counts.Likes
			} else {
				e.Undone = r.counts.Likes
			}
			e.Changes += r.counts.Revision
		case "replies":
			if r.n == 1 {
				e.Replies = r.counts.Likes
			} else {
				e.DeletedReplies = r.counts.Likes
			}
			e.Changes += r.counts.Revision
		}
	}
	if !exists {
		return nil, errs.New(errs.NotFound, "there is no such tweet", "tweet")
	}
	e.Stored = events.TweetCounts{Likes: e.Row.Likes + e.Added.Likes, Dislikes: e.Row.Dislikes + e.Added.Dislikes,
		Retweets: e.Row.Retweets, Replies: e.Row.Replies + e.Added.Replies, Revision: e.Row.Revision + e.Added.Revision}
	return e, nil
}
