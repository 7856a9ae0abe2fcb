package costs

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"

	"roost/app"
	"roost/internal/reqstats"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
)

// requestStatements holds the statements that requests make.
type requestStatements struct {
	mu  sync.Mutex
	all []string
}

// watch is a sqldb.Watch. Statements of background work are left out.
func (s *requestStatements) watch(ctx context.Context, _ sqldb.Querier, query string, _ []any) {
	if reqstats.From(ctx) == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, strings.Join(strings.Fields(query), " "))
}

// taken returns the statements since the last call.
func (s *requestStatements) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.all
	s.all = nil
	return out
}

// pagesOfFollows matches statements that read pages of followers or of followed users, of PostgreSQL and of SQLite.
const pagesOfFollows = `k\.n - 1.* FROM follows |JOIN follows AS t ON t\.rowid IN`

// unselected are operations that must not make the statements that never matches, because nothing of their rows is selected.
var unselected = []struct{ name, query, never string }{
	{"counts of follows", `query($u: String!) { user(username: $u) { followers { totalCount } following { totalCount } } }`,
		`follows|tweets|reactions|tweet_stats`},
	{"counts through aliases and fragments", `query($u: String!) { user(username: $u) {
			...P ... on Node { ... on User { n: following { ...C } } } } }
		fragment P on User { a: followers { ...C } b: followers { __typename ... on FollowConnection { total: totalCount } } }
		fragment C on FollowConnection { totalCount }`, `follows|tweets`},
	{"counts, and pages that variables leave out", `query($u: String!, $no: Boolean = false, $yes: Boolean = true) { user(username: $u) {
		followers { totalCount nodes @include(if: $no) { id } edges @skip(if: $yes) { cursor } pageInfo @include(if: $no) { hasNextPage } }
		following { totalCount @include(if: $yes) ... @include(if: $no) { nodes { id } } } } }`, `follows|tweets`},
	{"counts, and pages of no rows", `query($u: String!) { user(username: $u) { followers(first: 0) { totalCount nodes { id } }
		following(last: 0) { totalCount edges { cursor } } } }`, `follows|tweets`},
	{"counts of a node", `query($id: ID!) { node(id: $id) { ... on User { followers { totalCount } following { totalCount } } } }`,
		`follows|tweets`},
	{"counts of nodes", `query($id: ID!) { nodes(ids: [$id]) { ... on User { followers { totalCount } following { totalCount } } } }`,
		`follows|tweets`},
	{"counts of the viewer", `{ viewer { user { followers { totalCount } following { totalCount } } } }`, `follows|tweets`},
	{"counts of an author", `query($t: ID!) { tweet(id: $t) { author { followers { totalCount } following { totalCount } } } }`,
		`follows|reactions|tweet_stats`},
	{"counts of authors on a page",
		`{ viewer { homeTimeline(first: 5) { nodes { author { followers { totalCount } following { totalCount } } } } } }`,
		pagesOfFollows + `|reactions|tweet_stats`},
	{"counts of followers", `query($u: String!) { user(username: $u) { followers(first: 5) { nodes { following { totalCount } } } } }`,
		`WHERE follower_id = k\.owner AND active|FROM follows WHERE follower_id = json_extract|tweets`},
	{"counts in a payload", `mutation($id: ID!) { followUser(input: {userId: $id}) { user { followers { totalCount } following { totalCount } }
		viewer { user { following { totalCount } } } } }`, pagesOfFollows},
	{"nothing of a list", `query($u: String!) { user(username: $u) { followers { __typename } timeline { __typename } } }`,
		`follows|tweets|user_stats`},
	{"the cursor of a home timeline", `{ viewer { homeTimeline { eventCursor __typename } } }`,
		`follows|tweets|user_stats|user_id = k\.owner`},
	{"what comes before the beginning", `query($u: String!) { user(username: $u) { followers { pageInfo { hasPreviousPage } }
		following(last: 3) { pageInfo { hasNextPage } } } }`, `follows|tweets`},
	{"names", `query($u: String!) { user(username: $u) { id username name bio } }`, `follows|tweets|user_stats`},
	{"an address", `{ viewer { email sessionPolicy } }`, `follows|tweets|user_stats`},
	{"the session alone", `{ viewer { __typename } }`, `users|follows|tweets|user_stats|reaction`},
	{"a text", `query($t: ID!) { tweet(id: $t) { text createdAt } }`, `follows|reactions|tweet_stats|user_stats`},
	{"counts of reactions", `query($t: ID!) { tweet(id: $t) { reactions { likeCount dislikeCount } } }`, `follows|reactions|user_stats`},
	{"the viewer's reaction", `query($t: ID!) { reactionSummaries(subjectIds: [$t]) { viewerReaction } }`, `follows|user_stats`},
	{"whether the viewer follows", `query($u: String!) { user(username: $u) { viewerIsFollowing } }`,
		pagesOfFollows + `|tweets|tweet_count`},
	{"whether a user follows the viewer", `query($u: String!) { user(username: $u) { isFollowingViewer } }`,
		pagesOfFollows + `|tweets|user_stats`},
}

// What is not selected is not read: each operation, with nothing in the cache, makes no statement about such rows.
func TestWhatIsNotSelectedIsNotRead(t *testing.T) {
	t.Parallel()
	for _, mode := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		for name, plans := range map[string]bool{"plans": true, "resolvers": false} {
			t.Run(string(mode)+" "+name, func(t *testing.T) {
				t.Parallel()
				testUnselected(t, mode, plans)
			})
		}
	}
}

func testUnselected(t *testing.T, mode apitest.Mode, plans bool) {
	var made requestStatements
	r := apitest.New(t, mode, func(c *app.Config) { c.Watch, c.Plans = made.watch, plans })
	db := r.DB(t)
	ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
	text := bob.Tweet(t, "hello")
	const follow = `mutation($id: ID!) { followUser(input: {userId: $id}) { userErrors { code } } }`
	ada.Must(t, follow, apitest.Vars{"id": bob.ID})
	bob.Must(t, follow, apitest.Vars{"id": ada.ID})
	all := apitest.Vars{"u": bob.Name, "id": bob.ID, "t": text}
	for _, op := range unselected {
		never := regexp.MustCompile(op.never)
		vars := apitest.Vars{}
		for name, v := range all {
			if strings.Contains(op.query, "$"+name+":") {
				vars[name] = v
			}
		}
		clearCache(t, r, db)
		made.taken()
		ada.Must(t, op.query, vars)
		statements := made.taken()
		if len(statements) == 0 {
			t.Errorf("%s: no statement was seen, not even that of the session", op.name)
		}
		for _, query := range statements {
			if never.MatchString(query) {
				t.Errorf("%s: it makes the statement %s", op.name, query)
			}
		}
	}
}
