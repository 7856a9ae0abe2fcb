package api

import (
	"cmp"
	"maps"
	"slices"
)

// The model is what a history of operations must have led to: plain lists and maps. Each member is used by
// one client, so what members do is ordered; what many touch at once (counts, lists of followers) follows
// from all of it when nothing runs.
type model struct {
	users []*member
	// gone are deleted tweets.
	gone []*post
}

// member is a user of the model.
type member struct {
	id, login, name string
	// following is whom the member follows, in the order in which it began.
	following []*member
	// tweets are the member's live ones, oldest first.
	tweets []*post
	// reactions holds the member's reactions but NONE.
	reactions map[*post]string
	// retweets holds the sort keys of the member's retweets, also of tweets that were deleted since.
	retweets map[*post]int64
	// sessions are all that the member ever had; the first live one is in use.
	sessions []*signin
}

// post is a tweet of the model. It is live as long as its author lists it; sortKey orders it in time.
type post struct {
	id, text string
	author   *member
	sortKey  int64
}

type signin struct {
	id, key string
	// ended is the reason, empty while it is live.
	ended string
}

func (m *member) live() (all []*signin) {
	for _, s := range m.sessions {
		if s.ended == "" {
			all = append(all, s)
		}
	}
	return all
}

func (m *member) follows(o *member) bool { return slices.Contains(m.following, o) }

// isLive reports whether the tweet was not deleted.
func (p *post) isLive() bool { return slices.Contains(p.author.tweets, p) }

// places are where tweets are in a timeline. A tweet is where its author has it, else where the earliest of its retweets is.
type places map[*post]int64

// retweeted adds the retweets of a member. Tweets of authors keep their places.
func (at places) retweeted(by *member, isAuthor func(*member) bool) {
	for p, sortKey := range by.retweets {
		if old, ok := at[p]; p.isLive() && !isAuthor(p.author) && (!ok || sortKey < old) {
			at[p] = sortKey
		}
	}
}

// newestFirst returns the ids of the tweets.
func (at places) newestFirst() (ids []string) {
	for _, p := range slices.SortedFunc(maps.Keys(at), func(a, b *post) int { return cmp.Compare(at[b], at[a]) }) {
		ids = append(ids, p.id)
	}
	return ids
}

// home is the member's home timeline, newest first.
func (m *member) home() []string {
	authors, at := append(slices.Clone(m.following), m), places{}
	for _, author := range authors {
		for _, p := range author.tweets {
			at[p] = p.sortKey
		}
		at.retweeted(author, func(u *member) bool { return slices.Contains(authors, u) })
	}
	return at.newestFirst()
}

// own is the member's own tweets, newest first.
func (m *member) own() (ids []string) {
	for _, p := range slices.Backward(m.tweets) {
		ids = append(ids, p.id)
	}
	return ids
}

// timeline is the member's own timeline, newest first.
func (m *member) timeline() []string {
	at := places{}
	for _, p := range m.tweets {
		at[p] = p.sortKey
	}
	at.retweeted(m, func(u *member) bool { return u == m })
	return at.newestFirst()
}

// followers are those who follow the member.
func (m *model) followers(of *member) map[string]bool {
	all := map[string]bool{}
	for _, u := range m.users {
		if u.follows(of) {
			all[u.id] = true
		}
	}
	return all
}

// counts are the likes and dislikes of every tweet that somebody reacted to.
func (m *model) counts() (likes, dislikes map[*post]int) {
	likes, dislikes = map[*post]int{}, map[*post]int{}
	for _, u := range m.users {
		for p, kind := range u.reactions {
			if kind == "LIKE" {
				likes[p]++
			} else {
				dislikes[p]++
			}
		}
	}
	return likes, dislikes
}

// retweeters are the members who retweet a tweet.
func (m *model) retweeters(p *post) (all []*member) {
	for _, u := range m.users {
		if _, ok := u.retweets[p]; ok {
			all = append(all, u)
		}
	}
	return all
}
