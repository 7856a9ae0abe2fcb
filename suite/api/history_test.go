package api

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/testtime"
)

const (
	historyClients = 12
	historyMembers = 48
	// checkpoints are how often the history pauses to be compared.
	checkpoints = 4
)

// historyLength is the number of operations of a history.
func historyLength() int { return testtime.Soak(1_200, 10_000) }

// history runs random operations over the API and notes in the model what each has led to.
type history struct {
	*apitest.Roost
	mu sync.Mutex
	model
	left atomic.Int64
	// refused counts answers that asked to repeat an operation.
	refused atomic.Int64
}

// A thousand operations by concurrent clients, in a soak ten thousand each time, leave the API and the rows as a model of plain maps says.
func TestRandomHistory(t *testing.T) {
	seeds := []uint64{1}
	if testtime.Soaking() {
		for range 9 {
			seeds = append(seeds, rand.Uint64())
		}
	}
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		for i, seed := range seeds {
			if i > 0 {
				r = apitest.New(t, r.Mode)
			}
			h := &history{Roost: r}
			clients := make([]*historian, historyClients)
			for c := range clients {
				clients[c] = &historian{history: h, rnd: rand.New(rand.NewPCG(seed, uint64(c)))}
			}
			for part := range checkpoints {
				h.left.Store(int64(historyLength() / checkpoints))
				apitest.Parallel(t, len(clients), func(c int) error { return clients[c].work() })
				h.compare(t, rand.New(rand.NewPCG(seed, uint64(1000+part))), 2<<part)
				if t.Failed() {
					t.Fatalf("seed %d, checkpoint %d", seed, part+1)
				}
			}
			t.Logf("seed %d: %d users, %d tweets deleted, %d operations repeated", seed, len(h.users), len(h.gone), h.refused.Load())
		}
	})
}

// historian is a client with members of its own.
type historian struct {
	*history
	rnd  *rand.Rand
	mine []*member
}

func (c *historian) work() error {
	for c.left.Add(-1) >= 0 {
		if err := c.step(); err != nil {
			return err
		}
	}
	return nil
}

// act runs an operation whose field is named op, as the member; refused is the first code of userErrors. An operation
// that is UNAVAILABLE did nothing, so it is repeated: on a busy machine a node may need a second to apply the log.
func (h *history) act(m *member, query string, vars apitest.Vars) (res *apitest.Response, refused string, err error) {
	c := h.Anonymous()
	if m != nil {
		c = h.As(m.live()[0].key)
	}
	for range 10 {
		res, err = c.Do(context.Background(), query, vars)
		if err != nil || len(res.Errors) == 0 || res.Errors[0].Code() != "UNAVAILABLE" {
			break
		}
		h.refused.Add(1)
	}
	if err == nil && len(res.Errors) > 0 {
		err = fmt.Errorf("run %s: %s", query, res.Body)
	}
	if err != nil {
		return nil, "", err
	}
	return res, res.String("op.userErrors.0.code"), nil
}

// step does one random thing.
func (c *historian) step() error {
	if len(c.mine) < historyMembers/historyClients && (len(c.mine) == 0 || c.rnd.IntN(50) == 0) {
		return c.signUp()
	}
	m := c.mine[c.rnd.IntN(len(c.mine))]
	if len(m.live()) == 0 || len(m.live()) < 6 && c.rnd.IntN(25) == 0 {
		return c.logIn(m)
	}
	switch n := c.rnd.IntN(100); {
	case n < 20:
		return c.follow(m, "followUser")
	case n < 30:
		return c.follow(m, "unfollowUser")
	case n < 55:
		return c.tweet(m)
	case n < 62:
		return c.remove(m)
	case n < 80:
		return c.react(m)
	case n < 88:
		return c.retweet(m)
	case n < 91:
		return c.rename(m)
	case n < 94:
		return c.end(m)
	case n < 95:
		return c.endOthers(m)
	case n < 96:
		return c.logOut(m)
	default:
		return c.readOwn(m)
	}
}

func (c *historian) signUp() error {
	name := apitest.Unique("hist")
	res, refused, err := c.act(nil, `mutation($n: String!, $m: String!) { op: signUp(input: {username: $n, email: $m,
		password: "correct horse", tokenDelivery: TOKEN}) {
		token viewer { user { id } } session { id } userErrors { code } } }`, apitest.Vars{"n": name, "m": name + "@example.com"})
	if err != nil || refused != "" {
		return fmt.Errorf("sign up: %s %w", refused, err)
	}
	m := &member{id: res.String("op.viewer.user.id"), login: name, name: name, reactions: map[*post]string{}, retweets: map[*post]int64{},
		sessions: []*signin{{id: res.String("op.session.id"), key: res.String("op.token")}}}
	c.mine = append(c.mine, m)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users = append(c.users, m)
	return nil
}

func (c *historian) logIn(m *member) error {
	res, refused, err := c.act(nil, `mutation($n: String!) { op: logIn(input: {login: $n, password: "correct horse", tokenDelivery: TOKEN}) {
		token session { id } userErrors { code } } }`, apitest.Vars{"n": m.login})
	if err != nil || refused != "" {
		return fmt.Errorf("log in: %s %w", refused, err)
	}
	m.sessions = append(m.sessions, &signin{id: res.String("op.session.id"), key: res.String("op.token")})
	return nil
}

// somebody is a random member.
func (c *historian) somebody() *member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.users[c.rnd.IntN(len(c.users))]
}

