package timelines

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/lib/pq"

	"roost/domain/tweets"
	"roost/internal/sqldb"
)

// Place is the place of a retweeted tweet in a home timeline: the earliest retweet by one of the authors. SortKey and UserID are 0 if
// there is none.
type Place struct {
	SortKey, UserID int64
	// Visible reports whether the tweet is visible.
	Visible bool
}

// olderRetweets is how many of a tweet's retweets, the oldest ones, are searched for those of the authors. If a tweet has more, the
// authors are searched for those who have retweeted it. So a tweet costs a bounded number of rows of an index, whatever the number of
// its retweets.
const olderRetweets = 500

// Places returns by tweet the earliest retweet by one of the authors that is older than a retweet in doubt. It is one statement.
func (t *Timelines) Places(ctx context.Context, doubts []Doubt, authors []int64) (map[int64]Place, error) {
	if len(doubts) == 0 {
		return nil, nil
	}
	query, args := t.placesStatement(doubts, authors)
	type row struct {
		tweet         int64
		sortKey, user sql.NullInt64
		visible       bool
	}
	rows, err := sqldb.ScanAll(ctx, t.db, query, args, func(r *row) []any { return []any{&r.tweet, &r.sortKey, &r.user, &r.visible} })
	if err != nil {
		return nil, fmt.Errorf("read the places of retweets: %w", err)
	}
	out := make(map[int64]Place, len(rows))
	for _, r := range rows {
		out[r.tweet] = Place{r.sortKey.Int64, r.user.Int64, r.visible}
	}
	return out, nil
}

func (t *Timelines) placesStatement(doubts []Doubt, authors []int64) (string, []any) {
	if t.db.IsPostgres() {
		tweetIDs, keys := make([]int64, len(doubts)), make([]int64, len(doubts))
		for i, d := range doubts {
			tweetIDs[i], keys[i] = d.TweetID, d.SortKey
		}
		// IS TRUE keeps the list of authors in a hash table that is made once, instead of a join. LIMIT 1 keeps the look-up of one
		// author's retweet a look-up by the primary key.
		return fmt.Sprintf(`SELECT k.tweet, coalesce(o.sort_key, p.sort_key), coalesce(o.user_id, p.user_id),
				%[1]s
			FROM unnest($1::bigint[], $2::bigint[]) AS k(tweet, place)
			LEFT JOIN LATERAL (SELECT sort_key, user_id FROM (SELECT sort_key, user_id FROM retweets
					WHERE tweet_id = k.tweet AND active AND sort_key < k.place ORDER BY sort_key LIMIT %[2]s) AS oldest
				WHERE (user_id IN (SELECT unnest($3::bigint[]))) IS TRUE ORDER BY sort_key LIMIT 1) AS o ON true
			LEFT JOIN LATERAL (SELECT r.sort_key, a.id AS user_id FROM unnest($3::bigint[]) AS a(id)
				CROSS JOIN LATERAL (SELECT sort_key, active FROM retweets WHERE tweet_id = k.tweet AND user_id = a.id LIMIT 1) AS r
				WHERE o.sort_key IS NULL AND EXISTS (SELECT 1 FROM retweets
					WHERE tweet_id = k.tweet AND active AND sort_key < k.place ORDER BY sort_key LIMIT 1 OFFSET %[3]d)
				AND r.active AND r.sort_key < k.place ORDER BY r.sort_key LIMIT 1) AS p ON true`,
				tweets.VisibleByID("k.tweet"), sqldb.InOrder(fmt.Sprint(olderRetweets)), olderRetweets),
			[]any{pq.Array(tweetIDs), pq.Array(keys), pq.Array(authors)}
	}
	list := make([][2]int64, len(doubts))
	for i, d := range doubts {
		list[i] = [2]int64{d.TweetID, d.SortKey}
	}
	text, _ := json.Marshal(list) // numbers always encode
	return `SELECT json_extract(k.value, '$[0]'), r.sort_key, r.user_id,
			` + tweets.VisibleByID("json_extract(k.value, '$[0]')") + `
		FROM json_each($1) AS k LEFT JOIN retweets AS r ON r.rowid = (SELECT rowid FROM retweets
			WHERE tweet_id = json_extract(k.value, '$[0]') AND active AND sort_key < json_extract(k.value, '$[1]')
			AND user_id IN (SELECT value FROM json_each($2)) ORDER BY sort_key LIMIT 1)`, []any{string(text), t.db.List(authors)}
}
