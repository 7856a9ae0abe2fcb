package api

import (
	"cmp"
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

// home is the member's home timeline, newest first.
func (m *member) home() (ids []string) {
	var all []*post
	for _, author := range append(slices.Clone(m.following), m) {
		all = append(all, author.tweets...)
	}
	slices.SortFunc(all, func(a, b *post) int { return cmp.Compare(b.sortKey, a.sortKey) })
	for _, p := range all {
		ids = append(ids, p.id)
	}
	return ids
}

// own is the member's own timeline, newest first.
func (m *member) own() (ids []string) {
	for _, p := range slices.Backward(m.tweets) {
		ids = append(ids, p.id)
	}
	return ids
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
