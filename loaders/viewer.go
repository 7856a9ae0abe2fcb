package loaders

import (
	"context"
	"sync"

	"roost/domain/reactions"
	"roost/rows"
)

// viewerRow keeps a row of the viewer, once an operation has read it, for all later questions of the operation. It is safe for
// concurrent use.
type viewerRow[V any] struct {
	mu     sync.Mutex
	viewer int64 // 0 as long as nothing was read; signing in changes the viewer
	row    V
}

func (k *viewerRow[V]) keep(viewer int64, row V) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.viewer, k.row = viewer, row
}

// of returns the row of a viewer; ok is false if it was not read.
func (k *viewerRow[V]) of(viewer int64) (row V, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if viewer == 0 || k.viewer != viewer {
		return row, false
	}
	return k.row, true
}

// askFollowing asks whether the viewer follows users, with at most one key: the viewer's list. The lists of home timelines are the same
// row, so an operation that has read one asks for nothing more, and never contradicts its home timeline.
func askFollowing(s *Set, userIDs []int64) (Requests, answer[bool]) {
	viewer := s.who.UserID()
	list, known := s.followed.of(viewer)
	var asked []int64
	for _, id := range userIDs {
		if !known && viewer != 0 && id != viewer { // nobody follows themselves
			asked = []int64{viewer}
			break
		}
	}
	q := s.sources.Rows.Followed.Ask(asked)
	return Requests{q.Request()}, func(ctx context.Context, i int) (bool, error) {
		if !known && len(asked) > 0 {
			var err error
			if list, _, err = q.At(ctx, 0); err != nil {
				return false, err
			}
			known = true
			s.followed.keep(viewer, list)
		}
		return list.Contains(userIDs[i]), nil
	}
}

// askReactions asks for the viewer's reactions to tweets.
func askReactions(s *Set, tweetIDs []int64) (Requests, answer[reactions.Kind]) {
	return askListed(s, tweetIDs, &s.reacted, s.sources.Rows.AskReactions)
}

// askRetweets asks whether the viewer retweets tweets.
func askRetweets(s *Set, tweetIDs []int64) (Requests, answer[bool]) {
	return askListed(s, tweetIDs, &s.retweeted, s.sources.Rows.AskRetweets)
}

// askListed asks a question about the viewer and tweets: for the list of the viewer's newest ones, unless the operation has read it, and
// for what the list does not cover.
func askListed[L any, K comparable, S, V any](s *Set, tweetIDs []int64, row *viewerRow[*L],
	ask func(viewerID int64, tweetIDs []int64, known *L) *rows.ViewerQuestion[L, K, S, V]) (Requests, answer[V]) {
	viewer := s.who.UserID()
	known, _ := row.of(viewer)
	q := ask(viewer, tweetIDs, known)
	return Requests(q.Requests()), func(ctx context.Context, i int) (V, error) {
		v, err := q.At(ctx, i)
		if known == nil && err == nil && viewer != 0 {
			if known = q.List(); known != nil {
				row.keep(viewer, known)
			}
		}
		return v, err
	}
}
