package api

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// compare holds the API and the rows against the model while nothing runs. So many members' timelines are
// read to their ends.
func (h *history) compare(t *testing.T, rnd *rand.Rand, timelines int) {
	t.Helper()
	reader := &historian{history: h, rnd: rnd}
	for _, i := range rnd.Perm(len(h.users)) {
		if m := h.users[i]; len(m.live()) == 0 {
			if err := reader.logIn(m); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n, i := range rnd.Perm(len(h.users)) {
		h.compareMember(t, h.users[i])
		if n < timelines {
			h.compareTimelines(t, h.users[i], 30+rnd.IntN(71))
		}
	}
	h.compareTweets(t, rnd)
	rig.CheckRows(t, h.DB(t))
}

func (h *history) compareMember(t *testing.T, m *member) {
	t.Helper()
	if err := (&historian{history: h}).readOwn(m); err != nil {
		t.Error(err)
	}
	res, _, err := h.act(m, `{ viewer { sessions(includeEnded: true) { id endReason }
		user { followers(first: 100) { totalCount nodes { id isFollowingViewer } } } } }`, nil)
	if err != nil {
		t.Fatal(err)
	}
	followers := map[string]bool{}
	for _, id := range res.Strings("viewer.user.followers.nodes", "id") {
		followers[id] = true
	}
	if want := h.followers(m); !maps.Equal(followers, want) || res.Int("viewer.user.followers.totalCount") != len(want) {
		t.Errorf("%s has followers %v, want %v", m.login, res.Get("viewer.user.followers"), want)
	}
	got := map[string]string{}
	for i, id := range res.Strings("viewer.sessions", "id") {
		got[id] = res.Strings("viewer.sessions", "endReason")[i]
	}
	for _, s := range m.sessions {
		if ended, listed := got[s.id]; len(m.sessions) <= 100 && (!listed || ended != s.ended) {
			t.Errorf("%s: session %s ended as %q, want %q", m.login, s.id, ended, s.ended)
		}
	}
	if i := slices.IndexFunc(m.sessions, func(s *signin) bool { return s.ended != "" }); i >= 0 {
		if res := h.As(m.sessions[i].key).Run(t, `{ viewer { email } }`, nil); res.Status != 401 {
			t.Errorf("the key of an ended session says %s", res.Body)
		}
	}
}

// compareTimelines reads the member's home and own timelines to their ends, there and back.
func (h *history) compareTimelines(t *testing.T, m *member, size int) {
	t.Helper()
	c := h.As(m.live()[0].key)
	for l, want := range map[list][]string{homeOf: m.home(), ownOf: m.timeline()} {
		if got := forward(t, c, l, size, nil); !slices.Equal(got, want) {
			t.Errorf("%s: %s read by %d has %d entries, want %d: %s", m.login, l.name, size, len(got), len(want), firstDifference(got, want))
		}
		if got := backward(t, c, l, size, nil); !slices.Equal(got, want) {
			t.Errorf("%s: %s read backward by %d has %d entries, want %d: %s", m.login, l.name, size, len(got), len(want),
				firstDifference(got, want))
		}
	}
}

// compareTweets looks every tweet up, as somebody.
func (h *history) compareTweets(t *testing.T, rnd *rand.Rand) {
	t.Helper()
	likes, dislikes := h.counts()
	for _, author := range h.users {
		viewer := h.users[rnd.IntN(len(h.users))]
		for part := range slices.Chunk(author.tweets, 100) {
			for i, got := range h.lookUp(t, viewer, part) {
				p := part[i]
				want := map[string]any{"id": p.id, "text": p.text, "author": map[string]any{"name": author.name},
					"retweetCount": float64(len(h.retweeters(p))), "viewerHasRetweeted": viewer.retweets[p] != 0,
					"reactions": map[string]any{
						"likeCount": float64(likes[p]), "dislikeCount": float64(dislikes[p]), "viewerReaction": reactionOr(viewer.reactions[p])}}
				if !reflect.DeepEqual(got, any(want)) {
					t.Errorf("tweet %s is %v, want %v", p.id, got, want)
				}
			}
		}
	}
	for part := range slices.Chunk(h.gone, 100) {
		for i, got := range h.lookUp(t, h.users[0], part) {
			if got != nil {
				t.Errorf("the deleted tweet %s is %v", part[i].id, got)
			}
		}
	}
}

func reactionOr(kind string) string {
	if kind == "" {
		return "NONE"
	}
	return kind
}

func (h *history) lookUp(t *testing.T, viewer *member, posts []*post) []any {
	t.Helper()
	globals := make([]string, len(posts))
	for i, p := range posts {
		globals[i] = p.id
	}
	res, _, err := h.act(viewer, `query($ids: [ID!]!) { nodes(ids: $ids) { ... on Tweet { id text author { name }
		retweetCount viewerHasRetweeted reactions { likeCount dislikeCount viewerReaction } } } }`,
		apitest.Vars{"ids": globals})
	if err != nil {
		t.Fatal(err)
	}
	return res.Get("nodes").([]any)
}
