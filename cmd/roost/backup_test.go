package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"roost/testkit/apitest"
)

// A backup of a running node has what was acknowledged before, and a node runs on it.
func TestBackupCommand(t *testing.T) {
	t.Parallel()
	r := apitest.New(t, apitest.Embedded)
	u := r.SignUp(t, "ada")
	tweet := u.Tweet(t, "keep this")
	file := filepath.Join(t.TempDir(), "copy.db")
	p := start(t, nil, "backup", file, "--data-dir", r.Config.DataDir)
	if code := p.wait(t); code != 0 || !strings.Contains(p.out.String(), file+" holds a copy of ") {
		t.Fatalf("backup ends with %d: %s%s", code, p.out.String(), p.stderr.String())
	}
	u.Delete(t, tweet)
	const cursor = `{ viewer { homeTimeline { eventCursor } } }`
	before := u.Must(t, cursor, nil).String("viewer.homeTimeline.eventCursor")

	dir := t.TempDir()
	if err := os.Rename(file, filepath.Join(dir, "roost.db")); err != nil {
		t.Fatal(err)
	}
	c := r.Config
	c.DataDir = dir
	restored := apitest.Start(t, c)
	res := restored.LogIn(t, u).Must(t, `query($id: ID!) { tweet(id: $id) { text } }`, apitest.Vars{"id": tweet})
	if got := res.String("tweet.text"); got != "keep this" {
		t.Errorf("the copy has the tweet as %q", got)
	}
	// The copy's log is another one, also when it has regrown: a client's cursor of the original has expired.
	v := restored.LogIn(t, u)
	for range 5 {
		v.Tweet(t, "in the copy")
	}
	event := v.Dial(t).Subscribe(t, `subscription($after: String) { homeTimelineEvents(after: $after) { ... on TimelineReset { reason } } }`,
		apitest.Vars{"after": before}).Next(t)
	if got := event.String("homeTimelineEvents.reason"); got != "CURSOR_EXPIRED" {
		t.Errorf("a cursor of the original leads to %s", event.Body)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"backup"}, 2, "name the one file to write"},
		{[]string{"backup", "a", "b"}, 2, "name the one file to write"},
		{[]string{"backup", "a", "--database-url=postgres://u@h/d"}, 2, "backup copies the embedded database"},
		{[]string{"backup", "a"}, 1, "there is no embedded database in data"},
		{[]string{"backup", filepath.Join(dir, "roost.db"), "--data-dir", dir}, 1, "exists; name a new file"},
	} {
		p := start(t, nil, c.args...)
		if code := p.wait(t); code != c.code || !strings.Contains(p.stderr.String(), c.want) {
			t.Errorf("roost %s ends with %d: %s", strings.Join(c.args, " "), code, p.stderr.String())
		}
	}
}
