package costs

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"roost/app"
	"roost/events"
	"roost/internal/cursors"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/importedtest"
	"roost/testkit/rig"
)

// storeState is what the tables' statistics and visibility maps are like.
type storeState struct {
	name string
	sql  []string
}

// rewritten are the tables of the model whose plans depend on more than a primary key.
var rewritten = []string{"tweets", "follows", "sessions", "users", "user_stats", "tweet_stats", "events"}

func storeStates() []storeState {
	var vacuumed, rewrite, forget []string
	for _, table := range rewritten {
		vacuumed = append(vacuumed, "VACUUM ANALYZE "+table)
		rewrite = append(rewrite, "VACUUM FULL "+table)
		forget = append(forget, "DELETE FROM pg_statistic WHERE starelid = '"+table+"'::regclass",
			"UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid = '"+table+"'::regclass")
	}
	return []storeState{
		{"vacuumed", vacuumed},
		// A table that was written anew has no visibility map, like one that changes faster than it is
		// vacuumed.
		{"not vacuumed", rewrite},
		// As in the first minute of a new installation.
		{"never analyzed", slices.Concat(rewrite, forget)},
	}
}

// Every statement of every operation reads a number of rows that follows from its arguments, whoever asks
// and whatever statistics PostgreSQL has of the tables.
func TestPlansReadBoundedRows(t *testing.T) {
	t.Parallel()
	for _, s := range storeStates() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			url := importedtest.Postgres(t)
			db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url, MaxConns: 4})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			personas := findPersonas(t, db)
			lengthenLog(t, db)
			fillRetweets(t, db)
			for _, q := range s.sql {
				if _, err := db.Writer().ExecContext(t.Context(), q); err != nil {
					t.Fatalf("%s: %v", q, err)
				}
			}
			w := newPlanWatch(t, db.Writer())
			r := apitest.New(t, apitest.Server, apitest.Metered, func(c *app.Config) { c.DatabaseURL, c.Watch = url, w.watch })
			everyOperation(t, w, r, db, personas)
			r.Stop()
			w.report()
		})
	}
}

