package costs

import (
	"context"
	"fmt"
	"testing"
	"time"

	"roost/app"
	"roost/domain/timelines"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// More is asked of the database than it can do: the excess is refused at once with a time to come back, over HTTP and sockets,
// and what runs in the background goes on; subscriptions lose nothing. As soon as the database can again, all do.
func TestMoreThanTheDatabaseCanDo(t *testing.T) {
	t.Parallel()
	const permits, readers = 6, 30
	r := apitest.New(t, apitest.Server, func(c *app.Config) { c.DatabaseConn, c.DatabaseWait = permits+3, 0 })
	ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
	oldest := bob.Tweet(t, "the first of more than a node keeps a list of")
	for range timelines.MaxAuthorEntries {
		bob.Tweet(t, "and on")
	}
	timeline := fmt.Sprintf(`{ user(username: %q) { timeline(last: 1) { nodes { id } } } }`, bob.Name) // which is read from SQL each time
	ada.Follow(t, bob.ID)
	socket := ada.Dial(t)
	home := rig.WatchHome(t, ada, socket)
	first := bob.Tweet(t, "hello")
	rig.ExpectHome(t, home, "+"+first)
	for range readsUntilWarm {
		ada.Must(t, timeline, nil)
	}

	// While somebody has the table, each of its readers keeps a permit.
	db := r.DB(t)
	tx, err := db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "LOCK TABLE tweets"); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	stuck := make(chan *apitest.Response, permits)
	for range permits {
		go func() {
			res, err := ada.Do(ctx, timeline, nil)
			if err != nil {
				t.Error(err)
			}
			stuck <- res
		}()
	}
	const held = `roost_sql_permits_held{db_name="writer"}`
	apitest.Until(t, "all permits to be held", func() bool { return rig.Metrics(t, r)[held] == permits })

	began := time.Now()
	apitest.Parallel(t, readers, func(int) error {
		res := ada.Run(t, timeline, nil)
		rig.ExpectUnavailable(t, "over HTTP", timeline, res)
		if res.Status == 503 && res.Header.Get("Retry-After") == "" {
			t.Errorf("without a Retry-After: %s", res.Body)
		}
		return nil
	})
	t.Logf("%d requests were refused within %s", readers, time.Since(began).Round(time.Millisecond))
	rig.ExpectUnavailable(t, "over a socket", timeline, socket.Subscribe(t, timeline, nil).Next(t))
	if status, body := r.Ready(t); status != 200 {
		t.Errorf("a node without permits says %d %s", status, body)
	}
	got := rig.Metrics(t, r)
	if got[held] != permits || got[`roost_sql_waiting{db_name="writer"}`] != 0 {
		t.Errorf("%v permits are held and %v wait", got[held], got[`roost_sql_waiting{db_name="writer"}`])
	}
	refused := got[`roost_sql_refused_total{db_name="writer",why="waited"}`] +
		got[`roost_sql_refused_total{db_name="writer",why="queue_full"}`]
	if refused < readers {
		t.Errorf("%v refusals are counted, want at least %d", refused, readers)
	}
	rig.ClearCache(t, r)
	// The log goes on: an event written from outside gets its seq.
	if _, err := db.Writer().ExecContext(t.Context(), `INSERT INTO events (type, version, aggregate, payload, created_at)
		SELECT type, version, aggregate, payload, created_at FROM events WHERE type = 'TweetPosted' ORDER BY seq DESC LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	apitest.Until(t, "the event's seq", func() bool {
		return apitest.Int(t, db, "SELECT count(*) FROM events WHERE seq IS NULL") == 0
	})
	apitest.Until(t, "the subscription to wait for the tweet", func() bool {
		return rig.Metrics(t, r)[`roost_sql_waiting{db_name="writer"}`] > 0
	})
	rig.ExpectUnavailable(t, "who came after the subscription", timeline, ada.Run(t, timeline, nil))

	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	for range permits {
		if res := <-stuck; res == nil || len(res.Errors) > 0 || res.String("user.timeline.nodes.0.id") != oldest {
			t.Errorf("a request with a permit got %s", res.Body)
		}
	}
	if got := ada.Must(t, timeline, nil).String("user.timeline.nodes.0.id"); got != oldest {
		t.Errorf("the timeline ends with %s, want %s", got, oldest)
	}
	rig.ExpectHome(t, home, "+"+first) // the event from outside
	rig.ExpectHome(t, home, "+"+bob.Tweet(t, "and again"))
	apitest.Until(t, "all permits to be free", func() bool { return rig.Metrics(t, r)[held] == 0 })
}
