package cluster

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// standing is what a user has done: their name, live tweets, reactions but NONE, retweets, and whom they follow.
type standing struct {
	name      string
	tweets    map[string]bool
	reactions map[string]string
	retweets  map[string]bool
	follows   map[string]bool
}

func (s standing) clone() standing {
	return standing{s.name, maps.Clone(s.tweets), maps.Clone(s.reactions), maps.Clone(s.retweets), maps.Clone(s.follows)}
}

func (s standing) equal(o standing) bool {
	return s.name == o.name && maps.Equal(s.tweets, o.tweets) && maps.Equal(s.reactions, o.reactions) &&
		maps.Equal(s.retweets, o.retweets) && maps.Equal(s.follows, o.follows)
}

// survivor is a user with what was acknowledged to them, and what was under way when the node died.
type survivor struct {
	*apitest.User
	standing
	// pending changes the standing, or was never carried out; nil for nothing.
	pending func(s *standing, res *apitest.Response)
}

// op is a random operation of a user's: a query with one field named op, and what it changes.
func (s *survivor) op(rnd *rand.Rand, all []*survivor,
	common []string) (query string, vars apitest.Vars, change func(*standing, *apitest.Response)) {
	live := slices.Sorted(maps.Keys(s.tweets))
	other, subject := all[rnd.IntN(len(all))].ID, common[rnd.IntN(len(common))]
	switch n := rnd.IntN(13); {
	case n < 3 || n == 3 && len(live) == 0 || (n == 7 || n == 8) && other == s.ID:
		return `mutation { op: createTweet(input: {text: "will it last?"}) { tweet { id } userErrors { code } } }`, nil,
			func(s *standing, res *apitest.Response) { s.tweets[res.String("op.tweet.id")] = true }
	case n == 3:
		id := live[rnd.IntN(len(live))]
		return `mutation($id: ID!) { op: deleteTweet(input: {tweetId: $id}) { userErrors { code } } }`, apitest.Vars{"id": id},
			func(s *standing, _ *apitest.Response) { delete(s.tweets, id) }
	case n < 7:
		kind := []string{"LIKE", "DISLIKE", "NONE"}[rnd.IntN(3)]
		return `mutation($id: ID!, $k: ReactionKind!) { op: setReaction(input: {subjectId: $id, reaction: $k}) { userErrors { code } } }`,
			apitest.Vars{"id": subject, "k": kind}, func(s *standing, _ *apitest.Response) {
				s.reactions[subject] = kind
				if kind == "NONE" {
					delete(s.reactions, subject)
				}
			}
	case n == 7:
		return `mutation($id: ID!) { op: followUser(input: {userId: $id}) { userErrors { code } } }`, apitest.Vars{"id": other},
			func(s *standing, _ *apitest.Response) { s.follows[other] = true }
	case n == 8:
		return `mutation($id: ID!) { op: unfollowUser(input: {userId: $id}) { userErrors { code } } }`, apitest.Vars{"id": other},
			func(s *standing, _ *apitest.Response) { delete(s.follows, other) }
	case n < 11:
		return `mutation($id: ID!) { op: retweet(input: {tweetId: $id}) { userErrors { code } } }`, apitest.Vars{"id": subject},
			func(s *standing, _ *apitest.Response) { s.retweets[subject] = true }
	case n == 11:
		return `mutation($id: ID!) { op: unretweet(input: {tweetId: $id}) { userErrors { code } } }`, apitest.Vars{"id": subject},
			func(s *standing, _ *apitest.Response) { delete(s.retweets, subject) }
	default:
		name := fmt.Sprint("name ", rnd.IntN(1000))
		return `mutation($n: String!) { op: updateProfile(input: {name: $n}) { userErrors { code } } }`, apitest.Vars{"n": name},
			func(s *standing, _ *apitest.Response) { s.name = name }
	}
}

// check compares the API with what was acknowledged. What was under way may have happened or not, as a
// whole.
func (s *survivor) check(t testing.TB, all []*survivor, common []string) {
	t.Helper()
	got := s.read(t, all, common)
	possible := []standing{s.standing}
	if s.pending != nil {
		// A tweet that was under way has an id that only the node has seen.
		added := ""
		for id := range got.tweets {
			if !s.tweets[id] {
				added = id
			}
		}
		with := s.clone()
		s.pending(&with, apitest.Answer(map[string]any{"op": map[string]any{"tweet": map[string]any{"id": added}}}))
		possible = append(possible, with)
	}
	s.pending = nil
	for _, p := range possible {
		if got.equal(p) {
			s.standing = got
			return
		}
	}
	t.Errorf("%s: the API says %+v, possible is only %+v", s.Name, got, possible)
	s.standing = got
}

