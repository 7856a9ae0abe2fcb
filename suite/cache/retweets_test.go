package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"roost/testkit/apitest"
	"roost/testkit/redistest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// retweeter is a user who retweets and undoes at random. Everything that the user does is one after the other.
type retweeter struct {
	*apitest.User
	*rand.Rand
	mine map[string]bool // what was acknowledged
}

// retweets are tweets that many users retweet on several nodes.
type retweets struct {
	*rig.Cluster
	crash  *rig.CrashingNodes
	tweets []string
	// revisions are the highest that anybody has seen of each tweet.
	revisions map[string]*atomic.Int64
	cut       atomic.Int64
	fail      func(error)
}

// do retweets a tweet or undoes that on a node, again and again while the answer is UNAVAILABLE.
func (r *retweets) do(u *retweeter, p *rig.Process, tweet string, on bool) error {
	query := rig.Unretweet
	if on {
		query = rig.Retweet
	}
	for tries := 0; ; tries++ {
		res, err := rig.UserOn(p.Roost, u.User).Do(context.Background(), query, apitest.Vars{"id": tweet})
		switch {
		case err != nil:
			return err
		case len(res.Errors) > 0 && res.Errors[0].Code() == "UNAVAILABLE" && tries < 50:
			continue
		case len(res.Errors) > 0 || res.String("op.userErrors.0.code") != "":
			return fmt.Errorf("a write: %s", res.Body)
		}
		u.mine[tweet] = on
		return r.shows(u, tweet, rig.RetweetedAt(res, "op.tweet"), 0, "the answer to the write")
	}
}

// shows checks what an answer says. least is the highest revision that somebody had seen before the question.
func (r *retweets) shows(u *retweeter, tweet string, got rig.Retweeted, least int64, where string) error {
	if got.Mine != u.mine[tweet] || got.Mine && got.Count < 1 || got.Count < 0 || int64(got.Revision) < least {
		return fmt.Errorf("%s is %+v for somebody who retweets it: %t; revision %d was seen before", where, got, u.mine[tweet], least)
	}
	for seen := r.revisions[tweet]; ; {
		old := seen.Load()
		if int64(got.Revision) <= old || seen.CompareAndSwap(old, int64(got.Revision)) {
			return nil
		}
	}
}

func (r *retweets) read(u *retweeter, p *rig.Process, tweet string) error {
	least := r.revisions[tweet].Load()
	for tries := 0; ; tries++ {
		res, err := rig.UserOn(p.Roost, u.User).Do(context.Background(), rig.ReadRetweeted, apitest.Vars{"id": tweet})
		if err != nil {
			return err
		}
		if len(res.Errors) > 0 && res.Errors[0].Code() == "UNAVAILABLE" && tries < 50 {
			continue
		}
		if len(res.Errors) > 0 {
			return fmt.Errorf("a read: %s", res.Body)
		}
		return r.shows(u, tweet, rig.RetweetedAt(res, "tweet"), least, "a read")
	}
}

// step changes one retweet, sometimes on a node that dies right after the commit, and then repeats the change on another node. Both
// nodes must show it then.
func (r *retweets) step(u *retweeter) error {
	tweet, on, node := r.tweets[u.IntN(len(r.tweets))], u.IntN(2) == 0, u.IntN(len(r.Nodes))
	if u.IntN(15) == 0 {
		select {
		case p := <-r.crash.Alive:
			on = !u.mine[tweet] // a write without a change does not kill the node
			if err := r.do(u, p, tweet, on); err == nil {
				return errors.New("the node was to die, and answers")
			}
			r.cut.Add(1)
			r.crash.Replace(p, r.fail)
		default: // none is ready
		}
	}
	if err := r.do(u, r.Nodes[node], tweet, on); err != nil {
		return err
	}
	for i := range r.Nodes {
		if err := r.read(u, r.Nodes[(node+1+i)%len(r.Nodes)], tweet); err != nil {
			return err
		}
	}
	return nil
}

// Many users retweet and undo at random on two nodes and on nodes that die between commit and invalidation, while Redis loses
// everything again and again. No answer contradicts an earlier answer to its user, no revision goes back, and at rest the counts, the
// lists and what users see of themselves are what the rows say, on every node.
func TestRetweetsInChaos(t *testing.T) {
	t.Parallel()
	const users, tweets = 10, 3
	redis := redistest.Start(t)
	r := &retweets{Cluster: rig.NewCluster(t, rig.Options{RedisURL: redis.URL()}), revisions: map[string]*atomic.Int64{}}
	r.Start(t, r.Nodes)
	r.crash = r.StartCrashing(t, testtime.Soak(2, 4))
	var mu sync.Mutex
	r.fail = func(err error) {
		mu.Lock()
		defer mu.Unlock()
		t.Error(err)
	}
	crowd := make([]*retweeter, users)
	for i, u := range r.Nodes[0].SignUps(t, "retweeter", users) {
		crowd[i] = &retweeter{User: u, Rand: rand.New(rand.NewPCG(13, uint64(i))), mine: map[string]bool{}}
	}
	for range tweets {
		id := crowd[0].Tweet(t, "pass me on")
		r.tweets, r.revisions[id] = append(r.tweets, id), new(atomic.Int64)
	}
	ended, flushed := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for tick := time.NewTicker(50 * time.Millisecond); ; n++ {
			select {
			case <-tick.C:
				redis.FlushAll()
			case <-ended:
				tick.Stop()
				flushed <- n
				return
			}
		}
	}()
	apitest.Parallel(t, users, func(i int) error {
		for range testtime.Soak(25, 600) {
			if err := r.step(crowd[i]); err != nil {
				return fmt.Errorf("user %d: %w", i, err)
			}
		}
		return nil
	})
	close(ended)
	t.Logf("%d writes were cut off, and Redis was flushed %d times", r.cut.Load(), <-flushed)
	if r.cut.Load() == 0 {
		t.Error("no node has died")
	}
	for _, tweet := range r.tweets {
		revision := apitest.Int(t, r.Database, "SELECT sum(version) FROM retweets WHERE tweet_id = $1", rig.TweetID(t, tweet))
		want := rig.Retweeted{Revision: int(revision)}
		for _, u := range crowd {
			if u.mine[tweet] {
				want.Count++
			}
		}
		for n, p := range r.Nodes {
			for _, u := range crowd {
				want.Mine = u.mine[tweet]
				res := rig.UserOn(p.Roost, u.User).Must(t, rig.ReadRetweeted, apitest.Vars{"id": tweet})
				if got := rig.RetweetedAt(res, "tweet"); got != want {
					t.Errorf("at rest node %d shows %s %+v, want %+v", n, u.Name, got, want)
				}
			}
			list := p.Anonymous().Must(t, `query($id: ID!) { tweet(id: $id) { retweets(first: 100) { nodes { id } } } }`,
				apitest.Vars{"id": tweet})
			if got := len(list.Strings("tweet.retweets.nodes", "id")); got != want.Count {
				t.Errorf("at rest node %d lists %d retweets, want %d", n, got, want.Count)
			}
		}
	}
	rig.CheckRows(t, r.Database)
}
