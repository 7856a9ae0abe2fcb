package cluster

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/app"
	"roost/ent"
	"roost/events"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// effect is a consumer group that writes a row for each tweet.
func effect(handle func(ctx context.Context, tx *ent.Tx, e events.Entry) error) apitest.Option {
	return func(c *app.Config) {
		c.Groups = append(c.Groups, events.GroupConfig{
			Name: "test", Types: []string{"TweetPosted"}, Poll: 10 * time.Millisecond, Partitions: 2, FromStart: true,
			Attempts: 1, Handler: events.HandlerFunc(func(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
				for _, e := range batch {
					if err := handle(ctx, tx, e); err != nil {
						return err
					}
				}
				return nil
			})})
	}
}

// note leaves a row of another table, which is as good as any for an effect.
func note(ctx context.Context, tx *ent.Tx, e events.Entry) error {
	_, err := tx.Client().ExecContext(ctx, "INSERT INTO id_leases (node, owner, ceiling) VALUES ($1, 'effect', 0)", 100_000+e.Seq)
	return err
}

// A node carries what the API does to the consumer groups, and shows their state.
func TestEventsReachTheGroups(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u := r.SignUp(t, "ada")
		for range 5 {
			u.Tweet(t, "hello")
		}
		db := r.DB(t)
		apitest.Until(t, "the effects", func() bool {
			return apitest.Int(t, db, "SELECT COUNT(*) FROM id_leases WHERE owner = 'effect'") == 5
		})
		admin := "http://" + r.App.AdminAddr().String()
		head := apitest.Int(t, db, "SELECT COUNT(*) FROM events")
		apitest.Until(t, "the metrics", func() bool {
			_, page := rig.Get(t, admin+"/metrics")
			return has(page, `roost_log_lag{group="test"} 0`, `roost_log_oldest_event_seconds{group="test"} 0`,
				`roost_log_dead_letters{group="test"} 0`, `roost_log_retry_queue_events{group="test"} 0`,
				`roost_log_handled_total{group="test"} 5`, `roost_log_failures_total{group="test"} 0`,
				"roost_log_sequencer_age_seconds 0.", "roost_log_removed 0", "roost_log_head "+itoa(head))
		})
		if status, body := rig.Get(t, r.URL+"/readyz"); status != http.StatusOK || !has(body, `"sequencer":"ok"`, `"group test":"ok"`) {
			t.Errorf("readyz: %d %s", status, body)
		}
	}, effect(note))
}

func has(page string, all ...string) bool {
	for _, s := range all {
		if !strings.Contains(page, s) {
			return false
		}
	}
	return true
}

// Roles are flags: one node answers requests, another one works.
func TestRolesAreApart(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, apitest.Server, effect(note), func(c *app.Config) { c.Roles = "api" })
	u := api.SignUp(t, "ada")
	u.Tweet(t, "hello")
	db := api.DB(t)
	if n := apitest.Int(t, db, "SELECT COUNT(*) FROM group_partitions"); n != 0 {
		t.Errorf("a node without the role worker has %d parts", n)
	}
	c := api.Config
	c.Roles = "worker"
	worker := apitest.Start(t, c)
	apitest.Until(t, "the worker", func() bool {
		return apitest.Int(t, db, "SELECT COUNT(*) FROM id_leases WHERE owner = 'effect'") == 1
	})
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/": 404, "/graphql": 404, "/schema.graphqls": 404} {
		if status, body := rig.Get(t, worker.URL+path); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	apitest.Until(t, "the worker's metrics", func() bool {
		_, page := rig.Get(t, "http://"+worker.App.AdminAddr().String()+"/metrics")
		return has(page, `roost_log_lag{group="test"} 0`)
	})
	// Workers away: the API does not notice, and the backlog drains when they are back.
	worker.Stop()
	for range 20 {
		u.Tweet(t, "while you were out")
	}
	again := apitest.Start(t, c)
	apitest.Until(t, "the backlog", func() bool {
		return apitest.Int(t, db, "SELECT COUNT(*) FROM id_leases WHERE owner = 'effect'") == 21
	})
	again.Stop()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