func (c *historian) follow(m *member, field string) error {
	other := c.somebody()
	res, refused, err := c.act(m, `mutation($id: ID!) { op: `+field+`(input: {userId: $id}) {
		user { viewerIsFollowing } userErrors { code } } }`, apitest.Vars{"id": other.id})
	if err != nil || (refused == "SELF") != (other == m) {
		return fmt.Errorf("%s: %s %w", field, refused, err)
	}
	if other == m {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	following := field == "followUser"
	switch at := slices.Index(m.following, other); {
	case following && at < 0:
		m.following = append(m.following, other)
	case !following && at >= 0:
		m.following = slices.Delete(m.following, at, at+1)
	}
	if res.Get("op.user.viewerIsFollowing") != following {
		return fmt.Errorf("%s answers %s", field, res.Data)
	}
	return nil
}

func (c *historian) tweet(m *member) error {
	text := fmt.Sprintf("%s says %d", m.login, c.rnd.IntN(1_000_000))
	res, refused, err := c.act(m, `mutation($t: String!) { op: createTweet(input: {text: $t}) { tweet { id text } userErrors { code } } }`,
		apitest.Vars{"t": text})
	if err != nil || refused != "" {
		return fmt.Errorf("tweet: %s %w", refused, err)
	}
	p := &post{id: res.String("op.tweet.id"), text: text, author: m}
	var ok bool
	if p.sortKey, ok = ids.Tweet(p.id); !ok {
		return fmt.Errorf("tweet: %s", res.Data)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m.tweets = append(m.tweets, p)
	if res.String("op.tweet.text") != text {
		return fmt.Errorf("tweet %q answers %s", text, res.Data)
	}
	return nil
}

// some picks a live tweet of a random member; nil if there is none.
func (c *historian) some() *post {
	m := c.somebody()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(m.tweets) == 0 {
		return nil
	}
	return m.tweets[c.rnd.IntN(len(m.tweets))]
}

// remove deletes a tweet, sometimes of somebody else, which is refused.
func (c *historian) remove(m *member) error {
	p := c.some()
	if len(m.tweets) > 0 && c.rnd.IntN(8) > 0 {
		p = m.tweets[c.rnd.IntN(len(m.tweets))]
	}
	if p == nil {
		return nil
	}
	_, refused, err := c.act(m, `mutation($id: ID!) { op: deleteTweet(input: {tweetId: $id}) { deletedTweetId userErrors { code } } }`,
		apitest.Vars{"id": p.id})
	if err != nil {
		return err
	}
	// Somebody else's may have gone in between.
	if p.author != m && refused != "FORBIDDEN" && refused != "NOT_FOUND" || p.author == m && refused != "" {
		return fmt.Errorf("delete: refused with %q", refused)
	}
	if p.author == m {
		c.mu.Lock()
		defer c.mu.Unlock()
		m.tweets = slices.DeleteFunc(m.tweets, func(o *post) bool { return o == p })
		c.gone = append(c.gone, p)
	}
	return nil
}

func (c *historian) react(m *member) error {
	p, kind := c.some(), []string{"LIKE", "LIKE", "DISLIKE", "NONE"}[c.rnd.IntN(4)]
	if p == nil {
		return nil
	}
	res, refused, err := c.act(m, `mutation($id: ID!, $k: ReactionKind!) { op: setReaction(input: {subjectId: $id, reaction: $k}) {
		subject { reactions { viewerReaction } } userErrors { code } } }`, apitest.Vars{"id": p.id, "k": kind})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	deleted := !slices.Contains(p.author.tweets, p)
	switch {
	case refused == "NOT_FOUND" && p.author != m:
		return nil // it may have been deleted, though its author has no answer yet; the comparison shows it
	case refused != "":
		return fmt.Errorf("react: refused with %q", refused)
	case res.String("op.subject.reactions.viewerReaction") != kind && !deleted && p.author == m:
		return fmt.Errorf("react with %s: %s", kind, res.Data)
	}
	if m.reactions[p] = kind; kind == "NONE" {
		delete(m.reactions, p)
	}
	return nil
}

// retweet retweets a tweet, or undoes that, whether there is a retweet or not.
func (c *historian) retweet(m *member) error {
	p, on := c.some(), c.rnd.IntN(3) > 0
	if p == nil {
		return nil
	}
	field, result := "unretweet", "deletedRetweetId"
	if on {
		field, result = "retweet", "retweet { id }"
	}
	res, refused, err := c.act(m, `mutation($id: ID!) { op: `+field+`(input: {tweetId: $id}) {
		`+result+` tweet { viewerHasRetweeted retweetCount } userErrors { code } } }`, apitest.Vars{"id": p.id})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case refused == "NOT_FOUND" && p.author != m:
		return nil // as for a reaction
	case refused != "":
		return fmt.Errorf("%s: refused with %q", field, refused)
	case res.Get("op.tweet") == nil && p.author != m:
		// deleted meanwhile
	case res.Get("op.tweet.viewerHasRetweeted") != on:
		return fmt.Errorf("%s answers %s", field, res.Data)
	}
	was := m.retweets[p]
	if !on {
		if had := res.Get("op.deletedRetweetId") != nil; had != (was != 0) {
			return fmt.Errorf("%s of a retweet that was there: %t, answers %s", field, was != 0, res.Data)
		}
		delete(m.retweets, p)
		return nil
	}
	if res.Get("op.retweet") == nil && res.Get("op.tweet") == nil { // deleted meanwhile: in no timeline, whatever its sort key
		m.retweets[p] = cmp.Or(was, 1)
		return nil
	}
	made, ok := ids.Retweet(res.String("op.retweet.id"))
	if !ok || made.SortKey <= p.sortKey || was != 0 && made.SortKey != was {
		return fmt.Errorf("%s of a retweet at %d answers %s", field, was, res.Data)
	}
	m.retweets[p] = made.SortKey
	return nil
}
