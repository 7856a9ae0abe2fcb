package imports

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// insert describes an INSERT: its table, its columns, and what happens to rows whose key exists.
type insert struct {
	table   string
	columns []string
	// key holds the columns in whose order rows are locked.
	key string
	// conflict is the statement's ON CONFLICT clause, or empty.
	conflict string
	// returning names the int64 columns to return of each row that was written, or is empty.
	returning []string
}

// The inserts of all files.
var (
	intoUsers = &insert{table: "users", key: "id",
		columns: []string{"id", "username", "name", "email", "password_hash", "created_at"}}
	intoUsernames = &insert{table: "username_claims", key: "name",
		columns: []string{"name", "user_id"}, conflict: claim("username_claims", "name"), returning: []string{"user_id"}}
	intoEmails = &insert{table: "email_claims", key: "email",
		columns: []string{"email", "user_id"}, conflict: claim("email_claims", "email"), returning: []string{"user_id"}}
	intoMapping = &insert{table: "imported_ids", key: "external_id",
		columns: []string{"source", "kind", "external_id", "row_id"}}
	intoFollows = &insert{table: "follows", key: "follower_id, followee_id",
		columns:  []string{"follower_id", "followee_id", "sort_key", "followed_at"},
		conflict: "ON CONFLICT (follower_id, followee_id) DO NOTHING", returning: []string{"follower_id", "followee_id"}}
	intoTweets = &insert{table: "tweets", key: "id",
		columns: []string{"id", "author_id", "text", "created_at"}}
	intoTweetHashtags = &insert{table: "tweet_hashtags", key: "hashtag_id, tweet_id",
		columns: []string{"hashtag_id", "tweet_id", "name"}}
	intoReactions = &insert{table: "reactions", key: "tweet_id, user_id",
		columns:  []string{"tweet_id", "user_id", "kind", "reacted_at"},
		conflict: "ON CONFLICT (tweet_id, user_id) DO NOTHING", returning: []string{"tweet_id", "user_id"}}
	intoUserStats = &insert{table: "user_stats", key: "user_id",
		columns: []string{"user_id", "tweet_count", "follower_count", "following_count"},
		conflict: `ON CONFLICT (user_id) DO UPDATE SET tweet_count = user_stats.tweet_count + excluded.tweet_count,
			follower_count = user_stats.follower_count + excluded.follower_count,
			following_count = user_stats.following_count + excluded.following_count, version = user_stats.version + 1,
			following_version = user_stats.following_version + 1`}
	intoTweetStats = &insert{table: "tweet_stats", key: "tweet_id",
		columns: []string{"tweet_id", "like_count", "revision"},
		conflict: `ON CONFLICT (tweet_id) DO UPDATE SET like_count = tweet_stats.like_count + excluded.like_count,
			revision = tweet_stats.revision + excluded.revision`}
	intoReactionLists = &insert{table: "reaction_lists", key: "user_id", columns: []string{"user_id", "version"},
		conflict: "ON CONFLICT (user_id) DO UPDATE SET version = reaction_lists.version + 1"}

	inserts = []*insert{intoUsers, intoUsernames, intoEmails, intoMapping, intoFollows, intoTweets, intoTweetHashtags, intoReactions,
		intoUserStats, intoTweetStats, intoReactionLists}
)

// claim inserts a claim, or takes over one that its user has given up.
func claim(table, key string) string {
	return fmt.Sprintf("ON CONFLICT (%s) DO UPDATE SET user_id = excluded.user_id, version = %s.version + 1 WHERE %s.user_id = 0",
		key, table, table)
}

// bulk loads many rows in one transaction; each kind of database has its own.
type bulk interface {
	// begin starts a transaction.
	begin(ctx context.Context) (*sql.Tx, error)
	// insert writes n rows, no two of which have the same key. row fills in the columns of row i. insert returns the columns
	// in into.returning of the rows that it has written, one row after the other.
	insert(ctx context.Context, tx *sql.Tx, into *insert, n int, row func(i int, columns []any)) ([]int64, error)
	// strings returns a list as one SQL argument, and in from the SQL that reads it as a table l with one column, value.
	strings(list []string) (arg any, from string)
	// tidy updates the statistics of the query planner.
	tidy(ctx context.Context) error
	// close releases what the import holds, the lock of imports included.
	close() error
}

// scan reads all columns of all rows, which are int64.
func scan(rows *sql.Rows, columns int) (all []int64, err error) {
	defer func() { _ = rows.Close() }()
	row := make([]int64, columns)
	into := make([]any, columns)
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, row...)
	}
	return all, rows.Err()
}

// each reads rows of one text column.
func each(rows *sql.Rows, do func(s string)) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return err
		}
		do(s)
	}
	return rows.Err()
}

func (ins *insert) ending() string {
	var b strings.Builder
	if ins.conflict != "" {
		b.WriteString(" " + ins.conflict)
	}
	if len(ins.returning) > 0 {
		b.WriteString(" RETURNING " + strings.Join(ins.returning, ", "))
	}
	return b.String()
}
