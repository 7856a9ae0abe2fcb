package cache

import (
	"context"
	"fmt"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// repeated is a mutation that a client sends again, because the node died that had done it.
type repeated struct {
	name string
	// prepare makes what the mutation is about; seen reads it on a node, in one text.
	prepare func(t *testing.T, r *repeats)
	query   string
	vars    func(r *repeats) apitest.Vars
	seen    func(t *testing.T, r *repeats, p *rig.Process) string
	want    func(r *repeats) string
	// as is who sends it, ada if nil.
	as func(r *repeats, p *rig.Process) *apitest.Client
}

// repeats is a user with what the mutation is about, all of it new each time.
type repeats struct {
	node         *rig.Process // where it is prepared
	ada, bob     *apitest.User
	device       *apitest.User // another session of ada's
	tweet, other string        // ada's tweet; a name
}

// keyWorks reports whether a node accepts the key of ada's other session.
func keyWorks(t *testing.T, r *repeats, p *rig.Process) string {
	t.Helper()
	return fmt.Sprint(p.As(r.device.Key).Run(t, `{ viewer { user { id } } }`, nil).Status)
}

func isRefused(*repeats) string { return "401" }

// profile says what a node shows of ada under both names.
func profile(t *testing.T, r *repeats, p *rig.Process) string {
	t.Helper()
	res := p.Anonymous().Must(t, `query($old: String!, $new: String!, $id: ID!) { old: user(username: $old) { id }
		new: user(username: $new) { username }
		node(id: $id) { ... on User { username } } }`, apitest.Vars{"old": r.ada.Name, "new": r.other, "id": r.ada.ID})
	return fmt.Sprint(res.Get("old"), res.String("new.username"), res.String("node.username"))
}

// edge says what a node shows ada of bob.
func edge(t *testing.T, r *repeats, p *rig.Process) string {
	t.Helper()
	res := rig.UserOn(p.Roost, r.ada).Must(t, `query($id: ID!) { node(id: $id) { ... on User { viewerIsFollowing
		followers(first: 1) { totalCount } } } viewer { homeTimeline(first: 5) { nodes { author { id } } } } }`,
		apitest.Vars{"id": r.bob.ID})
	return fmt.Sprint(res.Get("node.viewerIsFollowing"), res.Int("node.followers.totalCount"),
		len(res.Get("viewer.homeTimeline.nodes").([]any)))
}

const (
	revokeSession = `mutation($id: ID!) { revokeSession(input: {sessionId: $id}) { session { endedAt } userErrors { code } } }`
	logInAgain    = `mutation($i: LogInInput!) { logIn(input: $i) { token userErrors { code } } }`
)

func nobody(_ *repeats, p *rig.Process) *apitest.Client { return p.Anonymous() }

func device(r *repeats) apitest.Vars { return apitest.Vars{"id": r.device.SessionID} }

func credentials(r *repeats) apitest.Vars {
	return apitest.Vars{"i": apitest.Vars{
		"login": r.ada.Name, "password": r.ada.Password, "tokenDelivery": "TOKEN", "device": apitest.Vars{"token": "phone"}}}
}

// onPhone signs ada in on a device that has a token.
func onPhone(t *testing.T, r *repeats) {
	t.Helper()
	r.device = &apitest.User{Client: r.node.As(r.node.Anonymous().Must(t, logInAgain, credentials(r)).String("logIn.token"))}
}

// retweetOf reads whether ada retweets the tweet, its count, and the list of its retweets.
func retweetOf(t *testing.T, r *repeats, p *rig.Process) string {
	t.Helper()
	u, vars := rig.UserOn(p.Roost, r.ada), apitest.Vars{"id": r.tweet}
	list := u.Must(t, `query($id: ID!) { tweet(id: $id) { retweets { nodes { id } } } }`, vars)
	return fmt.Sprint(rig.RetweetedAt(u.Must(t, rig.ReadRetweeted, vars), "tweet"), len(list.Strings("tweet.retweets.nodes", "id")))
}

var repeatable = []repeated{
	{name: "deleteTweet", query: `mutation($id: ID!) { deleteTweet(input: {tweetId: $id}) { deletedTweetId userErrors { code } } }`,
		vars: func(r *repeats) apitest.Vars { return apitest.Vars{"id": r.tweet} },
		seen: func(t *testing.T, r *repeats, p *rig.Process) string {
			res := p.Anonymous().Must(t,
				`query($user: ID!, $tweet: ID!) { user: node(id: $user) { ... on User { tweetCount } } tweet(id: $tweet) { id } }`,
				apitest.Vars{"user": r.ada.ID, "tweet": r.tweet})
			return fmt.Sprint(res.Int("user.tweetCount"), res.Get("tweet"))
		},
		want: func(*repeats) string { return "0 <nil>" }},
	{name: "rename", query: `mutation($name: String!) { updateSettings(input: {username: $name}) { viewer { user { username } }
		userErrors { code } } }`,
		vars: func(r *repeats) apitest.Vars { return apitest.Vars{"name": r.other} }, seen: profile,
		want: func(r *repeats) string { return fmt.Sprint(nil, r.other, r.other) }},
	{name: "followUser", query: followUser, vars: func(r *repeats) apitest.Vars { return apitest.Vars{"id": r.bob.ID} }, seen: edge,
		want: func(*repeats) string { return fmt.Sprint(true, 1, 2) }},
	{name: "unfollowUser", query: unfollowUser, vars: func(r *repeats) apitest.Vars { return apitest.Vars{"id": r.bob.ID} }, seen: edge,
		prepare: func(t *testing.T, r *repeats) { r.ada.Follow(t, r.bob.ID) },
		want:    func(*repeats) string { return fmt.Sprint(false, 0, 1) }},
	{name: "setReaction", query: rig.SetReaction, vars: func(r *repeats) apitest.Vars { return apitest.Vars{"id": r.tweet, "k": "LIKE"} },
		seen: func(t *testing.T, r *repeats, p *rig.Process) string {
			res := rig.UserOn(p.Roost, r.ada).Must(t,
				`query($id: ID!) { tweet(id: $id) { reactions { likeCount dislikeCount viewerReaction revision } } }`, apitest.Vars{"id": r.tweet})
			return fmt.Sprint(rig.SummaryAt(res, "tweet.reactions"))
		},
		want: func(*repeats) string { return fmt.Sprint(rig.Summary{Likes: 1, Revision: 1, Mine: "LIKE"}) }},
	{name: "retweet", query: rig.Retweet, vars: func(r *repeats) apitest.Vars { return apitest.Vars{"id": r.tweet} }, seen: retweetOf,
		want: func(*repeats) string { return fmt.Sprint(rig.Retweeted{Count: 1, Revision: 1, Mine: true}, 1) }},
	{name: "unretweet", query: rig.Unretweet, vars: func(r *repeats) apitest.Vars { return apitest.Vars{"id": r.tweet} }, seen: retweetOf,
		prepare: func(t *testing.T, r *repeats) { r.ada.Retweet(t, r.tweet) },
		want:    func(*repeats) string { return fmt.Sprint(rig.Retweeted{Revision: 2}, 0) }},
	{name: "updateProfile", query: rig.WriteProfile, vars: func(*repeats) apitest.Vars { return apitest.Vars{"bio": "new"} },
		seen: func(t *testing.T, r *repeats, p *rig.Process) string {
			text, err := rig.BioOf(t.Context(), p.Anonymous(), r.ada, false)
			return fmt.Sprint(text, err)
		},
		want: func(*repeats) string { return fmt.Sprint("new", nil) }},
	{name: "logOut", query: `mutation { logOut { session { id } userErrors { code } } }`, vars: device, seen: keyWorks, want: isRefused,
		as: func(r *repeats, p *rig.Process) *apitest.Client { return p.As(r.device.Key) }},
	{name: "revokeSession", query: revokeSession, vars: device, seen: keyWorks, want: isRefused},
	{name: "revokeOtherSessions", query: `mutation { revokeOtherSessions { sessions { id } userErrors { code } } }`, vars: device,
		seen: keyWorks, want: isRefused},
	{name: "logIn on the same device", query: logInAgain, as: nobody, vars: credentials, seen: keyWorks, want: isRefused, prepare: onPhone},
	{name: "logIn, SINGLE_DEVICE", query: logInAgain, as: nobody, vars: credentials, seen: keyWorks, want: isRefused,
		prepare: func(t *testing.T, r *repeats) { r.ada.Must(t, rig.MakeSingle, nil) }},
}

// A mutation is done by a node that reaches no Redis and dies right after its commit, so that nobody has invalidated
// anything, and no worker runs. The client repeats it on another node, which finds it done. When that has answered, every
// node shows it.
func TestRepeatedMutationsAreSeen(t *testing.T) {
	t.Parallel()
	c := rig.NewCluster(t, rig.Options{Args: []string{"--roles", "api"}})
	c.Start(t, c.Nodes)
	k := rig.NewProxy(t, c.Redis.Addr())
	own := *c
	own.Config.RedisURL = k.URL()
	writer := own.Prepare(t, "--roles", "api")
	for i, x := range repeatable {
		r := &repeats{node: c.Nodes[0], ada: c.Nodes[0].SignUp(t, "ada"), bob: c.Nodes[0].SignUp(t, "bob"), other: apitest.Unique("renamed")}
		r.tweet = r.ada.Tweet(t, "hello")
		r.bob.Tweet(t, "hello")
		r.device = c.Nodes[0].LogIn(t, r.ada)
		if x.prepare != nil {
			x.prepare(t, r)
		}
		k.Restore()
		c.Start(t, []*rig.Process{writer}, rig.KillAfterCommit)
		for range 2 {
			for _, p := range append(c.Nodes, writer) {
				x.seen(t, r, p) // it is in the cache now
			}
		}
		k.Cut()
		as := x.as
		if as == nil {
			as = func(r *repeats, p *rig.Process) *apitest.Client { return rig.UserOn(p.Roost, r.ada).Client }
		}
		if res, err := as(r, writer).Do(t.Context(), x.query, x.vars(r)); err == nil {
			t.Fatalf("%s: the writer was to die, and answers %s", x.name, res.Body)
		}
		<-writer.Proc.Exited()
		// A node that has learnt by now that the session has ended says so, which is an answer, too.
		if res := as(r, c.Nodes[i%2]).Run(t, x.query, x.vars(r)); len(res.Errors) > 0 && res.Errors[0].Code() != "UNAUTHENTICATED" {
			t.Errorf("%s, once more: %s", x.name, res.Body)
		}
		for n := range c.Nodes {
			if got, want := x.seen(t, r, c.Nodes[(i+n+1)%2]), x.want(r); got != want {
				t.Errorf("%s was repeated on node %d, and node %d shows %s, want %s", x.name, i%2, (i+n+1)%2, got, want)
			}
		}
	}
}

// A tweet is deleted on a node that is held between its commit and the invalidation, and meanwhile on another one,
// which finds it done: when that has answered no node counts the tweet any more.
func TestDeletedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	c := rig.NewCluster(t, rig.Options{})
	slow, quick := c.Nodes[0], c.Nodes[1]
	c.Start(t, []*rig.Process{slow}, "ROOST_FAULT=events.after-commit:hold:100ms")
	c.Start(t, []*rig.Process{quick})
	ada := quick.SignUp(t, "ada")
	deletion := repeatable[0]
	for round := range testtime.Soak(10, 100) {
		r := &repeats{ada: rig.UserOn(quick.Roost, ada), tweet: ada.Tweet(t, "hello")}
		for range 2 {
			for _, p := range c.Nodes {
				deletion.seen(t, r, p) // it is in the cache now
			}
		}
		first := make(chan error, 1)
		go func() {
			_, err := rig.UserOn(slow.Roost, ada).Do(context.Background(), deletion.query, deletion.vars(r))
			first <- err
		}()
		apitest.Until(t, "the deletion in SQL", func() bool {
			return apitest.Int(t, c.Database, "SELECT count(*) FROM tweets WHERE id = $1 AND deleted_at IS NOT NULL", rig.TweetID(t, r.tweet)) == 1
		})
		r.ada.Must(t, deletion.query, deletion.vars(r))
		for n, p := range c.Nodes {
			if got, want := deletion.seen(t, r, p), deletion.want(r); got != want {
				t.Errorf("round %d: the tweet is deleted, and node %d shows %s, want %s", round, n, got, want)
			}
		}
		if err := <-first; err != nil {
			t.Fatal(err)
		}
	}
}
