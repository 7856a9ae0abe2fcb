package api

import (
	"fmt"
	"slices"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

const replying = `mutation($t: String!, $to: ID) { createTweet(input: {text: $t, inReplyToId: $to}) {
	tweet { id isReply replyCount inReplyTo { id replyCount } ancestors { id } }
	timelineEdge { cursor node { id } } userErrors { code path } } }`

// repliesOf reads the replies to a tweet in an order, a page of so many after the other.
func repliesOf(t *testing.T, u *apitest.User, tweet, order string, size int) (texts []string) {
	t.Helper()
	for after := any(nil); ; {
		res := u.Must(t, `query($id: ID!, $n: Int!, $after: String, $by: ReplyOrder) { tweet(id: $id) {
			replies(first: $n, after: $after, orderBy: $by) {
				edges { cursor node { text } } nodes { text } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`,
			apitest.Vars{"id": tweet, "n": size, "after": after, "by": order})
		page := res.Strings("tweet.replies.nodes", "text")
		if !slices.Equal(page, res.Strings("tweet.replies.edges", "node.text")) {
			t.Errorf("edges and nodes differ: %s", res.Data)
		}
		if back := res.Get("tweet.replies.pageInfo.hasPreviousPage"); back != (after != nil) {
			t.Errorf("hasPreviousPage is %v after %v", back, after)
		}
		texts = append(texts, page...)
		if res.Get("tweet.replies.pageInfo.hasNextPage") != true {
			return texts
		}
		if len(page) != size {
			t.Fatalf("a page of %d has %d replies, and is not the last", size, len(page))
		}
		after = res.String("tweet.replies.pageInfo.endCursor")
	}
}

// A reply has its parent and what is above that, is counted there, and remains when the parent goes. It is in the home timelines of
// those who follow both ends.
func TestReplies(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob, eve := r.SignUp(t, "ada"), r.SignUp(t, "bob"), r.SignUp(t, "eve")
		eve.Follow(t, bob.ID)
		first := ada.Tweet(t, "who answers?")
		res := bob.Must(t, replying, apitest.Vars{"t": "I do", "to": first})
		answer := res.String("createTweet.tweet.id")
		if res.Get("createTweet.tweet.isReply") != true || res.String("createTweet.tweet.inReplyTo.id") != first ||
			res.Int("createTweet.tweet.inReplyTo.replyCount") != 1 || res.Get("createTweet.timelineEdge") != nil {
			t.Errorf("a reply to a stranger is answered with %s", res.Data)
		}
		last := ada.Must(t, replying, apitest.Vars{"t": "thanks", "to": answer}).String("createTweet.tweet.id")
		res = ada.Must(t, replying, apitest.Vars{"t": "and you?", "to": last})
		own := res.String("createTweet.tweet.id")
		if got := res.Strings("createTweet.tweet.ancestors", "id"); !slices.Equal(got, []string{first, answer, last}) ||
			res.String("createTweet.timelineEdge.node.id") != own {
			t.Errorf("a reply to oneself is answered with %s", res.Data)
		}
		homes := func(when string, want map[*apitest.User][]string) {
			t.Helper()
			for u, want := range want {
				if got := u.Home(t, 10); !slices.Equal(got, want) {
					t.Errorf("%s %s sees %v, want %v", when, u.Name, got, want)
				}
			}
		}
		homes("at first", map[*apitest.User][]string{ada: {own, first}, bob: nil, eve: nil})
		eve.Follow(t, ada.ID)
		bob.Follow(t, ada.ID)
		homes("following both", map[*apitest.User][]string{eve: {own, last, answer, first}, bob: {own, last, answer, first}})
		eve.Unfollow(t, ada.ID)
		homes("following one", map[*apitest.User][]string{eve: nil})
		bob.Retweet(t, last)
		homes("by a retweet", map[*apitest.User][]string{eve: {last}})
		for include, want := range map[string][]string{"[TWEETS]": {own, first}, "[REPLIES]": {last}, "[TWEETS, REPLIES]": {own, last, first}} {
			res := eve.Must(t, `query($id: ID!) { node(id: $id) { ... on User { timeline(include: `+include+`) { nodes { id } } tweetCount } } }`,
				apitest.Vars{"id": ada.ID})
			if got := res.Strings("node.timeline.nodes", "id"); !slices.Equal(got, want) || res.Int("node.tweetCount") != 3 {
				t.Errorf("ada's timeline with %s is %v of %d, want %v of 3", include, got, res.Int("node.tweetCount"), want)
			}
		}
		ada.Delete(t, last)
		res = eve.Must(t, `query($id: ID!) { tweet(id: $id) { isReply inReplyTo { id } ancestors { id } } }`, apitest.Vars{"id": own})
		if res.Get("tweet.isReply") != true || res.Get("tweet.inReplyTo") != nil ||
			!slices.Equal(res.Strings("tweet.ancestors", "id"), []string{first, answer}) {
			t.Errorf("below a deleted tweet: %s", res.Data)
		}
		for _, to := range []string{last, "dHdlZXQ", ada.ID, ""} {
			res := bob.Must(t, replying, apitest.Vars{"t": "too late", "to": to})
			if got := res.String("createTweet.userErrors.0.code"); got != "NOT_FOUND" ||
				fmt.Sprint(res.Get("createTweet.userErrors.0.path")) != "[input inReplyToId]" {
				t.Errorf("a reply to %q is answered with %s", to, res.Data)
			}
		}
		if res := bob.Must(t, replying, apitest.Vars{"t": "to nobody", "to": nil}); res.Get("createTweet.tweet.isReply") != false {
			t.Errorf("a tweet that answers nobody: %s", res.Data)
		}
	})
}

