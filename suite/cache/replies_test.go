package cache

import (
	"context"
	"fmt"
	"testing"
	"time"

	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// readThread reads a home timeline, and a tweet with what is above it and its replies.
const readThread = `query($id: ID!) { viewer { homeTimeline(first: 50) { nodes { id text inReplyTo { id } } } }
	tweet(id: $id) { inReplyTo { id } ancestors { id } replies(first: 50, orderBy: OLDEST) { nodes { id inReplyTo { id } } } } }`

// orphan describes a reply that an answer shows without its parent; empty if there is none. The chain of replies is numbered in its
// texts from 0, and is shorter than a page.
func orphan(res *apitest.Response, first string) string {
	shown := map[string]bool{}
	for _, text := range res.Strings("viewer.homeTimeline.nodes", "text") {
		shown[text] = true
	}
	for i, text := range res.Strings("viewer.homeTimeline.nodes", "text") {
		var n int
		if _, err := fmt.Sscanf(text, "reply %d", &n); err == nil && n > 0 && !shown[fmt.Sprintf("reply %d", n-1)] {
			return fmt.Sprintf("%q is in the home timeline, and %q is not", text, fmt.Sprintf("reply %d", n-1))
		}
		if n > 0 && res.Get(fmt.Sprintf("viewer.homeTimeline.nodes.%d.inReplyTo", i)) == nil {
			return fmt.Sprintf("%q has no parent", text)
		}
	}
	for _, parent := range res.Strings("tweet.replies.nodes", "inReplyTo.id") {
		if parent != first {
			return "a reply to the first tweet has the parent " + parent
		}
	}
	return ""
}

// Whoever reads a chain of replies that is written over three nodes, on any of them and without pause, sees no reply without its parent.
// Meanwhile a node that posts a parent is held between its commit and the invalidation of the copies, and Redis is flushed.
func TestNoReplyIsSeenWithoutItsParent(t *testing.T) {
	t.Parallel()
	length := testtime.Soak(24, 100)
	c := rig.NewCluster(t, rig.Options{})
	c.Nodes = append(c.Nodes, c.Prepare(t))
	held := c.Prepare(t)
	c.Start(t, c.Nodes)
	c.Start(t, []*rig.Process{held}, "ROOST_FAULT=events.after-commit:hold:700ms:1")
	all := c.Nodes[0].SignUps(t, "talking", 4)
	viewer, talking := all[3], all[:3]
	for _, u := range all {
		for _, other := range talking {
			if u != other {
				u.Follow(t, other.ID)
			}
		}
	}
	parent := talking[0].Tweet(t, "reply 0")
	first := parent

	ctx, stop := context.WithCancel(t.Context())
	reads, failed := make(chan int, len(c.Nodes)), make(chan string, len(c.Nodes))
	for _, node := range c.Nodes {
		u := rig.UserOn(node.Roost, viewer)
		go func() {
			n := 0
			for ; ctx.Err() == nil; n++ {
				res, err := u.Do(ctx, readThread, apitest.Vars{"id": first})
				if err != nil || len(res.Errors) > 0 {
					continue // a read may be refused while Redis is flushed
				}
				if seen := orphan(res, first); seen != "" {
					failed <- seen
					break
				}
			}
			reads <- n
		}()
	}
	for n := 1; n < length; n++ {
		if n == length/2 {
			parent = postHeld(t, c, held, talking[n%3], parent, n)
			continue
		}
		if n%8 == 5 {
			c.Redis.FlushAll()
		}
		parent = rig.UserOn(c.Nodes[n%3].Roost, talking[n%3]).Reply(t, parent, fmt.Sprintf("reply %d", n))
	}
	want := fmt.Sprintf("reply %d", length-1)
	for i, node := range c.Nodes {
		res := rig.UserOn(node.Roost, viewer).Must(t, readThread, apitest.Vars{"id": parent})
		if got := res.Strings("viewer.homeTimeline.nodes", "text"); len(got) == 0 || got[0] != want {
			t.Errorf("node %d shows %q first, want %q", i, got, want)
		}
		if above := res.Strings("tweet.ancestors", "id"); len(above) != min(length-1, 50) || above[len(above)-1] == parent {
			t.Errorf("node %d shows %d tweets above the last reply", i, len(above))
		}
	}
	stop()
	for range c.Nodes {
		if n := <-reads; n < 10 {
			t.Errorf("one reader has read only %d times", n)
		}
	}
	close(failed)
	for seen := range failed {
		t.Error(seen)
	}
	rig.CheckRows(t, c.Database)
}

// postHeld posts a reply on a node that is held after the commit, and returns its id while it does.
func postHeld(t *testing.T, c *rig.Cluster, held *rig.Process, user *apitest.User, parent string, n int) (id string) {
	t.Helper()
	text := fmt.Sprintf("reply %d", n)
	answered := make(chan error, 1)
	go func() {
		_, err := rig.UserOn(held.Roost, user).Do(context.WithoutCancel(t.Context()),
			`mutation($t: String!, $to: ID!) { createTweet(input: {text: $t, inReplyToId: $to}) { tweet { id } } }`,
			apitest.Vars{"t": text, "to": parent})
		answered <- err
	}()
	t.Cleanup(func() {
		select {
		case err := <-answered:
			if err != nil {
				t.Errorf("the held reply: %v", err)
			}
		case <-time.After(testtime.Patience):
			t.Error("the held reply was not answered")
		}
	})
	rig.AwaitLogLine(t, held, "held at events.after-commit")
	found := apitest.Ints(t, c.Database, "SELECT id FROM tweets WHERE text = $1", text)
	if len(found) != 1 {
		t.Fatalf("%d tweets have the text %q", len(found), text)
	}
	return ids.TweetID(found[0]).String()
}
