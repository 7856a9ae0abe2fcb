package counts

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// toggle is one operation of a user on one tweet: it sets a reaction, or reads it. The result of a read is the user's reaction.
type toggle struct {
	pair string // the user and the tweet
	set  string // empty for a read
}

// reactionModel is one user's reaction to one tweet, as if operations took effect one after the other.
var reactionModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byPair := map[string][]porcupine.Operation{}
		for _, op := range history {
			pair := op.Input.(toggle).pair
			byPair[pair] = append(byPair[pair], op)
		}
		var all [][]porcupine.Operation
		for _, ops := range byPair {
			all = append(all, ops)
		}
		return all
	},
	Init: func() any { return "NONE" },
	Step: func(state, input, output any) (bool, any) {
		if set := input.(toggle).set; set != "" {
			return true, set
		}
		return output == state, state
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprint(input, " ", output) },
}

// togglers are the clients of a run, and what they did.
type togglers struct {
	*rig.Cluster
	tweets []string
	began  time.Time
	ended  atomic.Bool
	mu     sync.Mutex
	ops    []porcupine.Operation
	cut    int
}

// unanswered is when an operation without an answer may take effect: at any later time, or never.
const unanswered = int64(1) << 62

func (g *togglers) note(op porcupine.Operation, answered bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !answered {
		op.Return = unanswered
		g.cut++
		if op.Input.(toggle).set == "" {
			return // it changes nothing and says nothing
		}
	}
	g.ops = append(g.ops, op)
	if in := op.Input.(toggle); answered && in.set != "" { // the payload is read after the reaction is set, and may show a later one
		op.Input = toggle{pair: in.pair}
		g.ops = append(g.ops, op)
	}
}

// device toggles and reads as one user until the end, on both nodes.
func (g *togglers) device(t *testing.T, u *apitest.User, id int, dice *rand.Rand) {
	nodes := []*apitest.User{rig.UserOn(g.Nodes[0].Roost, u), rig.UserOn(g.Nodes[1].Roost, u)}
	for !g.ended.Load() {
		tweet := g.tweets[dice.IntN(len(g.tweets))]
		query, vars, path := summaries, apitest.Vars{"ids": []string{tweet}}, "reactionSummaries.0"
		in := toggle{pair: u.Name + " " + tweet}
		if dice.IntN(3) > 0 {
			in.set = []string{"LIKE", "DISLIKE", "NONE"}[dice.IntN(3)]
			query, vars, path = rig.SetReaction, apitest.Vars{"id": tweet, "k": in.set}, "setReaction.subject.reactions"
		}
		op := porcupine.Operation{ClientId: id, Input: in, Output: "", Call: int64(time.Since(g.began))}
		res, err := nodes[dice.IntN(2)].Try(query, vars)
		op.Return = int64(time.Since(g.began))
		if err == nil {
			now := rig.SummaryAt(res, path)
			if op.Output = now.Mine; now.Likes < 0 || now.Dislikes < 0 {
				t.Errorf("the counts are %+v", now)
			}
		}
		if refused, ok := errors.AsType[*net.OpError](err); !ok || refused.Op != "dial" { // else nobody has got the operation
			g.note(op, err == nil)
		}
		if err != nil {
			<-time.After(5 * time.Millisecond)
		}
	}
}

// expectLinearizable checks the history of each user and tweet on its own, so that a failure shows the one that is wrong.
func (g *togglers) expectLinearizable(t *testing.T) {
	t.Helper()
	for _, ops := range reactionModel.Partition(g.ops) {
		if result := porcupine.CheckOperationsTimeout(reactionModel, ops, time.Minute); result != porcupine.Ok {
			slices.SortFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
			t.Errorf("a history of %d operations is %s:", len(ops), result)
			for _, op := range ops {
				t.Logf("device %d, %12s to %12s: %v gives %q", op.ClientId, time.Duration(op.Call), time.Duration(op.Return), op.Input, op.Output)
			}
			return
		}
	}
}

// Users toggle their reactions at random, each on two devices and two nodes, while nodes with their workers are killed and Redis is
// flushed. The history of each user and tweet is linearizable; an operation without an answer may have happened or not. At rest
// all counts equal the rows.
func TestTogglesAreLinearizable(t *testing.T) {
	t.Parallel()
	g := &togglers{Cluster: rig.NewCluster(t, rig.Options{})}
	g.Start(t, g.Nodes)
	users := g.Nodes[0].SignUps(t, "toggle", testtime.Soak(12, 200))
	for i := range 4 {
		g.tweets = append(g.tweets, users[0].Tweet(t, fmt.Sprint("toggle me ", i)))
	}
	var all sync.WaitGroup
	g.began = time.Now()
	for i, u := range users {
		for d := range 2 {
			all.Go(func() { g.device(t, u, 2*i+d, rand.New(rand.NewPCG(11, uint64(2*i+d)))) })
		}
	}
	for kill := range testtime.Soak(4, 30) {
		<-time.After(testtime.Soak(time.Second, 2*time.Second))
		victim := g.Nodes[kill%2]
		victim.End(t, os.Kill)
		if kill%2 == 0 {
			g.Redis.FlushAll()
		}
		g.Start(t, []*rig.Process{victim})
	}
	g.ended.Store(true)
	all.Wait()
	answered := len(g.ops) - g.cut
	t.Logf("%d operations, %d without an answer", len(g.ops), g.cut)
	if answered < 50*len(users)/2 || g.cut == 0 {
		t.Errorf("%d operations were answered, %d were not", answered, g.cut)
	}
	g.expectLinearizable(t)
	untilDrained(t, g.Cluster)
	rig.CheckRows(t, g.Database)
	for _, p := range g.Nodes {
		res := p.Anonymous().Must(t, summaries, apitest.Vars{"ids": g.tweets})
		for i, id := range g.tweets {
			got := rig.SummaryAt(res, fmt.Sprint("reactionSummaries.", i))
			var want rig.Summary
			if err := g.Database.Writer().QueryRowContext(t.Context(), `SELECT count(*) FILTER (WHERE kind = 1), count(*) FILTER (WHERE kind = 2),
				sum(version), 'NONE' FROM reactions WHERE tweet_id = $1`, rig.TweetID(t, id)).Scan(
				&want.Likes, &want.Dislikes, &want.Revision, &want.Mine); err != nil || got != want {
				t.Errorf("at rest the counts are %+v, the rows %+v, %v", got, want, err)
			}
		}
	}
}