// Each order of the replies is paged without a repeat or a gap, the author's and followed users' replies come first among the relevant
// ones, and cursors of one order are refused by the others.
func TestOrdersOfReplies(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, viewer, friend, other := r.SignUp(t, "ada"), r.SignUp(t, "viewer"), r.SignUp(t, "friend"), r.SignUp(t, "other")
		viewer.Follow(t, friend.ID)
		tweet := ada.Tweet(t, "who answers?")
		for i, u := range []*apitest.User{other, other, friend, ada, other} {
			id := u.Reply(t, tweet, fmt.Sprint(i))
			if i == 1 {
				friend.React(t, id, "LIKE")
			}
		}
		other.Delete(t, other.Reply(t, tweet, "gone"))
		for order, want := range map[string][]string{
			"NEWEST": {"4", "3", "2", "1", "0"}, "OLDEST": {"0", "1", "2", "3", "4"}, "RELEVANT": {"3", "2", "1", "4", "0"}} {
			apitest.Until(t, "likes to be counted", func() bool { // the order has those that are drained
				return slices.Equal(repliesOf(t, viewer, tweet, order, 2), want)
			})
			for _, size := range []int{1, 3, 5, 6} {
				if got := repliesOf(t, viewer, tweet, order, size); !slices.Equal(got, want) {
					t.Errorf("in the order %s pages of %d have %v, want %v", order, size, got, want)
				}
			}
		}
		cursor := viewer.Must(t, `query($id: ID!) { tweet(id: $id) { replies(first: 1, orderBy: OLDEST) { pageInfo { endCursor } } } }`,
			apitest.Vars{"id": tweet}).String("tweet.replies.pageInfo.endCursor")
		for _, order := range []string{"NEWEST", "RELEVANT"} {
			res := viewer.Run(t, `query($id: ID!, $at: String) { tweet(id: $id) { replies(after: $at, orderBy: `+order+`) { nodes { id } } } }`,
				apitest.Vars{"id": tweet, "at": cursor})
			if len(res.Errors) != 1 || res.Errors[0].Code() != "BAD_REQUEST" {
				t.Errorf("a cursor of OLDEST is taken for one of %s: %s", order, res.Body)
			}
		}
	})
}

