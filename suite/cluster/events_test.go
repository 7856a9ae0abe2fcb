package cluster

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// events runs `roost events` on the cluster's database; runs of white space are one space in its output.
func (c *cluster) events(t *testing.T, args ...string) (out, errs string, ok bool) {
	t.Helper()
	cmd := exec.Command(c.bin, append([]string{"events"}, append(args, "--database-url", c.config.DatabaseURL)...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	squeeze := func(b bytes.Buffer) string { return strings.Join(strings.Fields(b.String()), " ") }
	return squeeze(stdout), squeeze(stderr), err == nil
}

// expectEvents runs `roost events` and wants this in its output.
func (c *cluster) expectEvents(t *testing.T, want string, args ...string) {
	t.Helper()
	if out, errs, ok := c.events(t, args...); !ok || !strings.Contains(out, want) {
		t.Errorf("roost events %s says %q, %q; want %q", strings.Join(args, " "), out, errs, want)
	}
}

func (c *cluster) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := c.db.Writer().ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// An operator looks at a running cluster with the program: lists groups and dead letters, retries one and all,
// and replays with the progress in view.
func TestClusterOperator(t *testing.T) {
	t.Parallel()
	const tweets, bad = 400, 3
	c := newCluster(t)
	c.stopWorkers(t)
	u := c.api[0].SignUp(t, "ada")
	var poison []string
	for i := range tweets {
		id := rig.TweetID(t, rig.UserOn(c.api[i%2].Roost, u).Tweet(t, fmt.Sprint("number ", i)))
		if i < bad {
			poison = append(poison, fmt.Sprint(id))
		}
	}
	c.exec(t, "ALTER TABLE tally ADD CONSTRAINT unreadable CHECK (tweet_id NOT IN ("+strings.Join(poison, ", ")+"))")
	expectMetrics(t, c.api, fmt.Sprintf(`roost_log_lag{group="tally"} %d`, apitest.Int(t, c.db, "SELECT count(*) FROM events")))
	c.start(t, c.workers...)

	expectMetrics(t, c.all(), fmt.Sprintf(`roost_log_dead_letters{group="tally"} %d`, bad), `roost_log_retry_queue_events{group="tally"} 0`,
		`roost_log_lag{group="tally"} 0`)
	head := apitest.Int(t, c.db, "SELECT seq FROM log_heads")
	c.expectEvents(t, fmt.Sprintf("tally 4 %d 0 - 0 %d", head, bad), "groups")
	dead := apitest.Ints(t, c.db, "SELECT seq FROM retry_queue ORDER BY seq")
	c.expectEvents(t, fmt.Sprintf("tally %d TweetPosted %s 3 ", dead[1], poison[1]), "dead", "--group", "tally")
	c.expectEvents(t, `violates check constraint "unreadable"`, "dead")
	if n := apitest.Int(t, c.db, "SELECT count(*) FROM tally"); n != 2*(tweets-bad) {
		t.Errorf("%d dead letters, but %d halves of %d tweets", bad, n, tweets)
	}

	// In vain, one of them; mended, one and the rest.
	c.expectEvents(t, "1 dead letters of tally will be tried again", "retry", "tally", fmt.Sprint(dead[0]))
	expectMetrics(t, c.workers, fmt.Sprintf(`roost_log_dead_letters{group="tally"} %d`, bad), `roost_log_retry_queue_events{group="tally"} 0`)
	c.exec(t, "ALTER TABLE tally DROP CONSTRAINT unreadable")
	c.expectEvents(t, "1 dead letters of tally will be tried again", "retry", "tally", fmt.Sprint(dead[1]))
	expectMetrics(t, c.workers, fmt.Sprintf(`roost_log_dead_letters{group="tally"} %d`, bad-1),
		`roost_log_retry_queue_events{group="tally"} 0`)
	c.expectEvents(t, "2 dead letters of tally will be tried again", "retry", "tally", "all")
	expectMetrics(t, c.workers, `roost_log_dead_letters{group="tally"} 0`, `roost_log_retry_queue_events{group="tally"} 0`)
	c.expectEvents(t, "there are no dead letters", "dead")
	c.checkTally(t, 1)

	out, errs, ok := c.events(t, "replay", "tally", "--from", "start")
	if !ok || !strings.HasSuffix(out, "tally has caught up; 0 to retry, 0 dead") || !strings.Contains(errs, " left") {
		t.Errorf("the replay says %q, %q", out, errs)
	}
	c.checkTally(t, 2)
	if _, errs, ok := c.events(t, "replay", "nobody", "--from", "start"); ok || !strings.Contains(errs, `there is no group "nobody"`) {
		t.Errorf("a replay of an unknown group says %q", errs)
	}
}

// What is older than events are kept and handled by all is removed by a worker, and can be replayed no more.
func TestClusterRetention(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	u := c.api[0].SignUp(t, "ada")
	for range 20 {
		u.Tweet(t, "old news")
	}
	old := apitest.Int(t, c.db, "SELECT count(*) FROM events")
	expectMetrics(t, c.all(), `roost_log_lag{group="tally"} 0`, fmt.Sprintf("roost_log_head %d", old))
	c.stopWorkers(t)
	c.exec(t, "UPDATE events SET created_at = created_at - interval '73 hours'")
	for range 5 {
		u.Tweet(t, "news")
	}
	c.start(t, c.workers...)
	expectMetrics(t, c.all(), fmt.Sprintf("roost_log_removed %d", old), fmt.Sprintf("roost_log_head %d", old+5),
		`roost_log_lag{group="tally"} 0`)
	if n := apitest.Int(t, c.db, "SELECT count(*) FROM events"); n != 5 {
		t.Errorf("%d events are left, want 5", n)
	}
	if _, errs, ok := c.events(t, "replay", "tally", "--from", fmt.Sprint(old)); ok ||
		!strings.Contains(errs, fmt.Sprintf("it has the events %d to %d", old+1, old+5)) {
		t.Errorf("a replay of what is gone says %q", errs)
	}
	c.expectEvents(t, fmt.Sprintf("tally handles the events from %d on again tally has caught up", old+1), "replay", "tally", "--from",
		"start")
	if n := apitest.Int(t, c.db, "SELECT count(*) FROM tally"); n != 2*(20+5+5) {
		t.Errorf("%d halves, want those of 20 tweets and of 5 twice", n)
	}
}
