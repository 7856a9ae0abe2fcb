package costs

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"roost/app"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// firstFollower is the id of the first of the followers that writeFollowers makes.
const firstFollower = 1000

// writeFollowers writes users as rows, and has the first n of them follow each author with the number n. It returns the usernames of
// some of them, who can sign in once they have a password.
func writeFollowers(t *testing.T, db *sqldb.DB, followers map[*apitest.User]int, named int) (names []string) {
	t.Helper()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Writer().ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%.100s: %v", query, err)
		}
	}
	most := 0
	for author, n := range followers {
		id := rig.UserID(t, author.ID)
		exec(`INSERT INTO follows (follower_id, followee_id, active, sort_key, followed_at, version)
			SELECT i, $1, true, i, now(), 1 FROM generate_series($2::bigint, $2::bigint + $3 - 1) AS i`, id, firstFollower, n)
		exec(`INSERT INTO user_stats (user_id, tweet_count, follower_count, following_count, version) VALUES ($1, 0, $2, 0, 2)
			ON CONFLICT (user_id) DO UPDATE SET follower_count = $2, version = user_stats.version + 1`, id, n)
		most = max(most, n)
	}
	exec(`INSERT INTO users (id, username, name, bio, email, created_at, version)
		SELECT i, 'follower' || i, 'F', '', 'follower' || i || '@example.com', now(), 1
		FROM generate_series($1::bigint, $1::bigint + $2 - 1) AS i`,
		firstFollower, most)
	exec(`INSERT INTO user_stats (user_id, tweet_count, follower_count, following_count, version)
		SELECT follower_id, 0, 0, count(*), 1 FROM follows GROUP BY follower_id ON CONFLICT DO NOTHING`)
	for i := range named {
		id := firstFollower + int64(i)*int64(most/named)
		name := fmt.Sprint("follower", id)
		exec(`INSERT INTO username_claims (name, user_id, version) VALUES ($1, $2, 1)`, name, id)
		names = append(names, name)
	}
	exec("ANALYZE")
	return names
}

// taken is what the stores did: statements of PostgreSQL and the bytes of its log, commands of Redis. It includes what nodes do without
// being asked.
type taken struct{ statements, written, commands int64 }

func (a taken) minus(b taken) taken {
	return taken{a.statements - b.statements, a.written - b.written, a.commands - b.commands}
}

func (a taken) plus(b taken) taken { return a.minus(taken{}.minus(b)) }

var callsOfCommand = regexp.MustCompile(`:calls=(\d+),`)

// fame is a famous author and one whom few follow, who do the same things.
type fame struct {
	*apitest.Roost
	db             *sqldb.DB
	famous, hardly *apitest.User
	liker, other   *apitest.User
	requests       requestStatements
	statements     atomic.Int64 // of all kinds
}

// at returns what the stores have done so far.
func (f *fame) at(t *testing.T) (now taken) {
	t.Helper()
	rig.AwaitInvalidations(t, f.db)
	info, err := f.Redis.Do("INFO commandstats")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range callsOfCommand.FindAllStringSubmatch(info, -1) {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		now.commands += n
	}
	if now.commands == 0 {
		t.Fatalf("no commands in %q", info)
	}
	now.statements = f.statements.Load()
	now.written = apitest.Int(t, f.db, "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint")
	return now
}

// act is what an author does, or what somebody does to a tweet of the author's.
type act struct {
	name, query string
	// prepare returns who acts and the variables.
	prepare func(t *testing.T, f *fame, author *apitest.User) (*apitest.User, apitest.Vars)
}

const authorOfTweet = `tweet { id text retweetCount author { username tweetCount followers { totalCount } } } userErrors { code }`

var acts = []act{
	{"a tweet", `mutation($t: String!) { op: createTweet(input: {text: $t}) { ` + authorOfTweet + ` timelineEdge { cursor } } }`,
		func(_ *testing.T, _ *fame, author *apitest.User) (*apitest.User, apitest.Vars) {
			return author, apitest.Vars{"t": apitest.Unique("hello ")}
		}},
	{"a retweet", `mutation($id: ID!) { op: retweet(input: {tweetId: $id}) { ` + authorOfTweet + ` } }`,
		func(t *testing.T, f *fame, author *apitest.User) (*apitest.User, apitest.Vars) {
			return author, apitest.Vars{"id": f.other.Tweet(t, "pass me on")}
		}},
	{"an undo", `mutation($id: ID!) { op: unretweet(input: {tweetId: $id}) { ` + authorOfTweet + ` } }`,
		func(t *testing.T, f *fame, author *apitest.User) (*apitest.User, apitest.Vars) {
			id := f.other.Tweet(t, "pass me on")
			author.Retweet(t, id)
			return author, apitest.Vars{"id": id}
		}},
	{"a deletion", `mutation($id: ID!) { op: deleteTweet(input: {tweetId: $id}) { deletedTweetId userErrors { code } } }`,
		func(t *testing.T, _ *fame, author *apitest.User) (*apitest.User, apitest.Vars) {
			return author, apitest.Vars{"id": author.Tweet(t, "soon gone")}
		}},
	{"a like", `mutation($id: ID!) { op: setReaction(input: {subjectId: $id, reaction: LIKE}) { subject { ... on Tweet {
			id reactions { likeCount } author { username followers { totalCount } } } } userErrors { code } } }`,
		func(t *testing.T, f *fame, author *apitest.User) (*apitest.User, apitest.Vars) {
			return f.liker, apitest.Vars{"id": author.Tweet(t, "like me")}
		}},
}

