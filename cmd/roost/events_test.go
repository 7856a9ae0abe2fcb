package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"roost/app"
	"roost/ent"
	"roost/events"
	"roost/testkit/apitest"
)

// roost runs `roost events` and returns what it prints.
func roost(args ...string) (string, error) {
	var out bytes.Buffer
	err := run(context.Background(), append([]string{"events"}, args...), &out)
	return out.String(), err
}

// An operator looks, retries and replays: on the database in server mode, through the admin address of the
// running node in embedded mode.
func TestEventsCommand(t *testing.T) {
	t.Parallel()
	for _, mode := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			var bad atomic.Bool
			var handled atomic.Int64
			bad.Store(true)
			r := apitest.New(t, mode, func(c *app.Config) {
				c.Groups = []events.GroupConfig{{Name: "test", Types: []string{"TweetPosted"}, FromStart: true, Attempts: 1,
					Poll: 10 * time.Millisecond,
					Handler: events.HandlerFunc(func(_ context.Context, _ *ent.Tx, batch []events.Entry) error {
						if bad.Load() {
							return fmt.Errorf("the index\nis full")
						}
						handled.Add(int64(len(batch)))
						return nil
					})}}
			})
			where := []string{"--database-url", r.Config.DatabaseURL}
			if mode == apitest.Embedded {
				where = []string{"--data-dir", r.Config.DataDir, "--admin-addr", r.App.AdminAddr().String()}
			}
			must := func(want string, args ...string) {
				t.Helper()
				out, err := roost(append(args, where...)...)
				if err != nil || !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
					t.Errorf("roost events %s: %v\n%swant %q", strings.Join(args, " "), err, out, want)
				}
			}
			refuse := func(want string, args ...string) {
				t.Helper()
				_, err := roost(append(args, where...)...)
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("roost events %s: %v, want %q", strings.Join(args, " "), err, want)
				}
			}
			u := r.SignUp(t, "ada")
			for range 3 {
				u.Tweet(t, "hello")
			}
			db := r.DB(t)
			apitest.Until(t, "dead letters", func() bool {
				return apitest.Int(t, db, "SELECT COUNT(*) FROM retry_queue WHERE dead") == 3
			})
			at := "id"
			if mode == apitest.Server {
				at = "seq"
			}
			tweets := apitest.Ints(t, db, "SELECT "+at+" FROM events WHERE type = 'TweetPosted' ORDER BY 1")
			last := apitest.Int(t, db, "SELECT MAX("+at+") FROM events")

			apitest.Until(t, "the group is at the end", func() bool {
				out, err := roost(append([]string{"groups"}, where...)...)
				return err == nil && strings.Contains(strings.Join(strings.Fields(out), " "), fmt.Sprintf("test 1 %d 0 - 0 3", last))
			})
			must(fmt.Sprintf("test %d TweetPosted", tweets[1]), "dead")
			must("the index is full", "dead", "--group", "test")
			must("there may be more", "dead", "--limit", "2")
			bad.Store(false)
			must("1 dead letters of test will be tried again", "retry", "test", fmt.Sprint(tweets[0]))
			apitest.Until(t, "the retry", func() bool { return handled.Load() == 1 })
			must("2 dead letters", "retry", "test", "all")
			apitest.Until(t, "the retries", func() bool { return handled.Load() == 3 })
			must("there are no dead letters", "dead")
			must("test has caught up; 0 to retry, 0 dead", "replay", "test", "--from", fmt.Sprint(tweets[1]))
			if n := handled.Load(); n != 5 {
				t.Errorf("%d events were handled after a replay of two, want 5", n)
			}
			must("test handles the events from 1 on again", "replay", "test", "--from", "start", "--wait=false")
			apitest.Until(t, "the replay", func() bool { return handled.Load() == 8 })

			refuse(`there is no group "other"`, "retry", "other")
			refuse(`there is no group "other"`, "replay", "other", "--from", "start")
			refuse(`there is no group "other"`, "dead", "--group", "other")
			refuse(fmt.Sprintf("it has the events 1 to %d", last), "replay", "test", "--from", fmt.Sprint(last+2))
			refuse("has no dead letter at 1", "retry", "test", "1")
		})
	}
}

// Without a running node the embedded database is opened itself.
func TestEventsCommandAlone(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Embedded, func(c *app.Config) {
		nothing := events.HandlerFunc(func(context.Context, *ent.Tx, []events.Entry) error { return nil })
		c.Groups = []events.GroupConfig{{Name: "test", FromStart: true, Handler: nothing}}
	})
	dir := r.Config.DataDir
	if _, err := roost("groups", "--data-dir", dir); err == nil || !strings.Contains(err.Error(), "start it with --admin-addr") {
		t.Errorf("in use: %v", err)
	}
	_, err := roost("groups", "--data-dir", dir, "--admin-addr", strings.TrimPrefix(r.URL, "http://"))
	if err == nil || !strings.Contains(err.Error(), "is no admin address") {
		t.Errorf("the public address: %v", err)
	}
	_, err = roost("groups", "--data-dir", dir, "--admin-addr", "127.0.0.1:1")
	if err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("nobody: %v", err)
	}
	r.SignUp(t, "ada")
	r.Stop()
	out, err := roost("groups", "--data-dir", dir)
	if err != nil || !strings.Contains(out, "test") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = roost("replay", "test", "--from", "start", "--data-dir", dir)
	if err != nil || !strings.Contains(out, "when roost runs") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = roost("groups", "--data-dir", filepath.Join(dir, "none"))
	if err == nil || !strings.Contains(err.Error(), "there is no embedded database in") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestEventsCommandLine(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "nothing", "groups x", "retry", "retry g x", "retry g -1", "replay g", "replay g --from x",
		"replay g --from 0",
		"replay --from start", "dead --limit 0", "groups --nonsense"} {
		if _, err := roost(strings.Fields(line)...); !errors.Is(err, errUsage) {
			t.Errorf("roost events %s: %v", line, err)
		}
	}
}

// A new epoch by hand resets the streams of a running node.
func TestNewEpochCommand(t *testing.T) {
	t.Parallel()
	for _, mode := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			r := apitest.New(t, mode)
			where := []string{"--database-url", r.Config.DatabaseURL}
			if mode == apitest.Embedded {
				where = []string{"--data-dir", r.Config.DataDir, "--admin-addr", r.App.AdminAddr().String()}
			}
			u := r.SignUp(t, "ada")
			page := u.Must(t, `{ viewer { homeTimeline { eventCursor } } }`, nil)
			st := u.Dial(t).Subscribe(t, `subscription($after: String) { homeTimelineEvents(after: $after) {
				__typename ... on TimelineReset { reason } } }`,
				apitest.Vars{"after": page.String("viewer.homeTimeline.eventCursor")})
			u.Tweet(t, "it runs")
			if event := st.Next(t); event.String("homeTimelineEvents.__typename") != "TimelineEntryAdded" {
				t.Errorf("before it comes %s", event.Body)
			}
			out, err := roost(append([]string{"new-epoch"}, where...)...)
			if err != nil || !strings.Contains(out, "the log is in epoch ") {
				t.Errorf("%v\n%s", err, out)
			}
			if event := st.Next(t); event.String("homeTimelineEvents.reason") != "CURSOR_EXPIRED" {
				t.Errorf("after it comes %s", event.Body)
			}
			u.Tweet(t, "and goes on")
			if event := st.Next(t); event.String("homeTimelineEvents.__typename") != "TimelineEntryAdded" {
				t.Errorf("afterwards comes %s", event.Body)
			}
		})
	}
}
