package costs

import (
	"database/sql/driver"
	"regexp"
	"strings"

	"roost/domain/search"
)

// statementClass is a kind of statements with the most rows that one of them may read.
type statementClass struct {
	name string
	// is matches the statements' text, its white space made single blanks.
	is *regexp.Regexp
	// most is the bound for a statement with these arguments that returned so many rows, why its reason.
	most func(args []any, given int) int
	why  string
	// batch says that a table may be read whole that is smaller than the bound.
	batch bool
	// rare says that only a slow run is long enough for the statement.
	rare bool
}

func classOf(query string) *statementClass {
	for i, c := range statementClasses {
		if c.is.MatchString(query) {
			return &statementClasses[i]
		}
	}
	return nil
}

// idsIn is the number of ids in a list argument.
func idsIn(arg any) int {
	v, ok := arg.(driver.Valuer)
	if !ok {
		return 0
	}
	text, err := v.Value()
	s, _ := text.(string)
	if err != nil || s == "" || s == "{}" {
		return 0
	}
	return strings.Count(s, ",") + 1
}

// statementsOf is for statements whose text matches after its white space was made single blanks.
func statementsOf(name, text string, most func(args []any, given int) int, why string) statementClass {
	return statementClass{name: name, is: regexp.MustCompile("^" + text + "$"), most: most, why: why}
}

// atMost is a bound that does not depend on arguments.
func atMost(n int) func([]any, int) int { return func([]any, int) int { return n } }

// eachID is a bound of n rows for each id of a list.
func eachID(arg, n int) func([]any, int) int {
	return func(args []any, _ int) int { return n * idsIn(args[arg]) }
}

// paged is a bound of a page and one more for each owner of a list.
func paged(owners, limit int) func([]any, int) int {
	return func(args []any, _ int) int {
		n, _ := args[limit].(int)
		return n * idsIn(args[owners])
	}
}

// batchesOf is for statements that read no more rows than an argument says, and no table of fewer in another
// way.
func batchesOf(name, text string, limit int) statementClass {
	c := statementsOf(name, text, func(args []any, _ int) int {
		n, _ := args[limit].(int)
		return n + maxSmallRows
	}, "a batch")
	c.batch = true
	return c
}

// maxSmallRows is the most rows of what is small on a site in good order.
const maxSmallRows = 8

// fewRows is for statements on tables that are small on a site in good order: they may be read whole.
func fewRows(name, text string) statementClass {
	return someRows(name, text, maxSmallRows, "small tables")
}

// someRows is for statements on tables of so many rows at most: they may be read whole.
func someRows(name, text string, n int, why string) statementClass {
	c := statementsOf(name, text, atMost(n), why)
	c.batch = true
	return c
}

// rarely is for statements that a node sends so seldom that a quick run may end without one.
func rarely(c statementClass) statementClass {
	c.rare = true
	return c
}

const (
	maxSessions = 50
	maxListed   = 100
	// maxReactions is the most reactions of a list, and the most retweets.
	maxReactions = 256
	// maxDeltas is the most deltas that wait to be drained for one tweet of these data.
	maxDeltas = 16
	// maxFollowed is the most people whom a user may follow.
	maxFollowed = 5000
	// maxOlderRetweets is how many of a tweet's retweets are searched for those of followees, and one more.
	maxOlderRetweets = 2*500 + 1
	// maxFewRetweets is more retweets than any tweet of these data has.
	maxFewRetweets = 5
	// maxSearched is more entries than the index of these data has, and maxWritten twice as many as one user has there.
	maxSearched = 40_000
	maxWritten  = 2000
	// maxReplies is more replies than any tweet of these data has.
	maxReplies = ringSize + 8
)

