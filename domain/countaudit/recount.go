package countaudit

import (
	"context"
	"fmt"
	"strings"

	"roost/domain/tweets"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// kind describes the counts of tweets, or of users.
type kind struct {
	of     string
	counts []Count
	// table has a row for each id.
	table string
	// parts are selects of an id, each stored count, and each recounted one, which are added up by id. RANGE(x) is replaced by the
	// condition that x is in the range of ids.
	parts  []string
	global func(id int64) string
}

var (
	tweetKind = kind{of: Tweet, counts: []Count{Likes, Dislikes, Retweets, Replies, Revision}, table: "tweets",
		global: func(id int64) string { return ids.TweetID(id).String() }, parts: []string{
			`SELECT tweet_id AS id, like_count AS stored1, dislike_count AS stored2, retweet_count AS stored3, reply_count AS stored4,
				revision AS stored5, 0 AS real1, 0 AS real2, 0 AS real3, 0 AS real4, 0 AS real5 FROM tweet_stats WHERE RANGE(tweet_id)`,
			`SELECT tweet_id, likes, dislikes, 0, replies, changes, 0, 0, 0, 0, 0 FROM reaction_deltas WHERE RANGE(tweet_id)`,
			`SELECT tweet_id, 0, 0, 0, 0, 0, count(*) FILTER (WHERE kind = 1), count(*) FILTER (WHERE kind = 2), 0, 0, sum(version)
				FROM reactions WHERE RANGE(tweet_id) GROUP BY tweet_id`,
			`SELECT tweet_id, 0, 0, 0, 0, 0, 0, 0, count(*) FILTER (WHERE active), 0, sum(version)
				FROM retweets WHERE RANGE(tweet_id) GROUP BY tweet_id`,
			`SELECT in_reply_to, 0, 0, 0, 0, 0, 0, 0, 0, count(*) FILTER (WHERE ` + tweets.VisibleSQL + `), sum(version)
				FROM tweets WHERE RANGE(in_reply_to) GROUP BY in_reply_to`}}
	userKind = kind{of: User, counts: []Count{Tweets, Followers, Following}, table: "users",
		global: func(id int64) string { return ids.UserID(id).String() }, parts: []string{
			`SELECT user_id AS id, tweet_count AS stored1, follower_count AS stored2, following_count AS stored3,
				0 AS real1, 0 AS real2, 0 AS real3 FROM user_stats WHERE RANGE(user_id)`,
			`SELECT author_id, 0, 0, 0, count(*), 0, 0 FROM tweets WHERE RANGE(author_id) AND ` + tweets.VisibleSQL + ` GROUP BY author_id`,
			`SELECT followee_id, 0, 0, 0, 0, count(*), 0 FROM follows WHERE RANGE(followee_id) AND active GROUP BY followee_id`,
			`SELECT follower_id, 0, 0, 0, 0, 0, count(*) FROM follows WHERE RANGE(follower_id) AND active GROUP BY follower_id`}}
)

// maxCounts is the most counts of a kind.
const maxCounts = 5

// difference is a tweet or user some of whose counts differ, with all of its counts in the order of its kind.
type difference struct {
	id             int64
	stored, actual [maxCounts]int64
}

// missing is what must be added to a stored count to correct it. A revision that is high enough is correct.
func (d difference) missing(k kind, i int) int64 {
	n := d.actual[i] - d.stored[i]
	if k.counts[i] == Revision {
		return max(0, n)
	}
	return n
}

// differencesSQL is a statement that returns the differences of ids above $1, up to $2.
func (k kind) differencesSQL() string {
	columns, differ := []string{"id"}, []string{}
	for _, side := range []string{"stored", "real"} {
		for i := range k.counts {
			columns = append(columns, fmt.Sprintf("CAST(sum(%s%d) AS bigint)", side, i+1))
		}
	}
	for i, c := range k.counts {
		by := "<>"
		if c == Revision {
			by = "<"
		}
		differ = append(differ, fmt.Sprintf("sum(stored%[1]d) %[2]s sum(real%[1]d)", i+1, by))
	}
	parts := strings.Join(k.parts, " UNION ALL ")
	for _, column := range []string{"tweet_id", "user_id", "author_id", "followee_id", "follower_id", "in_reply_to"} {
		parts = strings.ReplaceAll(parts, "RANGE("+column+")", fmt.Sprintf("%[1]s > $1 AND %[1]s <= $2", column))
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM (" + parts + ") AS parts GROUP BY id HAVING " +
		strings.Join(differ, " OR ") + " ORDER BY id"
}

// columns are the columns of differencesSQL.
func (k kind) columns(d *difference) []any {
	into := []any{&d.id}
	for i := range k.counts {
		into = append(into, &d.stored[i])
	}
	for i := range k.counts {
		into = append(into, &d.actual[i])
	}
	return into
}

// differences returns the differences of ids above after, up to upTo, in one snapshot.
func (a *Auditor) differences(ctx context.Context, k kind, after, upTo int64) ([]difference, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	all, err := sqldb.ScanAll(ctx, a.db, k.differencesSQL(), []any{after, upTo}, k.columns)
	if err != nil {
		return nil, fmt.Errorf("recount %ss: %w", k.of, err)
	}
	return all, nil
}
