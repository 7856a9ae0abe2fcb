package rig

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"roost/domain/countaudit"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// TweetID returns the id that the tables have for a tweet.
func TweetID(t testing.TB, global string) int64 {
	t.Helper()
	id, ok := ids.Tweet(global)
	return known(t, global, id, ok)
}

// UserID returns the id that the tables have for a user.
func UserID(t testing.TB, global string) int64 {
	t.Helper()
	id, ok := ids.User(global)
	return known(t, global, id, ok)
}

// SessionID returns the id that the tables have for a session.
func SessionID(t testing.TB, global string) int64 {
	t.Helper()
	id, ok := ids.Session(global)
	return known(t, global, id.ID, ok)
}

func known(t testing.TB, global string, id int64, ok bool) int64 {
	t.Helper()
	if !ok {
		t.Fatalf("%q is not the id that it should be", global)
	}
	return id
}

// TweetCounts is SQL for the counts of all tweets, those of reactions that are not drained included.
const TweetCounts = `(SELECT tweet_id, sum(like_count) AS like_count, sum(dislike_count) AS dislike_count,
	sum(retweet_count) AS retweet_count, sum(reply_count) AS reply_count, sum(revision) AS revision FROM (
		SELECT tweet_id, like_count, dislike_count, retweet_count, reply_count, revision FROM tweet_stats
		UNION ALL SELECT tweet_id, likes, dislikes, 0, replies, changes FROM reaction_deltas) AS parts GROUP BY tweet_id) AS tweet_counts`

// reacted counts changes of reactions by tweet in the log. An event names a user for each change.
const reacted = `SELECT aggregate, sum((length(payload) - length(replace(payload, '"UserID":', ''))) / length('"UserID":'))
	FROM events WHERE type IN ('ReactionSet', 'ReactionsChanged') GROUP BY aggregate`

