package reactions

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"roost/internal/sqldb"
)

// MaxListed is the most reactions of a List.
const MaxListed = 256

// List is the reactions of a user, other than None, to the MaxListed tweets with the highest ids. It is complete from a bound on: the
// user has no reaction to a tweet at or above the bound that is not in the list. Version is the version of the list.
type List struct {
	// Liked and Disliked are ids of tweets in ascending order.
	Liked, Disliked []int64
	// CompleteFrom is the bound, an id of a tweet; 0 if the list has all reactions of the user.
	CompleteFrom int64
	Version      int64
}

// Kind returns the user's reaction to a tweet. ok is false if the list does not cover the tweet.
func (l *List) Kind(tweetID int64) (k Kind, ok bool) {
	if l == nil || tweetID < l.CompleteFrom {
		return None, false
	}
	if _, ok := slices.BinarySearch(l.Liked, tweetID); ok {
		return Like, true
	}
	if _, ok := slices.BinarySearch(l.Disliked, tweetID); ok {
		return Dislike, true
	}
	return None, true
}

// Lists reads the lists of users in one statement. Every user has one; it is empty for a user who does not exist.
func (r *Reactions) Lists(ctx context.Context, userIDs []int64) (map[int64]*List, error) {
	type row struct {
		user, version int64
		tweet, kind   sql.NullInt64
	}
	rows, err := sqldb.ScanAll(ctx, r.db, r.listStatement(), []any{r.db.List(userIDs)},
		func(r *row) []any { return []any{&r.user, &r.version, &r.tweet, &r.kind} })
	if err != nil {
		return nil, fmt.Errorf("read the reactions of users: %w", err)
	}
	out, listed := make(map[int64]*List, len(userIDs)), make(map[int64][]row, len(userIDs))
	for _, row := range rows {
		if out[row.user] == nil {
			out[row.user] = &List{Version: row.version}
		}
		if row.tweet.Valid {
			listed[row.user] = append(listed[row.user], row)
		}
	}
	for user, all := range listed {
		list := out[user]
		slices.SortFunc(all, func(a, b row) int { return cmp.Compare(b.tweet.Int64, a.tweet.Int64) })
		if len(all) > MaxListed {
			all = all[:MaxListed]
			list.CompleteFrom = all[MaxListed-1].tweet.Int64
		}
		for _, row := range slices.Backward(all) {
			switch Kind(row.kind.Int64) {
			case Like:
				list.Liked = append(list.Liked, row.tweet.Int64)
			case Dislike:
				list.Disliked = append(list.Disliked, row.tweet.Int64)
			}
		}
	}
	return out, nil
}

// listStatement reads versions and reactions in one snapshot, one reaction more than a list may have. The statement is about the
// index reactions_of_user.
func (r *Reactions) listStatement() string {
	if r.db.IsPostgres() {
		return fmt.Sprintf(`SELECT k.owner, coalesce(l.version, 1), t.tweet_id, t.kind FROM unnest($1::bigint[]) AS k(owner)
			LEFT JOIN LATERAL (SELECT version FROM reaction_lists WHERE user_id = k.owner LIMIT 1) AS l ON true
			LEFT JOIN LATERAL (SELECT tweet_id, kind FROM reactions WHERE user_id = k.owner AND kind <> 0
				ORDER BY tweet_id DESC LIMIT %d) AS t ON true`, MaxListed+1)
	}
	return fmt.Sprintf(`SELECT k.value, coalesce((SELECT version FROM reaction_lists WHERE user_id = k.value), 1), t.tweet_id, t.kind
		FROM json_each($1) AS k LEFT JOIN reactions AS t ON t.user_id = k.value AND t.kind <> 0 AND t.tweet_id IN (
			SELECT tweet_id FROM reactions WHERE user_id = k.value AND kind <> 0 ORDER BY tweet_id DESC LIMIT %d)`, MaxListed+1)
}

// SinceUnlisted returns how long ago a binary from before migration 9 last set a reaction, to 5 s. ok is false if none ever has.
func (r *Reactions) SinceUnlisted(ctx context.Context) (since time.Duration, ok bool, err error) {
	if !r.db.IsPostgres() {
		return 0, false, nil // one process at a time uses the database
	}
	var seconds sql.NullFloat64
	err = sqldb.ScanOne(ctx, r.db, `SELECT CASE WHEN isfinite(unlisted_at) THEN extract(epoch FROM clock_timestamp() - unlisted_at) END
		FROM reaction_list_upgrades WHERE id = 1`, nil, &seconds)
	if err != nil {
		return 0, false, fmt.Errorf("read when reactions were last set without their list: %w", err)
	}
	return time.Duration(seconds.Float64 * float64(time.Second)), seconds.Valid, nil
}
