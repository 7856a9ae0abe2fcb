package rows

import (
	"context"
	"sync/atomic"
	"time"

	"roost/domain/reactions"
)

// reactedLists are the reactions of viewers.
type reactedLists = viewerLists[reactions.List, reactions.Key, reactions.State, reactions.Kind]

// ReactionsQuestion is one viewer's reactions to some tweets.
type ReactionsQuestion = ViewerQuestion[reactions.List, reactions.Key, reactions.State, reactions.Kind]

func newReactedLists(lists *Entity[int64, *reactions.List], single *Entity[reactions.Key, reactions.State]) (*reactedLists, error) {
	return newViewerLists("reacted", lists, single, viewerListRules[reactions.List, reactions.Key, reactions.State, reactions.Kind]{
		from:   func(l *reactions.List) int64 { return l.CompleteFrom },
		listed: (*reactions.List).Kind,
		key:    func(tweetID, viewerID int64) reactions.Key { return reactions.Key{TweetID: tweetID, UserID: viewerID} },
		alone:  func(s reactions.State) reactions.Kind { return s.Kind },
	})
}

// AskReactions returns a question about the reactions of a viewer, which is 0 without a session. known is the viewer's list, if the same
// operation has read it already, otherwise nil. AskReactions does not read anything.
func (s *Store) AskReactions(viewerID int64, tweetIDs []int64, known *reactions.List) *ReactionsQuestion {
	return s.reacted.ask(viewerID, tweetIDs, known, s.unlisted.over())
}

// unlistedFor is how long lists of reactions are not used after a node of the previous release has set a reaction. Such a node does
// not invalidate them. In this time every entry from before its write expires.
const unlistedFor = rowTTL + time.Minute

// unlistedWrites tracks the reactions that nodes of the previous release set.
type unlistedWrites struct{ until atomic.Int64 } // Unix time in nanoseconds

// over reports whether no such reaction was set in the last unlistedFor.
func (u *unlistedWrites) over() bool {
	until := u.until.Load()
	return until == 0 || time.Now().UnixNano() >= until
}

// seen notes that such a reaction was set some time ago.
func (u *unlistedWrites) seen(ago time.Duration) {
	until := time.Now().Add(unlistedFor - ago).UnixNano()
	for {
		old := u.until.Load()
		if old >= until || u.until.CompareAndSwap(old, until) {
			return
		}
	}
}

// startUnlisted reads when such a reaction was last set before the node follows the log.
func (s *Store) startUnlisted(ctx context.Context) error {
	since, ok, err := s.reactions.SinceUnlisted(ctx)
	if err != nil || !ok {
		return err
	}
	s.unlisted.seen(since)
	return nil
}