// do has an author act once, and returns the statements and the round trips of the request, how long it took, what the stores did until
// all of its invalidations were done, and the answer.
func (f *fame) do(t *testing.T, a act, author *apitest.User) (request string, took time.Duration, all taken, res *apitest.Response) {
	t.Helper()
	who, vars := a.prepare(t, f, author)
	before := f.at(t)
	f.requests.taken()
	began := time.Now()
	res = who.Must(t, a.query, vars)
	took = time.Since(began)
	if res.Get("op.userErrors.0") != nil {
		t.Fatalf("%s is refused: %s", a.name, res.Data)
	}
	statements := f.requests.taken()
	request = fmt.Sprintf("%d statements, %d round trips:\n%s", len(statements), res.Costs(t).Redis, strings.Join(statements, "\n"))
	return request, took, f.at(t).minus(before), res
}

// Whatever an author with very many followers does takes the same statements and the same number of round trips as if 10 users followed
// the author, and the stores do nothing for each follower afterwards. What the author posts is in the next home page of each follower of a
// sample, on two nodes.
func TestWritesDoNotDependOnFollowers(t *testing.T) {
	t.Parallel()
	followers, rounds := testtime.Soak(100_000, 1_000_000), testtime.Soak(6, 200)
	f := &fame{}
	f.Roost = apitest.New(t, apitest.Server, apitest.Metered, func(c *app.Config) {
		c.Watch = func(ctx context.Context, tx sqldb.Querier, query string, args []any) {
			f.statements.Add(1)
			f.requests.watch(ctx, tx, query, args)
		}
		c.SignInPerAddress, c.SignUpPerAddress = 1<<30, 1<<30
	})
	f.db = f.DB(t)
	users := f.SignUps(t, "fame", 4)
	f.famous, f.hardly, f.liker, f.other = users[0], users[1], users[2], users[3]
	names := writeFollowers(t, f.db, map[*apitest.User]int{f.famous: followers, f.hardly: 10}, 24)
	rig.ClearCache(t, f.Roost)
	another := rig.StartAnother(t, f.Roost)
	var sample []*apitest.User
	for _, name := range names {
		sample = append(sample, f.Impersonate(t, f.db, name))
	}
	authors := []*apitest.User{f.famous, f.hardly}
	for _, a := range acts {
		for _, author := range authors { // plans and rows are there
			f.do(t, a, author)
		}
		// On a busy machine a call to Redis may be so late that a row is read from SQL: a difference counts if it is there three times.
		for try := 1; ; try++ {
			famous, _, _, _ := f.do(t, a, f.famous)
			hardly, _, _, _ := f.do(t, a, f.hardly)
			if famous == hardly {
				break
			}
			if try == 3 {
				t.Errorf("%s of an author with %d followers takes %s\nof one with 10: %s", a.name, followers, famous, hardly)
				break
			}
		}
	}
	tookBy, all := map[*apitest.User][]time.Duration{}, map[*apitest.User]taken{}
	for round := range rounds {
		for _, author := range authors {
			_, took, stores, res := f.do(t, acts[0], author)
			tookBy[author] = append(tookBy[author], took)
			all[author] = all[author].plus(stores)
			if author != f.famous {
				continue
			}
			for i, u := range sample {
				node := []*apitest.Roost{f.Roost, another}[(round+i)%2]
				if home := rig.UserOn(node, u).Home(t, 3); !slices.Contains(home, res.String("op.tweet.id")) {
					t.Errorf("round %d: the home page of %s lacks the tweet %s: %v", round, u.Name, res.String("op.tweet.id"), home)
				}
			}
		}
	}
	famous, hardly := all[f.famous], all[f.hardly]
	t.Logf("the stores took %+v for %d tweets of an author with %d followers, and %+v for one with 10", famous, rounds, followers, hardly)
	// Nodes also look after themselves meanwhile. A row for each follower would be megabytes, and a command or statement for each thousand
	// of them a hundred.
	room := taken{statements: int64(rounds) * 20, written: int64(rounds) << 19, commands: int64(rounds) * 20}
	if over := famous.minus(hardly.plus(room)); over.statements > 0 || over.written > 0 || over.commands > 0 {
		t.Errorf("that is %+v more than may be", over)
	}
	median := rig.Percentile(tookBy[f.famous], 50)
	few := rig.Percentile(tookBy[f.hardly], 50)
	t.Logf("the median of a tweet is %s for an author with %d followers, and %s for one with 10", median, followers, few)
	if testtime.Soaking() && (median > few*5/4 || few > median*5/4) {
		t.Error("the medians differ by more than a quarter")
	}
	n := apitest.Int(t, f.db, "SELECT count(*) FROM follows WHERE active AND followee_id = $1", rig.UserID(t, f.famous.ID))
	if n != int64(followers) {
		t.Errorf("the author has %d followers, want %d", n, followers)
	}
}
