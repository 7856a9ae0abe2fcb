package live

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// expectExpired sees that a cursor is answered with one reset, after which the timeline goes on, on this
// node and on the other, and a page that is read again is right.
func expectExpired(t *testing.T, a, b *apitest.Roost, ada, bob *apitest.User, cursor string) {
	t.Helper()
	rd := &rig.Reader{User: ada, Cursor: cursor}
	rd.Connect(t, a)
	if event, r := rd.Next(t); event != "CURSOR_EXPIRED" {
		t.Fatalf("a cursor of what is gone gives %s", r.Data)
	}
	elsewhere := *rd
	elsewhere.Connect(t, b)
	defer elsewhere.Leave()
	_, page := rig.ReadHome(t, b, ada)
	for i := range 3 {
		id := rig.UserOn([]*apitest.Roost{a, b}[i%2], bob).Tweet(t, fmt.Sprint("after the reset ", i))
		for where, r := range map[string]*rig.Reader{"there": rd, "elsewhere": &elsewhere} {
			if event, _ := r.Next(t); event != "+"+id {
				t.Fatalf("after the reset, %s: %s, want +%s", where, event, id)
			}
		}
	}
	rd.Leave()
	want := map[string]bool{}
	for _, id := range ada.Home(t, 100)[3:] {
		want[id] = true
	}
	if len(page) != len(want) {
		t.Errorf("the page that was read again has %d entries, want %d", len(page), len(want))
	}
	for id := range page {
		if !want[id] {
			t.Errorf("the page that was read again shows %s", id)
		}
	}
}

// begin returns a reader of bob's tweets that has seen the first.
func begin(t *testing.T, a *apitest.Roost) (ada, bob *apitest.User, rd *rig.Reader) {
	t.Helper()
	ada, bob = a.SignUp(t, "ada"), a.SignUp(t, "bob")
	ada.Follow(t, bob.ID)
	rd, _ = rig.ReadHome(t, a, ada)
	rd.Connect(t, a)
	rd.Until(t, "+"+bob.Tweet(t, "the first one"))
	rd.Leave()
	return ada, bob, rd
}

func TestNodesRefuseWhatIsNoCursor(t *testing.T) {
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		ada, bob, rd := begin(t, a)
		tweet := bob.Tweet(t, "hello")
		_, page := rig.ReadHome(t, a, ada)
		own := ada.Must(t,
			`query($id: ID!) { node(id: $id) { ... on User { timeline { pageInfo { endCursor } } followers { pageInfo { endCursor } } } } }`,
			apitest.Vars{"id": bob.ID})
		socket := rig.UserOn(b, ada).Dial(t)
		for _, bad := range []string{
			"", "nonsense", tweet, ada.ID, ada.SessionID, page[tweet], rd.Cursor + "A", rd.Cursor[1:], rd.Cursor[:11] + "=",
			own.String("node.timeline.pageInfo.endCursor"), own.String("node.followers.pageInfo.endCursor"), cursors.Encode(cursors.Events, 0),
			"日本語語", "\x00"} {
			res := socket.Subscribe(t, rig.CursorEvents, apitest.Vars{"after": bad}).Next(t)
			if len(res.Errors) != 1 || res.Errors[0].Code() != "BAD_REQUEST" {
				t.Errorf("%q as a cursor: %s", bad, res.Body)
			}
		}
		rd.Connect(t, b)
		rd.Until(t, "+"+tweet)
	})
}

// A cursor of a log that is gone, from before a database was put back, say, is ahead of this one.
func TestNodesCursorAheadOfTheLog(t *testing.T) {
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		ada, bob, _ := begin(t, a)
		expectExpired(t, a, b, ada, bob, cursors.Encode(cursors.Events, 1_000_000))
		expectExpired(t, b, a, ada, bob, cursors.Encode(cursors.Events, 1<<63-1))
	})
}

