package rig

import (
	"context"
	"slices"
	"testing"

	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
)

// ExpectLog compares the events that were received with the log. Every event of the log must have been received, in order and
// once, except that a tweet may be missing that was deleted before it could be sent.
func ExpectLog(t testing.TB, got, log []string) {
	t.Helper()
	i := 0
	for _, want := range log {
		switch {
		case i < len(got) && got[i] == want:
			i++
		case want[0] == '+' && slices.Contains(log, "-"+want[1:]):
		case i < len(got):
			t.Fatalf("event %d is %s, the log has %s", i+1, got[i], want)
		default:
			t.Fatalf("%s is missing at the end", want)
		}
	}
	if i < len(got) {
		t.Fatalf("%s came beyond the log, or twice", got[i])
	}
}

// EachCluster runs the test on two nodes with the same PostgreSQL and Redis. It also runs it on a single embedded node, which
// is both a and b.
func EachCluster(t *testing.T, fn func(t *testing.T, a, b *apitest.Roost), opts ...apitest.Option) {
	t.Helper()
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		if r.Mode == apitest.Embedded {
			fn(t, r, r)
			return
		}
		fn(t, r, StartAnother(t, r))
	}, opts...)
}

// StartAnother starts another node on the stores of one.
func StartAnother(t testing.TB, r *apitest.Roost) *apitest.Roost {
	t.Helper()
	other := apitest.Start(t, r.Config)
	other.Redis = r.Redis
	return other
}

// UserOn returns a client with the user's session on another node.
func UserOn(r *apitest.Roost, u *apitest.User) *apitest.User {
	return &apitest.User{Client: r.As(u.Key), ID: u.ID, SessionID: u.SessionID, Name: u.Name, Password: u.Password}
}

// CursorEvents subscribes to the events of a home timeline, with their cursors.
const CursorEvents = `subscription($after: String) { homeTimelineEvents(after: $after) { __typename cursor
	... on TimelineEntryAdded { edge { cursor node { id text author { id } } retweet { id user { id } } } }
	... on TimelineEntryRemoved { tweetId }
	... on TimelineReset { reason } } }`

// Reader reads the events of a home timeline, on any node.
type Reader struct {
	User   *apitest.User
	Socket *apitest.Socket
	stream *apitest.Stream
	// Cursor is the cursor from which the reader continues: of the last event, or of a page.
	Cursor string
}

// ReadHome reads a page on one node, and returns a reader that continues from it.
func ReadHome(t testing.TB, r *apitest.Roost, u *apitest.User) (rd *Reader, page map[string]string) {
	t.Helper()
	res := UserOn(r, u).Must(t, `{ viewer { homeTimeline(first: 100) { eventCursor edges { cursor node { id } } } } }`, nil)
	page = map[string]string{}
	for _, e := range res.Get("viewer.homeTimeline.edges").([]any) {
		page[apitest.Get(e, "node.id").(string)] = apitest.Get(e, "cursor").(string)
	}
	return &Reader{User: u, Cursor: res.String("viewer.homeTimeline.eventCursor")}, page
}

// Connect continues at a node, from the cursor.
func (rd *Reader) Connect(t testing.TB, r *apitest.Roost) {
	t.Helper()
	rd.Socket = UserOn(r, rd.User).Dial(t)
	rd.stream = rd.Socket.Subscribe(t, CursorEvents, apitest.Vars{"after": rd.Cursor})
}

// Leave cuts the connection. Events that were on their way are lost.
func (rd *Reader) Leave() { _ = rd.Socket.Conn.Close() }

// Next reads an event: "+id", "-id" or the reason of a reset.
func (rd *Reader) Next(t testing.TB) (event string, r *apitest.Response) {
	t.Helper()
	r = rd.stream.Next(t)
	rd.Cursor = r.String("homeTimelineEvents.cursor")
	if rd.Cursor == "" {
		t.Fatalf("an event without a cursor: %s", r.Body)
	}
	return HomeEvent(t, r), r
}

// Until reads events up to the event last, and returns all of them, including last.
func (rd *Reader) Until(t testing.TB, last string) (all []string) {
	t.Helper()
	for len(all) == 0 || all[len(all)-1] != last {
		event, _ := rd.Next(t)
		all = append(all, event)
	}
	return all
}

// Logged returns the events that the log contains for readers of the authors, in the order of the log.
func Logged(t testing.TB, db *sqldb.DB, authors ...*apitest.User) (all []string) {
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
