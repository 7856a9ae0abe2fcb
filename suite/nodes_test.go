package suite

import (
	"context"
	"slices"
	"testing"
	"time"

	"roost/internal/apitest"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// eachCluster runs the test on two nodes with the same PostgreSQL and Redis, and on a single embedded node,
// which is its own other one.
func eachCluster(t *testing.T, fn func(t *testing.T, a, b *apitest.Roost), opts ...apitest.Option) {
	t.Helper()
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		if r.Mode == apitest.Embedded {
			fn(t, r, r)
			return
		}
		fn(t, r, join(t, r))
	}, opts...)
}

// join starts another node on the stores of one.
func join(t testing.TB, r *apitest.Roost) *apitest.Roost {
	t.Helper()
	other := apitest.Start(t, r.Config)
	other.Redis = r.Redis
	return other
}

// at is the user, speaking to another node.
func at(r *apitest.Roost, u *apitest.User) *apitest.User {
	return &apitest.User{Client: r.As(u.Key), ID: u.ID, SessionID: u.SessionID, Name: u.Name, Password: u.Password}
}

const cursorEvents = `subscription($after: String) { homeTimelineEvents(after: $after) { __typename cursor
	... on TimelineEntryAdded { edge { cursor node { id text author { id } } } }
	... on TimelineEntryRemoved { tweetId }
	... on TimelineReset { reason } } }`

// reader reads the events of a home timeline, on any node.
type reader struct {
	user   *apitest.User
	socket *apitest.Socket
	stream *apitest.Stream
	// cursor is where it goes on: that of the last event, or of a page.
	cursor string
}

// readHome reads a page on one node, to go on from it.
func readHome(t testing.TB, r *apitest.Roost, u *apitest.User) (rd *reader, page map[string]string) {
	t.Helper()
	res := at(r, u).Must(t, `{ viewer { homeTimeline(first: 100) { eventCursor edges { cursor node { id } } } } }`, nil)
	page = map[string]string{}
	for _, e := range res.Get("viewer.homeTimeline.edges").([]any) {
		page[apitest.Get(e, "node.id").(string)] = apitest.Get(e, "cursor").(string)
	}
	return &reader{user: u, cursor: res.String("viewer.homeTimeline.eventCursor")}, page
}

// connect goes on at a node, with the cursor.
func (rd *reader) connect(t testing.TB, r *apitest.Roost) {
	t.Helper()
	rd.socket = at(r, rd.user).Dial(t)
	rd.stream = rd.socket.Subscribe(t, cursorEvents, apitest.Vars{"after": rd.cursor})
}

// leave cuts the connection. What was on its way is lost.
func (rd *reader) leave() { _ = rd.socket.Conn.Close() }

// next reads an event: "+id", "-id" or the reason of a reset.
func (rd *reader) next(t testing.TB) (event string, r *apitest.Response) {
	t.Helper()
	r = rd.stream.Next(t)
	rd.cursor = r.String("homeTimelineEvents.cursor")
	if rd.cursor == "" {
		t.Fatalf("an event without a cursor: %s", r.Body)
	}
	return homeEvent(t, r), r
}

// until reads up to an event, and gives all with that one.
func (rd *reader) until(t testing.TB, last string) (all []string) {
	t.Helper()
	for len(all) == 0 || all[len(all)-1] != last {
		event, _ := rd.next(t)
		all = append(all, event)
	}
	return all
}

