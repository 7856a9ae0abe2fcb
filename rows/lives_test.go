package rows

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/domain/follows"
	"roost/domain/reactions"
)

// Every entry lives as long as docs/consistency.md says, less up to a fifth: rows, and the absence of what belongs to a user or a tweet,
// for 10 minutes; the absence of users, names, sessions and tweets for 30 s.
func TestLives(t *testing.T) {
	t.Parallel()
	r := newServerRig(t)
	w := newReactor(t, r, 2)
	w.set(t, w.tweets[0], reactions.Like)
	if err := r.Follows.Follow(t.Context(), w.viewer, w.signUp(t)); err != nil {
		t.Fatal(err)
	}
	s := r.there
	names, accounts := s.Names.Ask([]string{"viewer", "nobody"}), s.Accounts.Ask([]int64{w.viewer, 1})
	sessions, counted := s.Sessions.Ask([]int64{1}), s.UserCounts.Ask([]int64{w.viewer, 1})
	edges := s.Follows.Ask([]follows.Edge{{FollowerID: w.viewer, FolloweeID: 1}})
	lists, tweets := s.Followed.Ask([]int64{w.viewer, 1}), s.Tweets.Ask([]int64{w.tweets[0], 1})
	counts := s.TweetCounts.Ask(w.tweets)
	single := s.Reactions.Ask([]reactions.Key{{TweetID: w.tweets[0], UserID: w.viewer}, {TweetID: w.tweets[1], UserID: w.viewer}})
	reacted := s.Reacted.Ask([]int64{w.viewer, 1})
	s.Answer(t.Context(), names.Request(), accounts.Request(), sessions.Request(), counted.Request(), edges.Request(), lists.Request(),
		tweets.Request(), counts.Request(), single.Request(), reacted.Request())
	short := map[string]bool{nameKeys.of("nobody"): true, accountKeys.of(1): true, sessionKeys.of(1): true, tweetKeys.of(1): true}
	seen := 0
	for _, req := range [][]string{names.Request().Keys, accounts.Request().Keys, sessions.Request().Keys, counted.Request().Keys,
		edges.Request().Keys, lists.Request().Keys, tweets.Request().Keys, counts.Request().Keys, single.Request().Keys, reacted.Request().Keys} {
		for _, key := range req {
			most := 10 * time.Minute
			if short[key] {
				most = 30 * time.Second
			}
			text, err := r.redis.Do("PTTL " + key)
			if err != nil {
				t.Fatal(err)
			}
			ms, err := strconv.Atoi(strings.Trim(strings.TrimSpace(text), ":"))
			if left := time.Duration(ms) * time.Millisecond; err != nil || left > most || left < most/2 {
				t.Errorf("%s lives for %s more, %v; want at most %s", key, left, err, most)
			}
			seen++
		}
	}
	if seen != 18 {
		t.Errorf("%d entries were looked at", seen)
	}
}

// signUp adds one more user.
func (w *reactor) signUp(t *testing.T) int64 {
	t.Helper()
	more := &world{rig: w.rig}
	more.signUp(t)
	return more.users[0]
}
