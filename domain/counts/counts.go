// Package counts keeps the counts of each user: visible tweets, followers, and followed users. A transaction that writes a
// counted row adds to the counts itself, so counts and rows always agree.
package counts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"roost/ent"
	"roost/ent/userstats"
	"roost/events"
	"roost/internal/sqldb"
)

// UserCounts are the counts of one user. Version is the version of the row, 0 without one.
type UserCounts struct {
	Tweets, Followers, Following int32
	Version                      int64
}

// Delta is a change of a user's counts.
type Delta struct {
	UserID                       int64
	Tweets, Followers, Following int64
}

// Versions are the versions of a user's counts (Version), and of the list of those whom the user follows (Following).
type Versions struct{ Version, Following int64 }

// Add changes counts in one statement and returns their new versions by user. It locks rows in the order of their ids, so that
// transactions which change the same users cannot deadlock.
func Add(ctx context.Context, tx *events.Tx, deltas ...Delta) (versions map[int64]Versions, err error) {
	slices.SortFunc(deltas, func(a, b Delta) int { return cmp.Compare(a.UserID, b.UserID) })
	var values []string
	var args []any
	for _, d := range deltas {
		n := len(args)
		values = append(values, fmt.Sprintf("($%d, $%d, $%d, $%d, 1, 1)", n+1, n+2, n+3, n+4))
		args = append(args, d.UserID, d.Tweets, d.Followers, d.Following)
	}
	type row struct {
		id int64
		Versions
	}
	rows, err := sqldb.ScanAll(ctx, tx.Client(), `INSERT INTO user_stats
		(user_id, tweet_count, follower_count, following_count, version, following_version)
		VALUES `+strings.Join(values, ", ")+` ON CONFLICT (user_id) DO UPDATE SET
		tweet_count = user_stats.tweet_count + excluded.tweet_count,
		follower_count = user_stats.follower_count + excluded.follower_count,
		following_count = user_stats.following_count + excluded.following_count,
		version = user_stats.version + 1,
		following_version = user_stats.following_version + CASE WHEN excluded.following_count <> 0 THEN 1 ELSE 0 END
		RETURNING user_id, version, following_version`, args, func(r *row) []any { return []any{&r.id, &r.Version, &r.Following} })
	if err != nil {
		return nil, fmt.Errorf("add to the counts of users: %w", err)
	}
	versions = make(map[int64]Versions, len(deltas))
	for _, r := range rows {
		versions[r.id] = r.Versions
	}
	return versions, nil
}

// RaiseSQL returns a statement of PostgreSQL that raises the version of a user's counts and returns the new version. user is SQL for
// one row with the user's id.
func RaiseSQL(user string) string {
	return `INSERT INTO user_stats (user_id) ` + user + `
		ON CONFLICT (user_id) DO UPDATE SET version = user_stats.version + 1 RETURNING version`
}

// Store reads counts.
type Store struct{ client *ent.Client }

// New returns a store of the client's database.
func New(client *ent.Client) *Store { return &Store{client} }

// ByUser reads the counts of users in one statement. Users without a row, whose counts are 0, are left out.
func (s *Store) ByUser(ctx context.Context, ids []int64) (map[int64]UserCounts, error) {
	rows, err := s.client.UserStats.Query().Where(sqldb.In(userstats.FieldID, ids)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the counts of users: %w", err)
	}
	out := make(map[int64]UserCounts, len(ids))
	for _, r := range rows {
		out[r.ID] = UserCounts{Tweets: int32(r.TweetCount), Followers: int32(r.FollowerCount), Following: int32(r.FollowingCount),
			Version: r.Version}
	}
	return out, nil
}