// Subscribers get each reply once in the order in which they were posted, and who comes back with a cursor gets those since.
func TestReplyAdded(t *testing.T) {
	const query = `subscription($id: ID!, $after: String) { replyAdded(tweetId: $id, after: $after) { cursor node { text replyCount
		inReplyTo { id } author { username } } } }`
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		tweet := ada.Tweet(t, "who answers?")
		vars := apitest.Vars{"id": tweet}
		bob.Reply(t, tweet, "before")
		socket := ada.Dial(t)
		another := ada.Tweet(t, "another")
		rig.ExpectHome(t, rig.WatchHome(t, ada, ada.Dial(t)), "+"+ada.Tweet(t, "what was before is not new any more"))
		live := socket.Subscribe(t, query, vars)
		rig.WatchHome(t, ada, socket) // the server has read the subscription before it answers this one
		bob.Reply(t, bob.Reply(t, tweet, "0"), "an answer to the answer")
		bob.Delete(t, bob.Reply(t, another, "elsewhere"))
		for i := range 4 {
			bob.Reply(t, tweet, fmt.Sprint(i+1))
		}
		var at []string
		for i := range 5 {
			res := live.Next(t)
			if res.String("replyAdded.node.text") != fmt.Sprint(i) || res.String("replyAdded.node.inReplyTo.id") != tweet {
				t.Fatalf("reply %d is pushed as %s", i, res.Body)
			}
			at = append(at, res.String("replyAdded.cursor"))
		}
		page := ada.Must(t, `query($id: ID!) { tweet(id: $id) { replies(orderBy: OLDEST) { edges { cursor node { text } } } } }`, vars)
		if got := page.Strings("tweet.replies.edges", "cursor"); !slices.Equal(got[1:], at) {
			t.Errorf("the cursors of the page are %v, those that were pushed %v", got, at)
		}
		for i, cursor := range page.Strings("tweet.replies.edges", "cursor") {
			again := r.Anonymous().Dial(t).Subscribe(t, query, apitest.Vars{"id": tweet, "after": cursor})
			for want := i; want < 5; want++ {
				if got := again.Next(t).String("replyAdded.node.text"); got != fmt.Sprint(want) {
					t.Fatalf("after %d comes %q, want %d", i-1, got, want)
				}
			}
		}
		// Retention has removed the events of the first replies: then the table has what follows, and after that the log.
		seen := page.Strings("tweet.replies.edges", "cursor")[0]
		if _, err := r.DB(t).Writer().ExecContext(t.Context(), `DELETE FROM events WHERE type = 'ReplyAdded' AND aggregate = $1
			AND id NOT IN (SELECT id FROM events WHERE type = 'ReplyAdded' AND aggregate = $1 ORDER BY id DESC LIMIT 2)`,
			rig.TweetID(t, tweet)); err != nil {
			t.Fatal(err)
		}
		again := ada.Dial(t).Subscribe(t, query, apitest.Vars{"id": tweet, "after": seen})
		for want := range 5 {
			if got := again.Next(t).String("replyAdded.node.text"); got != fmt.Sprint(want) {
				t.Fatalf("with a part of the log comes %q, want %d", got, want)
			}
		}
		bob.Reply(t, tweet, "live again")
		if got := again.Next(t).String("replyAdded.node.text"); got != "live again" {
			t.Errorf("afterwards comes %q", got)
		}
		for _, bad := range []apitest.Vars{{"id": tweet, "after": "x"}, {"id": ada.ID}} {
			if res := r.Anonymous().Dial(t).Subscribe(t, query, bad).Next(t); len(res.Errors) != 1 || res.Errors[0].Code() != "BAD_REQUEST" {
				t.Errorf("%v is answered with %s", bad, res.Body)
			}
		}
	})
}