var statementClasses = []statementClass{
	statementsOf("users by id", `SELECT .* FROM "users" WHERE "users"."id" = ANY\(\$1\)`, eachID(0, 1), "one row an id"),
	statementsOf("a user", `SELECT .* FROM "users" WHERE "users"."id" = \$1( AND "users"."suspended_at" IS NULL)?( LIMIT \d)?( FOR UPDATE)?`,
		atMost(1), "one row, by its key"),
	batchesOf("suspended users", `SELECT id, version FROM users WHERE suspended_at IS NOT NULL AND id > \$1 ORDER BY id LIMIT \$2`, 1),
	statementsOf("a username", `SELECT .* FROM "username_claims" WHERE "username_claims"."name" = \$1 LIMIT 2`, atMost(1),
		"one row, by its key"),
	statementsOf("usernames", `SELECT .* FROM "username_claims" WHERE "username_claims"."name" = ANY\(\$1\)`, eachID(0, 1),
		"one row a name"),
	statementsOf("an email address", `SELECT .* FROM "email_claims" WHERE "email_claims"."email" = \$1 LIMIT 2`, atMost(1),
		"one row, by its key"),
	statementsOf("counts of users", `SELECT .* FROM "user_stats" WHERE "user_stats"."user_id" = ANY\(\$1\)`, eachID(0, 1), "one row an id"),
	statementsOf("the limit of follows",
		`SELECT .* FROM "user_stats" WHERE "user_stats"."user_id" = \$1 AND "user_stats"."following_count" > \$2 LIMIT 1`, atMost(1),
		"one row, by its key"),

	statementsOf("newest entries of authors", `SELECT k.author, s.version, array_to_string\(ARRAY\(SELECT id FROM tweets WHERE .*`,
		func(args []any, _ int) int { return (3*args[1].(int) + 1) * idsIn(args[0]) },
		"a list of tweets, one of retweets and one of replies, one more of each, and the counts, of each author"),
	statementsOf("whom viewers follow", `SELECT k.owner, s.following_version, t.item FROM .* FROM user_stats WHERE user_id = k.owner .*`+
		` FROM follows WHERE follower_id = k.owner AND active .*`,
		func(args []any, given int) int { return given + idsIn(args[0]) }, "the followees, and the counts of each"),
	statementsOf("follows", `SELECT k.a, k.b, t.value, t.version FROM unnest.* FROM follows WHERE follower_id = k.a AND followee_id = k.b .*`,
		eachID(0, 1), "one row a pair"),
	statementsOf("followers among users", `SELECT k.id FROM unnest.* FROM follows WHERE followee_id = \$1 AND follower_id = k.id .*`,
		eachID(1, 1), "one row a user asked about"),
	statementsOf("pages of followers", `SELECT k.n - 1, .* FROM follows WHERE followee_id = k.owner .*`, paged(0, 3),
		"a page and one more for each list"),
	statementsOf("pages of followees", `SELECT k.n - 1, .* FROM follows WHERE follower_id = k.owner .*`, paged(0, 3),
		"a page and one more for each list"),
	statementsOf("pages of retweets", `SELECT k.n - 1, .* FROM retweets WHERE tweet_id = k.owner .*`, paged(0, 3),
		"a page and one more for each list"),
	statementsOf("pages of replies", `SELECT k.n - 1, .* FROM tweets WHERE in_reply_to = k.owner .*`, paged(0, 3),
		"a page and one more for each list"),
	statementsOf("pages of hashtags", `SELECT k.n - 1, .* FROM tweet_hashtags WHERE hashtag_id = k.owner .*`,
		func(args []any, given int) int { return 3 * paged(0, 3)(args, given) }, "a page and one more for each list, and the tweets, twice"),
	statementsOf("spellings of hashtags", `SELECT k.id, t.name, count\(\*\), max\(t.tweet_id\) FROM unnest.* FROM tweet_hashtags WHERE .*`,
		eachID(0, 3*100), "the newest rows of each hashtag, and their tweets, twice"),
	statementsOf("new hashtags", `INSERT INTO tweet_hashtags .*`, atMost(0), "it only adds"),
	someRows("removed hashtags", `DELETE FROM "tweet_hashtags" WHERE "tweet_hashtags"."hashtag_id" = ANY\(\$1\) AND .*`, 1000,
		"one row a hashtag, or all of a small table"),
	fewRows("backfills", `(INSERT INTO backfills|UPDATE "backfills"|SELECT "?(backfills"\.")?name", .* FROM "backfills") .*`),
	rarely(statementsOf("tweets to take hashtags from",
		`SELECT "tweets"."id", "tweets"."text", "tweets"."deleted_at" FROM "tweets" WHERE .* LIMIT 500`,
		atMost(4*500), "a batch, or all that are left if these are hardly more")),
	statementsOf("searched timelines", `SELECT k.n - 1, .* FROM search_tweets .*`, eachID(0, maxWritten),
		"what each user has written, for each kind of entries, and retweeted"),
	statementsOf("pages of timelines", `SELECT k.n - 1, .* FROM tweets WHERE .*`,
		func(args []any, given int) int { return 4 * paged(0, 3)(args, given) },
		"a page of tweets, one of replies and one of retweets for each list, and one more of each, and the retweeted tweets"),
	statementsOf("relevant replies", `SELECT parent, reply, author, place FROM .*`,
		func(args []any, _ int) int { return 3 * maxReplies * idsIn(args[0]) },
		"all replies of each tweet, their counts, and whether the viewer follows their authors"),
	statementsOf("ancestors", `WITH RECURSIVE up.*`, func(args []any, _ int) int { return 3 * 51 * idsIn(args[0]) },
		"the tweets above each tweet, once more to see whether they are visible"),
	statementsOf("the tweet to answer", `SELECT author_id FROM tweets WHERE id = \$1 AND .*`, atMost(1), "one row, by its key"),
	statementsOf("a counted reply", `INSERT INTO reaction_deltas .*`, atMost(0), "it only adds"),
	statementsOf("the home timeline", `SELECT e.sort_key, e.tweet, e.retweeter FROM unnest.* FROM tweets WHERE .* FROM retweets AS r WHERE .*`,
		func(args []any, given int) int { return 3 * paged(0, 3)(args, given) },
		"a page of tweets, one of replies and one of retweets for each followee"),
	statementsOf("places of retweets", `SELECT k.tweet, coalesce\(o.sort_key, p.sort_key\), .*`,
		func(args []any, _ int) int { return (maxOlderRetweets + idsIn(args[2]) + 1) * idsIn(args[0]) },
		"the oldest retweets, one of each followee, and the tweet"),
	statementsOf("who brings a tweet", `SELECT k, min\(CASE WHEN active THEN sort_key END\), .* FROM \(SELECT f.follower_id .*`,
		func(args []any, given int) int {
			if given == 0 { // the tweet has never been retweeted
				return maxSmallRows
			}
			return maxSmallRows + 2*maxFollowed*idsIn(args[1])
		},
		"the retweets of the tweet, or whom each viewer follows and their retweets of it; nothing if there are none"),
	statementsOf("what is brought by users", `SELECT k, min\(CASE WHEN active THEN sort_key END\), .* FROM \(SELECT r.tweet_id .*`,
		func(args []any, _ int) int { return maxFewRetweets * idsIn(args[0]) * idsIn(args[1]) },
		"the retweets of each tweet, or those of each user"),

	// Searches are bounded by what is ranked; TestSearchPlans is about the plans of large tables.
	statementsOf("a search for tweets", `(WITH m AS MATERIALIZED|SELECT tweet_id FROM) \(SELECT s.tweet_id AS tweet_id.*`,
		func(_ []any, given int) int { return 5*search.MaxRanked + given }, "the entries and the tweets that are ranked, and small tables"),
	// Searches of timelines read what the index has of a word, or what the authors have added, until a page is full.
	someRows("tweets that match", `SELECT h.n, h.tweet_id, h.author_id, .*`, maxSearched,
		"entries until more than MaxHits match, or these and their tweets"),
	someRows("shares of a searched home timeline", `SELECT \(SELECT count\(\*\) FROM \(SELECT 1 FROM search_tweets .*`, maxSearched,
		"entries of the authors, up to 20,000, and a sample of those that match"),
	someRows("a searched home timeline", `SELECT tweet_id, tweet_id FROM \(SELECT s.tweet_id .*`, maxSearched,
		"entries that match, or all until a page is full, and their tweets"),
	statementsOf("retweets of a searched home timeline", `SELECT e.sort_key, e.tweet_id, e.user_id FROM unnest.*`,
		func(args []any, _ int) int { return 2*maxFewRetweets*idsIn(args[0]) + maxWritten },
		"the retweets of the authors in a page, and the entries of their tweets"),
	statementsOf("a search for users", `SELECT name, user_id FROM \(SELECT \* FROM \(.*`,
		func(args []any, _ int) int { return 4 * args[1].(int) }, "a page of each way to find a user, and one more"),
	statementsOf("the most followed users", `SELECT follower_count, user_id FROM user_stats .*`,
		func(args []any, _ int) int { return args[2].(int) }, "a page and one more"),
	statementsOf("tweets to index", `SELECT id, author_id, text, deleted_at IS NULL FROM tweets WHERE id = ANY\(\$1\)`, eachID(0, 1),
		"one row an id"),
	statementsOf("users to index", `SELECT id, username, name FROM users WHERE id = ANY\(\$1\)`, eachID(0, 1), "one row an id"),
	statementsOf("indexed tweets", `INSERT INTO search_tweets .*`, eachID(0, 2), "it adds, or changes what its keys lead to"),
	statementsOf("tweets that leave the index", `DELETE FROM search_tweets WHERE tweet_id = ANY\(\$1\)`, eachID(0, 1), "one row an id"),
	statementsOf("indexed users", `INSERT INTO search_names .*`, eachID(0, 2), "it adds"),
	statementsOf("users that are indexed again", `DELETE FROM search_names WHERE user_id = ANY\(\$1\)`, eachID(0, search.MaxNameWords+1),
		"the words of each name"),
	rarely(fewRows("ranges to index", `SELECT count\(\*\) FROM search_fills`)),

	statementsOf("tweets by id", `SELECT .* FROM "tweets" WHERE "tweets"."id" = ANY\(\$1\).*`, eachID(0, 1), "one row an id"),
	statementsOf("a tweet", `SELECT .* FROM "tweets" WHERE "tweets"."id" = \$1( AND "tweets"."deleted_at" IS NULL)? LIMIT \d`, atMost(1),
		"one row, by its key"),
	statementsOf("counts of tweets", `SELECT tweet, .* FROM roost_counts_of_tweets\(\$1\)`, eachID(0, 1+maxDeltas),
		"a row and few deltas an id"),
	statementsOf("reactions", `SELECT k.a, k.b, t.value, t.version FROM unnest.* FROM reactions WHERE tweet_id = k.a AND user_id = k.b .*`,
		eachID(0, 1), "one row a pair"),
	statementsOf("lists of reactions", `SELECT k.owner, coalesce\(l.version, 1\), .* FROM reactions WHERE user_id = k.owner AND kind <> 0 .*`,
		eachID(0, 2+maxReactions), "a list and one reaction more, and its version, for each user"),

	statementsOf("retweets", `SELECT k.a, k.b, t.value, t.version FROM unnest.* FROM retweets WHERE tweet_id = k.a AND user_id = k.b .*`,
		eachID(0, 1), "one row a pair"),
	statementsOf("lists of retweets", `SELECT k.owner, s.version, t.tweet_id FROM .* FROM retweets WHERE user_id = k.owner AND active .*`,
		eachID(0, 2+maxReactions), "a list and one retweet more, and its version, for each user"),

	statementsOf("a user's session", `SELECT .* FROM "sessions" WHERE "sessions"."id" = \$1 AND "sessions"."user_id" = \$2 LIMIT 2`, atMost(1),
		"one row, by its key"),
	statementsOf("sessions by id", `SELECT .* FROM "sessions" WHERE "sessions"."id" = ANY\(\$1\)( ORDER BY "sessions"."id")?`, eachID(0, 1),
		"one row an id"),
	statementsOf("live sessions", `SELECT .* FROM "sessions" WHERE \("sessions"."user_id" = \$1 AND "sessions"."ended_at" IS NULL\) .*`,
		atMost(maxSessions), "a user's live sessions"),
	statementsOf("newest sessions", `SELECT .* FROM "sessions" WHERE "sessions"."id" = ANY\(ARRAY\(SELECT .*`, atMost(2*maxListed),
		"the length of the list, once in the index"),

	statementsOf("new events", `INSERT INTO "events" .*`, func(args []any, _ int) int { return len(args) / 5 },
		"it only adds, a row for five arguments"),
	statementsOf("a new user", `INSERT INTO "users" .*`, atMost(0), "it only adds"),
	statementsOf("a new session", `INSERT INTO "sessions" .*`, atMost(0), "it only adds"),
	statementsOf("a new tweet", `INSERT INTO "tweets" .*`, atMost(0), "it only adds"),
	statementsOf("a claim", `INSERT INTO (username|email)_claims .*`, atMost(0), "it adds, or changes what its key leads to"),
	statementsOf("a claim of an idempotency key", `INSERT INTO idempotency_keys .*`, atMost(0), "it adds, or changes what its key leads to"),
	statementsOf("an idempotency key", `SELECT tweet_id, arguments FROM idempotency_keys .*`, atMost(1), "one row, by its key"),
	statementsOf("a follow", `INSERT INTO follows .*`, atMost(0), "it adds, or changes what its key leads to"),
	statementsOf("changed counts of users", `INSERT INTO user_stats .*`, atMost(0), "it adds, or changes what its key leads to"),
	statementsOf("changed counts of a tweet", `WITH counted AS \(INSERT INTO tweet_stats .* raised AS .*`, atMost(0),
		"it adds, or changes what its keys lead to"),
	rarely(statementsOf("reactions without a list", `SELECT CASE WHEN isfinite.* FROM reaction_list_upgrades WHERE id = 1`, atMost(1),
		"one row, by its key")),
	statementsOf("combined reactions", `WITH asked AS \( SELECT a.tweet_id, a.user_id, a.kind .*`, eachID(0, 3),
		"the tweet, the reaction, and the tweet once more for the answer"),
	statementsOf("visible tweets", `SELECT a.id FROM unnest.* WHERE coalesce.*`, eachID(0, 1), "one row an id"),
	statementsOf("drained counts", `WITH drained AS \(DELETE FROM reaction_deltas .*`, eachID(0, 2*maxDeltas),
		"the deltas, found and then deleted"),
	statementsOf("a retweet", `INSERT INTO retweets .*`, atMost(1), "the tweet"),
	statementsOf("a retweet undone", `UPDATE retweets .*`, atMost(2), "the retweet and the tweet"),
	statementsOf("a retweet as it is", `SELECT coalesce\(\(SELECT sort_key FROM retweets .*`, atMost(2), "two rows, by their keys"),
	statementsOf("an unfollow", `UPDATE follows .*`, atMost(1), "one row, by its key"),
	statementsOf("a claim given up", `UPDATE (username|email)_claims .*`, atMost(1), "one row, by its key"),
	statementsOf("a changed user", `UPDATE "users" SET .* WHERE "users"."id" = \$\d+`, atMost(1), "one row, by its key"),
	statementsOf("a deleted tweet", `UPDATE "tweets" SET .* WHERE "tweets"."id" = \$\d+ AND "tweets"."deleted_at" IS NULL`, atMost(1),
		"one row, by its key"),
	statementsOf("a used session", `UPDATE "sessions" SET .* WHERE \("sessions"."id" = \$\d+ AND .*`, atMost(1), "one row, by its key"),
	statementsOf("the head of the log", `SELECT \(SELECT seq FROM log_heads WHERE id = 1\)`, atMost(1), "one row, by its key"),
	statementsOf("the last event with a seq", `SELECT COALESCE\(\(SELECT id FROM events WHERE seq = .*`, atMost(2),
		"two rows, by their keys"),
	someRows("who inserts events", `SELECT l.virtualtransaction FROM pg_locks .*`, 1000, "the databases of the server"),
	batchesOf("the next events", `SELECT seq, type, .* FROM events WHERE seq > \$1 AND seq <= \$2 ORDER BY seq LIMIT \$3`, 2),
	someRows("the next reactions of a partition", `SELECT seq, type, .* FROM events WHERE seq > \$1 AND seq <= \$2 AND type IN .* LIMIT \$3`,
		1<<15, "one look passes over so many events of other types"),
	batchesOf("the log behind a position", `SELECT h.epoch, .* FROM log_heads AS h LEFT JOIN `+
		`\(SELECT seq AS seq, .* WHERE seq > \$1 AND seq <= \$2( AND type .*)?\s+ORDER BY seq LIMIT \$3\) AS e .*`, 2),
	statementsOf("what retention has taken", `SELECT oldest FROM log_heads WHERE id = 1`, atMost(1), "one row, by its key"),
	batchesOf("replies in the log", `SELECT h.epoch, e.seq, .* WHERE type = 'ReplyAdded' AND aggregate = \$1 .*`, 2),
	batchesOf("events for retention", `SELECT seq, created_at FROM events .* LIMIT \$1`, 0),
	statementsOf("the right to remove events", `SELECT set_config\(.*\), pg_try_advisory_xact_lock\(\$2\)`, atMost(1), "it reads nothing"),
	fewRows("a group's partitions",
		`(INSERT INTO|UPDATE|SELECT position, leased_until, owner, .* FROM|SELECT (COUNT|MIN)\(.*\) FROM) "?group_partitions"? .*`),
	fewRows("the retry queue", `SELECT .* FROM (retry_queue AS q|"retry_queue") .*`),
	statementsOf("expired limits of sign-in", `DELETE FROM "sign_in_limits" WHERE .* LIMIT 500 FOR UPDATE SKIP LOCKED.*`, atMost(2*500),
		"a batch, once to find and once to remove"),
	statementsOf("expired idempotency keys", `DELETE FROM "idempotency_keys" WHERE .* LIMIT 500 FOR UPDATE SKIP LOCKED.*`, atMost(2*500),
		"a batch, once to find and once to remove"),
	rarely(fewRows("the lease of ids", `UPDATE id_leases SET ceiling = \$1 WHERE node = \$2 AND owner = \$3 AND ceiling <= \$1`)),
	statementsOf("ended sessions", `UPDATE sessions SET .* expires_at > \$4( AND .*)? RETURNING id, version`, atMost(maxSessions),
		"a user's live sessions"),
}