// A client that slept for longer than events are kept.
func TestNodesCursorBeyondRetention(t *testing.T) {
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		ada, bob, rd := begin(t, a)
		bob.Delete(t, bob.Tweet(t, "slept through"))
		kept := bob.Tweet(t, "slept through, too")
		db := a.DB(t)
		apitest.Until(t, "the log to be numbered", func() bool {
			return slices.Contains(rig.Logged(t, db, bob), "+"+kept)
		})
		awake := &rig.Reader{User: ada, Cursor: rd.Cursor}
		awake.Connect(t, b)
		awake.Until(t, "+"+kept)
		// Three days on, everything may go.
		later := clock.NewFake(time.Now().Add(events.DefaultKeep + time.Hour))
		cleaner := events.NewCleaner(ent.NewClient(ent.Driver(db.Driver)), db, later, 0)
		apitest.Until(t, "all events to be handled and removed", func() bool {
			if _, err := cleaner.Clean(t.Context()); err != nil {
				t.Fatal(err)
			}
			return apitest.Int(t, db, "SELECT COUNT(*) FROM events") == 0
		})
		expectExpired(t, b, a, ada, bob, rd.Cursor)
		expectExpired(t, a, b, ada, bob, cursors.Encode(cursors.Events, 1))
		// Who had seen everything that is gone has missed nothing, connected or not.
		awake.Leave()
		awake.Connect(t, a)
		for _, event := range awake.Until(t, "+"+bob.Tweet(t, "good morning")) {
			if event[0] != '+' {
				t.Errorf("who was awake is told %s", event)
			}
		}
	})
}

// caughtUp waits until nodes have carried the log up to a tweet of the user's.
func caughtUp(t *testing.T, db *sqldb.DB, u *apitest.User, tweet string, nodes ...*apitest.Roost) {
	t.Helper()
	head := apitest.Int(t, db, "SELECT MAX(id) FROM events")
	if db.IsPostgres() {
		// Not by reading the log, which may be long, again and again.
		apitest.Until(t, "the log to be numbered", func() bool {
			return apitest.Int(t, db, "SELECT count(*) FROM events WHERE aggregate = $1 AND seq IS NOT NULL", rig.TweetID(t, tweet)) > 0
		})
		head = apitest.Int(t, db, "SELECT seq FROM log_heads")
	}
	apitest.Until(t, "the nodes to have carried it", func() bool {
		for _, node := range nodes {
			fresh, _ := rig.ReadHome(t, node, u)
			if rig.PositionAt(t, fresh.Cursor).Seq() < head {
				return false
			}
		}
		return true
	})
}

// A reader receives up to 10,000 events that it missed, or a reset when there are more.
func TestNodesCursorFarBehind(t *testing.T) {
	const most = 10_000
	rig.EachCluster(t, func(t *testing.T, a, b *apitest.Roost) {
		ada, bob, rd := begin(t, a)
		stranger := a.SignUp(t, "stranger")
		db := a.DB(t)
		strange := func(n int) {
			t.Helper()
			series := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)`
			_, err := db.Writer().ExecContext(context.Background(), series+` INSERT INTO events (type, version, aggregate, payload, created_at)
				SELECT type, version, aggregate, payload, created_at FROM n, events WHERE id = (SELECT MAX(id) FROM events WHERE type = $1)`,
				"TweetPosted", n)
			if err != nil {
				t.Fatal(err)
			}
		}
		stranger.Tweet(t, "again and again")
		strange(most - 3)
		one, two := bob.Tweet(t, "far behind"), bob.Tweet(t, "a bit less far")
		caughtUp(t, db, bob, two, a, b)
		far := &rig.Reader{User: ada, Cursor: rd.Cursor}
		far.Connect(t, b)
		if event, _ := far.Next(t); event != "+"+one {
			t.Fatalf("%d events behind: %s, want +%s", most, event, one)
		}
		if event, _ := far.Next(t); event != "+"+two {
			t.Fatalf("%d events behind: %s, want +%s", most, event, two)
		}
		last := bob.Tweet(t, "one too many")
		caughtUp(t, db, bob, last, a, b)
		expectExpired(t, b, a, ada, bob, rd.Cursor)
	})
}
