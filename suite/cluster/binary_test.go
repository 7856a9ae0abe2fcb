package cluster

import (
	"syscall"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// inBothModes runs a test of processes on both kinds of stores, in parallel.
func inBothModes(t *testing.T, fn func(t *testing.T, p *rig.Process)) {
	t.Helper()
	t.Parallel()
	for _, m := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			fn(t, rig.NewProcess(t, m))
		})
	}
}

// SIGTERM drains: sockets are asked to come back, and the process ends well.
func TestTermDrainsTheProcess(t *testing.T) {
	inBothModes(t, func(t *testing.T, p *rig.Process) {
		p.Start(t, rig.Plain.Build(t))
		u := p.SignUp(t, "ada")
		tweet := u.Tweet(t, "hello")
		sockets := make([]*apitest.Socket, 30)
		for i := range sockets {
			sockets[i] = u.Dial(t)
			rig.WatchCounts(t, sockets[i], tweet)
		}
		p.End(t, syscall.SIGTERM)
		for _, s := range sockets {
			if code := s.Closed(t); code != 1012 {
				t.Errorf("a socket was closed with %d", code)
			}
		}
		if err := p.Proc.Err(); err != nil {
			t.Errorf("the process ended with %v:\n%s", err, p.Proc.LogTail())
		}
		p.Start(t, rig.Plain.Build(t))
		if got := u.Must(t, `query($id: ID!) { tweet(id: $id) { text } }`, apitest.Vars{"id": tweet}).String("tweet.text"); got != "hello" {
			t.Errorf("after a restart the tweet is %q", got)
		}
	})
}
