package retweets

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// MaxListed is the most retweets of a List.
const MaxListed = 256

// List is the active retweets of a user of the MaxListed tweets with the highest ids. It is complete from a bound on: the user has no
// retweet of a tweet at or above the bound that is not in the list.
type List struct {
	// TweetIDs are in ascending order.
	TweetIDs []int64
	// CompleteFrom is the bound, an id of a tweet; 0 if the list has all retweets of the user.
	CompleteFrom int64
	// Version is the version of the user's counts when the list was read. Whatever changes the list raises it, and other changes do, too.
	Version int64
}

// Has reports whether the user retweets a tweet. ok is false if the list does not cover the tweet.
func (l *List) Has(tweetID int64) (yes, ok bool) {
	if l == nil || tweetID < l.CompleteFrom {
		return false, false
	}
	_, yes = slices.BinarySearch(l.TweetIDs, tweetID)
	return yes, true
}

// Lists reads the lists of users in one statement. Users without a row of counts, who have never retweeted, are left out.
func (r *Retweets) Lists(ctx context.Context, userIDs []int64) (map[int64]*List, error) {
	type row struct {
		user, version int64
		tweet         sql.NullInt64
	}
	rows, err := sqldb.ScanAll(ctx, r.db, r.listStatement(), []any{r.db.List(userIDs)},
		func(r *row) []any { return []any{&r.user, &r.version, &r.tweet} })
	if err != nil {
		return nil, fmt.Errorf("read the retweets of users: %w", err)
	}
	out := make(map[int64]*List, len(userIDs))
	for _, row := range rows {
		if out[row.user] == nil {
			out[row.user] = &List{Version: row.version}
		}
		if row.tweet.Valid {
			out[row.user].TweetIDs = append(out[row.user].TweetIDs, row.tweet.Int64)
		}
	}
	for _, list := range out {
		slices.Sort(list.TweetIDs)
		if over := len(list.TweetIDs) - MaxListed; over > 0 {
			list.TweetIDs = list.TweetIDs[over:]
			list.CompleteFrom = list.TweetIDs[0]
		}
	}
	return out, nil
}

// listStatement reads versions and retweets in one snapshot, one retweet more than a list may have. The statement is about the index
// retweets_of_user_by_tweet.
func (r *Retweets) listStatement() string {
	if r.db.IsPostgres() {
		return fmt.Sprintf(`SELECT k.owner, s.version, t.tweet_id FROM unnest($1::bigint[]) AS k(owner)
			CROSS JOIN LATERAL (SELECT version FROM user_stats WHERE user_id = k.owner LIMIT 1) AS s
			LEFT JOIN LATERAL (SELECT tweet_id FROM retweets WHERE user_id = k.owner AND active
				ORDER BY tweet_id DESC LIMIT %d) AS t ON true`, MaxListed+1)
	}
	return fmt.Sprintf(`SELECT k.value, s.version, t.tweet_id FROM json_each($1) AS k CROSS JOIN user_stats AS s ON s.user_id = k.value
		LEFT JOIN retweets AS t ON t.user_id = k.value AND t.active AND t.tweet_id IN (
			SELECT tweet_id FROM retweets WHERE user_id = k.value AND active ORDER BY tweet_id DESC LIMIT %d)`, MaxListed+1)
}

// ofTweets are the lists of tweets, the newest retweet first. The item of an entry is the user.
var ofTweets = sqldb.Lists{Table: "retweets", Owner: "tweet_id", SortKey: "sort_key", Item: "user_id", Where: "active"}

// OfTweets reads pages of the retweets of several tweets in one statement, also those of suspended users.
func (r *Retweets) OfTweets(ctx context.Context, keys []sqldb.Key) (map[sqldb.Key]cursors.Page[sqldb.Row], error) {
	return ofTweets.Pages(ctx, r.db.Driver, keys)
}