// read asks the API for the user's standing.
func (s *survivor) read(t testing.TB, all []*survivor, common []string) standing {
	t.Helper()
	got := standing{tweets: map[string]bool{}, reactions: map[string]string{}, retweets: map[string]bool{}, follows: map[string]bool{}}
	for after := any(nil); ; {
		res := s.Must(t, `query($after: String) { viewer { user { name timeline(first: 100, after: $after, include: [TWEETS]) { nodes { id }
			pageInfo { hasNextPage endCursor } } } } }`,
			apitest.Vars{"after": after})
		got.name = res.String("viewer.user.name")
		for _, id := range res.Strings("viewer.user.timeline.nodes", "id") {
			got.tweets[id] = true
		}
		if after = res.String("viewer.user.timeline.pageInfo.endCursor"); res.Get("viewer.user.timeline.pageInfo.hasNextPage") != true {
			break
		}
	}
	mine := s.Must(t, `query($ids: [ID!]!) { reactionSummaries(subjectIds: $ids) { viewerReaction } }`, apitest.Vars{"ids": common})
	for i, kind := range mine.Strings("reactionSummaries", "viewerReaction") {
		if kind != "NONE" {
			got.reactions[common[i]] = kind
		}
	}
	passedOn := s.Must(t, `query($ids: [ID!]!) { nodes(ids: $ids) { ... on Tweet { viewerHasRetweeted } } }`, apitest.Vars{"ids": common})
	for i, id := range common {
		if passedOn.Get(fmt.Sprintf("nodes.%d.viewerHasRetweeted", i)) == true {
			got.retweets[id] = true
		}
	}
	ids := make([]string, len(all))
	for i, u := range all {
		ids[i] = u.ID
	}
	res := s.Must(t, `query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { viewerIsFollowing } } }`, apitest.Vars{"ids": ids})
	for i, id := range ids {
		if res.Get(fmt.Sprintf("nodes.%d.viewerIsFollowing", i)) == true {
			got.follows[id] = true
		}
	}
	return got
}

// A node that is killed at any moment has kept everything that it acknowledged, and everything else
// wholly or not at all; rows, events and counts agree.
func TestKilledAtAnyMoment(t *testing.T) {
	const users, most = 8, 250
	kills := 10
	if testtime.Soaking() {
		kills = 100
	}
	inBothModes(t, func(t *testing.T, p *rig.Process) {
		bin := rig.Plain.Build(t)
		p.Start(t, bin)
		all := make([]*survivor, users)
		for i, u := range p.SignUps(t, "survivor", users) {
			all[i] = &survivor{User: u, standing: standing{
				name: u.Name, tweets: map[string]bool{}, reactions: map[string]string{}, retweets: map[string]bool{}, follows: map[string]bool{}}}
		}
		common := make([]string, 5)
		for i := range common {
			common[i] = p.SignUp(t, "author").Tweet(t, "common")
		}
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 0))
		total := 0
		for round := range kills {
			limit := int64(rnd.IntN(most))
			var acked atomic.Int64
			kill := sync.OnceFunc(func() { _ = p.Proc.Signal(syscall.SIGKILL) })
			apitest.Parallel(t, users, func(i int) error {
				u, rnd := all[i], rand.New(rand.NewPCG(seed, uint64(round*users+i+1)))
				for {
					query, vars, change := u.op(rnd, all, common)
					res, err := u.Try(query, vars)
					if err != nil && res != nil {
						return err // an answer, and not a good one
					}
					if err != nil {
						u.pending = change
						return nil
					}
					change(&u.standing, res)
					if acked.Add(1) > limit {
						kill()
					}
				}
			})
			<-p.Proc.Exited()
			total += int(acked.Load())
			p.Look(t, func(db *sqldb.DB) { rig.CheckRows(t, db) })
			p.Start(t, bin)
			p.Look(t, func(db *sqldb.DB) { rig.AwaitInvalidations(t, db) }) // what a killed process has not invalidated
			for _, u := range all {
				u.check(t, all, common)
			}
			if t.Failed() {
				t.Fatalf("seed %d, kill %d", seed, round+1)
			}
		}
		t.Logf("%d kills, %d acknowledged operations", kills, total)
		p.End(t, syscall.SIGTERM)
	})
}