// consistency says which counts by id must be equal in a database that only the API has written.
var consistency = []struct{ what, rows, counts string }{
	{"users and their events", "SELECT id, 1 FROM users", happened("UserSignedUp")},
	{"changes of users and their events", "SELECT id, version - 1 FROM users WHERE version > 1",
		happened("ProfileUpdated", "SettingsUpdated", "PasswordChanged")},
	{"users and their names", "SELECT id, 2 FROM users", `SELECT user_id, count(*) FROM (SELECT user_id FROM username_claims
		UNION ALL SELECT user_id FROM email_claims) AS claims WHERE user_id <> 0 GROUP BY user_id`},
	{"sessions and their events", "SELECT user_id, count(*) FROM sessions GROUP BY user_id", happened("SessionStarted")},
	{"ends of sessions and their events", "SELECT user_id, count(*) FROM sessions WHERE ended_at IS NOT NULL GROUP BY user_id",
		happened("SessionEnded")},
	{"tweets and their events", "SELECT id, 1 FROM tweets", happened("TweetPosted")},
	{"deleted tweets and their events", "SELECT id, 1 FROM tweets WHERE deleted_at IS NOT NULL", happened("TweetDeleted")},
	{"changes of tweets and their events", "SELECT id, version - 1 FROM tweets WHERE version > 1", happened("TweetDeleted")},
	{"changes of follows and their events", "SELECT follower_id, sum(version) FROM follows GROUP BY follower_id",
		happened("UserFollowed", "UserUnfollowed")},
	{"reactions and their events", "SELECT tweet_id, sum(version) FROM reactions GROUP BY tweet_id", reacted},
	{"retweets and their events", "SELECT tweet_id, sum(version) FROM retweets GROUP BY tweet_id",
		happened("TweetRetweeted", "RetweetUndone")},
	{"replies and their events", "SELECT in_reply_to, sum(version) FROM tweets WHERE in_reply_to IS NOT NULL GROUP BY in_reply_to",
		happened("ReplyAdded", "ReplyRemoved")},
	{"replies and their counts", `SELECT in_reply_to, count(*) FROM tweets WHERE in_reply_to IS NOT NULL AND deleted_at IS NULL
		GROUP BY in_reply_to`, "SELECT tweet_id, reply_count FROM " + TweetCounts},
	{"replies and their parents", "SELECT id, parent_author_id FROM tweets WHERE in_reply_to IS NOT NULL",
		"SELECT r.id, p.author_id FROM tweets AS r JOIN tweets AS p ON p.id = r.in_reply_to"},
	{"reactions, retweets, replies and revisions", `SELECT tweet_id, sum(version) FROM (SELECT tweet_id, version FROM reactions
		UNION ALL SELECT tweet_id, version FROM retweets
		UNION ALL SELECT in_reply_to, version FROM tweets WHERE in_reply_to IS NOT NULL) AS changes GROUP BY tweet_id`,
		"SELECT tweet_id, revision FROM " + TweetCounts},
	{"retweets and their counts", "SELECT tweet_id, count(*) FROM retweets WHERE active GROUP BY tweet_id",
		"SELECT tweet_id, retweet_count FROM " + TweetCounts},
	{"reactions and their lists", "SELECT user_id, sum(version) FROM reactions GROUP BY user_id",
		"SELECT user_id, version - 1 FROM reaction_lists"},
	{"likes and their counts", "SELECT tweet_id, count(*) FROM reactions WHERE kind = 1 GROUP BY tweet_id",
		"SELECT tweet_id, like_count FROM " + TweetCounts},
	{"dislikes and their counts", "SELECT tweet_id, count(*) FROM reactions WHERE kind = 2 GROUP BY tweet_id",
		"SELECT tweet_id, dislike_count FROM " + TweetCounts},
	{"followers and their counts", "SELECT followee_id, count(*) FROM follows WHERE active GROUP BY followee_id",
		"SELECT user_id, follower_count FROM user_stats"},
	{"followed and their counts", "SELECT follower_id, count(*) FROM follows WHERE active GROUP BY follower_id",
		"SELECT user_id, following_count FROM user_stats"},
	{"live tweets and their counts", "SELECT author_id, count(*) FROM tweets WHERE deleted_at IS NULL GROUP BY author_id",
		"SELECT user_id, tweet_count FROM user_stats"},
}

// happened counts events by aggregate.
func happened(types ...string) string {
	return "SELECT aggregate, count(*) FROM events WHERE type IN ('" + strings.Join(types, "', '") + "') GROUP BY aggregate"
}

// CheckRows compares the rows with their events and with the stored counts, and runs the audit of counts, which must find nothing.
func CheckRows(t testing.TB, db *sqldb.DB) {
	t.Helper()
	for _, c := range consistency {
		rows, counts := countsByID(t, db, c.rows), countsByID(t, db, c.counts)
		if !maps.Equal(rows, counts) {
			t.Errorf("%s differ: %s", c.what, difference(rows, counts))
		}
	}
	switch report, err := countaudit.New(db, nil, nil).Run(t.Context(), countaudit.Config{Rate: math.MaxInt32, Examples: 5}); {
	case err != nil:
		t.Errorf("the audit of counts: %v", err)
	case report.Found() != 0:
		t.Errorf("the audit of counts finds %d differences: %+v", report.Found(), report.Examples)
	}
}

// countsByID reads pairs of an id and a number; zeros are left out.
func countsByID(t testing.TB, db *sqldb.DB, query string) map[int64]int64 {
	t.Helper()
	rows, err := db.Writer().QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	out := map[int64]int64{}
	for rows.Next() {
		var id, n int64
		if err := rows.Scan(&id, &n); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if n != 0 {
			out[id] = n
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

// difference names the first few ids with different numbers.
func difference(a, b map[int64]int64) string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	var out []string
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if a[id] != b[id] && len(out) < 5 {
			out = append(out, fmt.Sprintf("%d has %d and %d", id, a[id], b[id]))
		}
	}
	return fmt.Sprintf("%d and %d ids; %s", len(a), len(b), strings.Join(out, ", "))
}
