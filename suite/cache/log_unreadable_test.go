package cache

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// unreadable are events as a newer version, or a broken one, would leave them in the log.
var unreadable = []struct{ name, kind, version, payload string }{
	{"of an unknown type", "MoonRisen", "1", "{}"},
	{"of a newer version", "ProfileUpdated", "99", "{}"},
	{"damaged", "ProfileUpdated", "1", `{"UserID":`},
	{"empty", "ProfileUpdated", "1", "null"},
}

// An event that cannot be read, so that what it changed is unknown, becomes a dead letter. The relay of invalidations
// goes on, no node shows what the event's transaction replaced, retention is not held up, and the log blames the event.
func TestUnreadableEventsBecomeDeadLetters(t *testing.T) {
	t.Parallel()
	c := rig.NewCluster(t, rig.Options{})
	c.Start(t, c.Nodes)
	ada := c.Nodes[0].SignUp(t, "ada")
	s := &stage{Cluster: c}
	s.says(t, ada, "old")
	for i, e := range unreadable {
		text := fmt.Sprint("changed by an event that is ", e.name)
		insertStrange(t, c, ada, text, e.kind, e.version, e.payload)
		rig.AwaitInvalidations(t, c.Database) // it passes the event
		if n := apitest.Int(t, c.Database, "SELECT count(*) FROM retry_queue WHERE group_name = 'cache' AND dead"); n != int64(i+1) {
			t.Errorf("%s: %d dead letters, want %d", e.name, n, i+1)
		}
		s.shows(t, ada, text)
		s.says(t, ada, fmt.Sprint("old ", i))
	}
	if n := apitest.Int(t, c.Database, "SELECT count(*) FROM retry_queue WHERE NOT dead"); n != 0 {
		t.Errorf("%d events wait", n)
	}
	logs := ""
	for _, p := range c.Nodes {
		text, err := os.ReadFile(p.Home.Join("roost.log"))
		if err != nil {
			t.Fatal(err)
		}
		logs += string(text)
	}
	if strings.Contains(logs, "redis does not take") || strings.Count(logs, "an event is a dead letter") != len(unreadable) {
		t.Errorf("the nodes say\n%s", logs)
	}
}

// insertStrange changes a profile in SQL, and says so with an event that cannot be read.
func insertStrange(t *testing.T, c *rig.Cluster, u *apitest.User, text, kind, version, payload string) {
	t.Helper()
	if _, err := c.Database.Writer().ExecContext(t.Context(), `WITH changed AS (UPDATE users SET bio = $1, version = version + 1 WHERE id = $2
		RETURNING id)
		INSERT INTO events (type, version, aggregate, payload, created_at) SELECT $3, $4::bigint, id, $5, now() FROM changed`,
		text, rig.UserID(t, u.ID), kind, version, payload); err != nil {
		t.Fatal(err)
	}
}

// Catching up over an event that cannot be read returns a reset, after which all goes on; so does an open stream that
// meets one. A type that is not known concerns nothing that this version shows.
func TestStreamsOverUnreadableEvents(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada := r.SignUp(t, "ada")
		db := r.DB(t)
		tweet := rig.TweetID(t, ada.Tweet(t, "before"))
		insert := func(kind, payload string) {
			t.Helper()
			if _, err := db.Writer().ExecContext(t.Context(),
				"INSERT INTO events (type, version, aggregate, payload, created_at) SELECT $1, 1, $2, $3, created_at FROM tweets WHERE id = $2",
				kind, tweet, payload); err != nil {
				t.Fatal(err)
			}
		}
		open, _ := rig.ReadHome(t, r, ada)
		open.Connect(t, r)
		open.Until(t, "+"+ada.Tweet(t, "the stream runs"))
		early, _ := rig.ReadHome(t, r, ada)
		early.Cursor = open.Cursor
		insert("TweetPosted", `{"TweetID":`)
		insert("MoonRisen", "{}")
		last := "+" + ada.Tweet(t, "after")
		for name, rd := range map[string]*rig.Reader{"an open stream": open, "a stream that catches up": early} {
			if rd == early {
				rd.Connect(t, r)
			}
			if got := rd.Until(t, last); len(got) != 2 || got[0] != "TIMELINE_REBUILT" {
				t.Errorf("%s: %v came", name, got)
			}
			if _, page := rig.ReadHome(t, r, ada); page[last[1:]] == "" {
				t.Errorf("%s: the page does not show the last tweet", name)
			}
		}
		early.Leave()
		early.Cursor = open.Cursor
		early.Connect(t, r)
		if got := early.Until(t, "+"+ada.Tweet(t, "the end")); len(got) != 1 {
			t.Errorf("behind the reset came %v", got)
		}
	})
}
