package cluster

import (
	"fmt"
	"slices"
	"testing"

	"roost/internal/ids"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// losses are acknowledged writes that the standby does not have.
type losses struct {
	tweets  []string
	revived string // a tweet that was deleted
	renamed *apitest.User
	newName string
	socket  *apitest.Socket // of a session that began meanwhile
}

// lose writes some hundred things, and has all nodes keep copies of them. The counts of a tweet reach the revision lostRevision.
func (f *failover) lose(t *testing.T, users []*apitest.User, kept, revived string) losses {
	t.Helper()
	l := losses{revived: revived, renamed: users[4], newName: users[4].Name + "_2"}
	for i, u := range slices.Repeat(users, 30) {
		l.tweets = append(l.tweets, rig.UserOn(f.Nodes[i%2].Roost, u).Tweet(t, "lost"))
	}
	for _, u := range users[1:] {
		for _, kind := range []string{"DISLIKE", "LIKE", "DISLIKE"} {
			u.React(t, kept, kind)
		}
	}
	for _, u := range users[:5] {
		users[5].Follow(t, u.ID)
	}
	users[4].Must(t, `mutation($n: String!) { updateSettings(input: {username: $n}) { userErrors { code } } }`, apitest.Vars{"n": l.newName})
	users[2].Delete(t, revived)
	l.socket = f.Nodes[0].SignUp(t, "fresh").Dial(t)
	for range 3 {
		for _, node := range f.Nodes {
			f.shown(t, node, l, users, kept)
		}
	}
	return l
}

const lostRevision = 1 + 3*5

// shown says what a node shows of what was lost.
func (f *failover) shown(t *testing.T, node *rig.Process, l losses, users []*apitest.User, kept string) string {
	t.Helper()
	const query = `query($revived: ID!, $kept: ID!, $old: String!, $new: String!, $tweets: [ID!]!, $followed: String!) {
		revived: tweet(id: $revived) { id } kept: tweet(id: $kept) { reactions { likeCount dislikeCount revision } }
		old: user(username: $old) { id tweetCount } new: user(username: $new) { id }
		followed: user(username: $followed) { viewerIsFollowing followers(first: 0) { totalCount } }
		tweets: nodes(ids: $tweets) { id } }`
	res := rig.UserOn(node.Roost, users[5]).Must(t, query, apitest.Vars{"revived": l.revived, "kept": kept, "old": l.renamed.Name,
		"new": l.newName, "followed": users[1].Name, "tweets": l.tweets[:50]})
	some := 0
	for _, n := range res.Get("tweets").([]any) {
		if n != nil {
			some++
		}
	}
	c := rig.SummaryAt(res, "kept.reactions")
	return fmt.Sprintf("revived %v, %d+%d at %d, old name %v with %v, new name %v, follows %v of %v, %d lost tweets",
		res.Get("revived") != nil, c.Likes, c.Dislikes, c.Revision, res.Get("old") != nil, res.Get("old.tweetCount"),
		res.Get("new") != nil, res.Get("followed.viewerIsFollowing"), res.Get("followed.followers.totalCount"), some)
}

// expectGone wants that no node shows what was lost.
func (f *failover) expectGone(t *testing.T, l losses, users []*apitest.User, kept string) {
	t.Helper()
	db := rig.OpenURL(t, f.standby.URL())
	for i, node := range f.Nodes {
		const want = "revived true, 1+0 at 1, old name true with 0, new name false, follows false of 1, 0 lost tweets"
		if got := f.shown(t, node, l, users, kept); got != want {
			t.Errorf("node %d shows: %s\nwant: %s", i, got, want)
		}
		_, page := rig.ReadHome(t, node.Roost, users[0])
		rows := apitest.Ints(t, db, "SELECT id FROM tweets WHERE deleted_at IS NULL AND author_id IN ("+idsOf(t, users[:4])+
			") ORDER BY id DESC LIMIT 100")
		if len(page) != len(rows) {
			t.Errorf("the page of node %d has %d entries, want %d", i, len(page), len(rows))
		}
		for _, id := range rows {
			if page[ids.TweetID(id).String()] == "" {
				t.Errorf("the page of node %d lacks %d", i, id)
			}
		}
	}
	l.socket.Closed(t)
}