// lengthenLog adds events, each with a seq: an import leaves few, and a short table is read
// whole.
func lengthenLog(t *testing.T, db *sqldb.DB) {
	t.Helper()
	_, err := db.Writer().ExecContext(t.Context(), `INSERT INTO events (type, version, aggregate, payload, created_at)
		SELECT 'ReactionSet', 1, n, '{}', now() FROM generate_series(1, 30000) AS n`)
	if err != nil {
		t.Fatal(err)
	}
	for {
		n, err := events.Sequence(t.Context(), db, 5000)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// fillRetweets has three users retweet each tweet: an import leaves no retweets, and a short table is read whole.
func fillRetweets(t *testing.T, db *sqldb.DB) {
	t.Helper()
	if _, err := db.Writer().ExecContext(t.Context(), `WITH
		u AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM users),
		t AS (SELECT id, author_id, row_number() OVER (ORDER BY id) AS n FROM tweets)
		INSERT INTO retweets (tweet_id, user_id, author_id, active, sort_key, retweeted_at, version)
		SELECT t.id, u.id, t.author_id, true, t.id + 1 + k, now(), 1 FROM t CROSS JOIN generate_series(0, 2) AS k
		JOIN u ON u.n = (t.n * 7919 + k * 104729) % (SELECT count(*) FROM u) ON CONFLICT DO NOTHING`); err != nil {
		t.Fatal(err)
	}
}

// pageOf is a size of pages, and of sessions besides the own, that limits of the API allow everywhere.
const pageOf = 45

// everyOperation runs all operations as a typical user, and those that read the viewer's lists as each of the
// personas.
func everyOperation(t *testing.T, w *planWatch, r *apitest.Roost, db *sqldb.DB, users []int64) {
	donor := r.SignUp(t, "donor")
	others := crowdOf(t, db, users)
	for i, p := range personas {
		if slices.Contains(users[:i], users[i]) {
			continue // the same user as another persona
		}
		w.during(p.name + " signs in")
		c := importedCrowd(t, r, db, donor, users[i], others, time.Now().Add(-time.Duration(i)*time.Hour))
		operations := farReads
		if i == 0 {
			operations = slices.Concat(farReads, costedReads, costedWrites, rareWrites)
		}
		for _, op := range operations {
			w.during(p.name + ": " + op.name)
			op.priced(t).run(t, c, pageOf)
		}
		if i > 0 {
			continue
		}
		for _, op := range costedPushes {
			w.during(op.name)
			op.priced(t).run(t, c, pageOf)
		}
	}
}

// run runs the operation for its statements' sake.
func (op costed) run(t *testing.T, c *crowd, n int) {
	t.Helper()
	who, vars := c.viewer.Client, apitest.Vars{}
	if op.prepare != nil {
		who, vars = op.prepare(t, c, n)
	}
	if vars["at"] == "" {
		return // there is no such list to page through
	}
	page(vars, n)
	who.Must(t, op.query, vars)
}

// run waits for the event for its statements' sake.
func (p pushed) run(t *testing.T, c *crowd, n int) {
	t.Helper()
	u, vars, happen := p.prepare(t, c, n)
	page(vars, n)
	s := u.Dial(t)
	events := s.Subscribe(t, p.query, vars)
	if p.first != nil {
		p.first(t, c, u, s, events, n)
	}
	if happen != nil {
		happen()
	}
	res := events.Next(t)
	for p.is != "" && res.String("x.__typename") != p.is {
		res = events.Next(t)
	}
}

// farInto returns a sort key of one of the viewer's lists, so many tenths of it down.
func farInto(list string, tenths int, kind cursors.Kind) func(*testing.T, *crowd, int) (*apitest.Client, apitest.Vars) {
	return func(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
		at := apitest.Int(t, c.db, fmt.Sprintf(`SELECT coalesce((SELECT sort_key FROM (%[1]s) AS l ORDER BY sort_key DESC
			LIMIT 1 OFFSET (SELECT count(*) * %[2]d / 10 FROM (%[1]s) AS l)), 1)`, list, tenths), rig.UserID(t, c.viewer.ID))
		return c.viewer.Client, apitest.Vars{"at": cursors.Encode(kind, at)}
	}
}

// globalsOf returns the ids of as many users or tweets as a batch takes.
func globalsOf(kind ids.Kind, sql string) func(*testing.T, *crowd, int) (*apitest.Client, apitest.Vars) {
	return func(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
		all := apitest.Ints(t, c.db, sql)
		return c.viewer.Client, apitest.Vars{"ids": globals(kind, all, len(all))}
	}
}

const (
	homeSortKeys = `SELECT t.id AS sort_key FROM tweets AS t JOIN follows AS f ON f.followee_id = t.author_id` +
		` WHERE f.follower_id = $1 AND f.active`
	ownSortKeys       = `SELECT id AS sort_key FROM tweets WHERE author_id = $1 AND deleted_at IS NULL`
	followerSortKeys  = `SELECT sort_key FROM follows WHERE followee_id = $1 AND active`
	followingSortKeys = `SELECT sort_key FROM follows WHERE follower_id = $1 AND active`
	mostFollowed      = `SELECT user_id FROM user_stats ORDER BY follower_count DESC LIMIT 100`
	newestTweets      = `SELECT id FROM tweets WHERE deleted_at IS NULL ORDER BY id DESC LIMIT 100`
	mostLiked         = `SELECT tweet_id FROM tweet_stats ORDER BY like_count DESC LIMIT 100`
)

// rareWrites are ways of operations, or what follows them, that no other operation of a test takes.
var rareWrites = []costed{
	{name: "logIn by email", query: rig.LogInOnDevice, prepare: func(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
		u := c.SignUp(t, "mailer")
		return c.Anonymous(), apitest.Vars{"i": apitest.Vars{"login": u.Name + "@example.com", "password": u.Password, "tokenDelivery": "TOKEN"}}
	}},
	{name: "the first use of a session for long", query: `{ viewer { email } }`,
		prepare: func(t *testing.T, c *crowd, _ int) (*apitest.Client, apitest.Vars) {
			u := c.SignUp(t, "sleeper")
			_, err := c.db.Writer().ExecContext(t.Context(), "UPDATE sessions SET last_used_at = $1 WHERE user_id = $2",
				time.Now().Add(-time.Hour).UTC(), rig.UserID(t, u.ID))
			if err != nil {
				t.Fatal(err)
			}
			return u.Client, apitest.Vars{}
		}},
}

// farReads are reads of all of the viewer's lists, far from their tops too, and of the largest batches.
var farReads = []costed{
	{name: "a home page", query: `{ viewer { homeTimeline { nodes { ...TweetScalars author { ...UserScalars } } } } }`},
	{name: "a profile", query: `{ viewer { user { ...UserScalars followers { totalCount nodes { ...UserScalars } }
		following { nodes { username } }
		timeline { nodes { ...TweetScalars } } } } }`},
	{name: "homeTimeline, 100", query: `{ viewer { homeTimeline(first: 100) { nodes { ...TweetScalars } } } }`},
	{name: "homeTimeline, far down", query: `query($at: String!) { viewer { homeTimeline(first: 20, after: $at) { pageInfo { ...WholePage }
		nodes { id } } } }`,
		prepare: farInto(homeSortKeys, 9, cursors.Home)},
	{name: "homeTimeline, backward", query: `query($at: String!) { viewer { homeTimeline(last: 20, before: $at) { pageInfo { ...WholePage }
		nodes { id } } } }`,
		prepare: farInto(homeSortKeys, 5, cursors.Home)},
	{name: "homeTimeline, from the end", query: `{ viewer { homeTimeline(last: 20) { pageInfo { ...WholePage } nodes { id } } } }`},
	{name: "timeline, far down", query: `query($at: String!) { viewer { user { timeline(first: 20, after: $at) { pageInfo { ...WholePage }
		nodes { id } } } } }`,
		prepare: farInto(ownSortKeys, 9, cursors.Timeline)},
	{name: "timeline, backward", query: `query($at: String!) { viewer { user { timeline(last: 20, before: $at) { pageInfo { ...WholePage }
		nodes { id } } } } }`,
		prepare: farInto(ownSortKeys, 5, cursors.Timeline)},
	{name: "timeline, from the end", query: `{ viewer { user { timeline(last: 20) { pageInfo { ...WholePage } nodes { id } } } } }`},
	{name: "homeTimeline, frequent words", query: `query($at: String!) { viewer {
		com: homeTimeline(first: 100, after: $at, matching: "com") { pageInfo { ...WholePage } nodes { id } }
		the: homeTimeline(last: 20, matching: "the") { pageInfo { ...WholePage } nodes { id } }
		not: homeTimeline(last: 20, before: $at, matching: "-com -the") { pageInfo { ...WholePage } nodes { id } } } }`,
		prepare: farInto(homeSortKeys, 2, cursors.Home)},
	{name: "homeTimeline, rare words", query: `{ viewer {
		one: homeTimeline(matching: "\"in the cache\"") { nodes { id } } none: homeTimeline(matching: "nothing7") { nodes { id } } } }`},
	{name: "timeline, searched", query: `query($at: String!) { viewer { user {
		com: timeline(first: 100, after: $at, matching: "com") { pageInfo { ...WholePage } nodes { id } }
		none: timeline(last: 20, include: [TWEETS, REPLIES, RETWEETS], matching: "nothing7") { pageInfo { ...WholePage } nodes { id } } } } }`,
		prepare: farInto(ownSortKeys, 2, cursors.Timeline)},
	{name: "followers, far down", query: `query($at: String!) { viewer { user { followers(first: 20, after: $at) { pageInfo { ...WholePage }
		nodes { ...UserScalars } } } } }`,
		prepare: farInto(followerSortKeys, 9, cursors.Followers)},
	{name: "following, far down", query: `query($at: String!) { viewer { user { following(first: 20, after: $at) { pageInfo { ...WholePage }
		nodes { ...UserScalars } } } } }`,
		prepare: farInto(followingSortKeys, 9, cursors.Following)},
	{name: "sessions of years", query: `{ viewer { live: sessions { id } all: sessions(includeEnded: true) { id } } }`},
	{name: "followers of followers", query: `{ viewer { user { followers(first: 20) { nodes { followers(first: 20) { nodes { username
		viewerIsFollowing isFollowingViewer } } } } } } }`},
	{name: "nodes, 100 users", query: `query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { ...UserScalars
		followers(first: 3) { totalCount nodes { username } } } } }`,
		prepare: globalsOf(ids.KindUser, mostFollowed)},
	{name: "nodes, 100 tweets", query: `query($ids: [ID!]!) { nodes(ids: $ids) { ... on Tweet { ...TweetScalars
		author { ...UserScalars } } } }`,
		prepare: globalsOf(ids.KindTweet, newestTweets)},
	{name: "reactionSummaries, the most liked", query: `query($ids: [ID!]!) { reactionSummaries(subjectIds: $ids) { likeCount
		viewerReaction } }`,
		prepare: globalsOf(ids.KindTweet, mostLiked)},
}