// logged gives what the log holds for readers of the authors, in its order, as events.
func logged(t testing.TB, db *sqldb.DB, authors ...*apitest.User) (all []string) {
	t.Helper()
	query := `SELECT type, json_extract(payload, '$.TweetID'), json_extract(payload, '$.AuthorID') FROM events
		WHERE type IN ('TweetPosted', 'TweetDeleted') ORDER BY id`
	if db.IsPostgres() {
		query = `SELECT type, (payload::json->>'TweetID')::bigint, (payload::json->>'AuthorID')::bigint FROM events
			WHERE type IN ('TweetPosted', 'TweetDeleted') AND seq IS NOT NULL ORDER BY seq`
	}
	rows, err := db.Writer().QueryContext(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var what string
		var tweet, author int64
		if err := rows.Scan(&what, &tweet, &author); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(authors, func(u *apitest.User) bool { return u.ID == ids.UserID(author).String() }) {
			continue
		}
		sign := map[string]string{"TweetPosted": "+", "TweetDeleted": "-"}[what]
		all = append(all, sign+ids.TweetID(tweet).String())
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// What happens on one node reaches the subscribers of the other, with Redis and without.
func TestNodesReachEachOther(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(r *apitest.Roost){
		"redis up":      func(*apitest.Roost) {},
		"redis stopped": func(r *apitest.Roost) { r.Redis.Stop() },
		"redis paused":  func(r *apitest.Roost) { r.Redis.Pause() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := apitest.New(t, apitest.Server)
			b := join(t, a)
			bob, ada := a.SignUp(t, "bob"), b.SignUp(t, "ada")
			ada.Follow(t, bob.ID)
			tweet := bob.Tweet(t, "hello")
			home := watchHome(t, ada, ada.Dial(t))
			counts, _ := watchCounts(t, ada.Dial(t), tweet)
			away(a)
			const rounds = 5
			slowest := map[string]time.Duration{}
			took := func(what string, since time.Time) { slowest[what] = max(slowest[what], time.Since(since)) }
			for i := range rounds {
				began := time.Now()
				id := bob.Tweet(t, "news")
				expectHome(t, home, "+"+id)
				took("tweet", began)
				began = time.Now()
				bob.React(t, tweet, []string{"LIKE", "DISLIKE"}[i%2])
				if got := summaryAt(counts.Next(t), "reactionsChanged.reactions"); got.revision != i+1 {
					t.Errorf("revision %d came, want %d", got.revision, i+1)
				}
				took("reaction", began)
				began = time.Now()
				bob.Delete(t, id)
				expectHome(t, home, "-"+id)
				took("deletion", began)
			}
			t.Logf("the slowest of %d: %v", rounds, slowest)
		})
	}
}

// cutPubSub leaves Redis as it is, but nobody may publish or subscribe any more: those who listen are cut off.
func cutPubSub(t *testing.T, r *apitest.Roost) {
	t.Helper()
	if reply, err := r.Redis.Do("ACL SETUSER default resetchannels"); err != nil || reply != "OK" {
		t.Fatalf("forbid all channels: %q, %v", reply, err)
	}
	if reply, err := r.Redis.Do("CLIENT KILL TYPE pubsub"); err != nil {
		t.Fatalf("cut off who listens: %q, %v", reply, err)
	}
}

// soon is within what a session that is revoked on one node must be closed on the others; a busy machine gets more.
func soon() time.Duration { return soak(15*time.Second, time.Second) }

// A session that is revoked on one node is told, and its sockets closed, on the other.
func TestNodesEndSessionsEverywhere(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(t *testing.T, r *apitest.Roost){
		"redis up":       func(*testing.T, *apitest.Roost) {},
		"redis stopped":  func(_ *testing.T, r *apitest.Roost) { r.Redis.Stop() },
		"redis paused":   func(_ *testing.T, r *apitest.Roost) { r.Redis.Pause() },
		"without pubsub": cutPubSub,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := apitest.New(t, apitest.Server)
			b := join(t, a)
			u := a.SignUp(t, "ada")
			kept := at(b, u).Dial(t)
			away(t, a)
			const rounds = 5
			times := make([]time.Duration, rounds)
			for i := range rounds {
				device := a.LogIn(t, u)
				told, idle := at(b, device).Dial(t), at(b, device).Dial(t)
				st := told.Subscribe(t, sessionEnded, nil)
				watchCounts(t, told, u.Tweet(t, "the subscription runs"))
				u.Must(t, `mutation($id: ID!) { revokeSession(input: {sessionId: $id}) { userErrors { code } } }`, apitest.Vars{"id": device.SessionID})
				began := time.Now()
				for _, s := range []*apitest.Socket{told, idle} {
					if code := s.Closed(t); code != 4403 {
						t.Errorf("closed with %d", code)
					}
				}
				times[i] = time.Since(began)
				if got := st.Next(t).String("sessionEnded.reason"); got != "REVOKED" {
					t.Errorf("the reason is %q", got)
				}
			}
			slices.Sort(times)
			t.Logf("closed after %v", times)
			// One of them may have met a machine that was busy with something else.
			if times[rounds/2] > soon() {
				t.Errorf("half of the sessions were closed later than %s: %v", soon(), times)
			}
			watchCounts(t, kept, u.Tweet(t, "still here"))
		})
	}
}
