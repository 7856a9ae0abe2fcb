package live

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"roost/events"
)

// Counts that cannot be read are read again after a pause of firstPause, which doubles with each failure up to longestPause.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = time.Second
)

func (h *Hub) carryReactions(ctx context.Context) {
	unread := map[int64]bool{} // the tweets whose counts have yet to be read
	var again <-chan time.Time // when to try it again, after a failure
	pause := firstPause
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.pending.some:
		case <-again:
			again = nil
		}
		guard(ctx, "counts", func() {
			all := h.pending.take()
			if all.anew {
				h.readReactions(true)
			}
			for id, st := range all.latest {
				h.pushReactions(id, st)
			}
			maps.Copy(unread, all.unread)
			if len(unread) == 0 || again != nil {
				return
			}
			again = time.After(pause) // unless this succeeds
			if err := h.pushUnread(ctx, slices.Collect(maps.Keys(unread))); err != nil {
				slog.DebugContext(ctx, "live updates wait for counts that cannot be read", "error", err)
				pause = min(2*pause, longestPause)
				return
			}
			clear(unread)
			again, pause = nil, firstPause
		})
	}
}

// pushUnread reads the counts of tweets once for all of their subscribers, and pushes them.
func (h *Hub) pushUnread(ctx context.Context, tweets []int64) error {
	if h.Counts == nil {
		for _, id := range tweets {
			h.readReactionsOf(id)
		}
		return nil
	}
	now, err := h.Counts(ctx, tweets)
	if err != nil {
		return err
	}
	for _, id := range tweets {
		h.pushReactions(id, StateOf(id, now[id]))
	}
	return nil
}

// pushReactions pushes a state to the subscribers of a tweet, unless they have got it or a newer one already. Subscribers who came since
// then have read it.
func (h *Hub) pushReactions(tweetID int64, st ReactionState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	subs := h.counts[tweetID]
	if old, ok := h.pushed[tweetID]; len(subs) == 0 || ok && !st.newer(old) {
		return
	}
	h.pushed[tweetID] = st
	for s := range subs {
		s.push(st)
	}
}

// maxOwn is how many changes of this node are remembered until they come from the log. If there are more, all are forgotten: their counts
// are then read once more.
const maxOwn = 4096

// ownChange names a transaction's change of a tweet's reactions, by the first of the changed reactions.
type ownChange struct{ tweetID, userID, version int64 }

func ownChangeOf(e events.ReactionsChanged) (key ownChange, ok bool) {
	if len(e.Changes) == 0 {
		return ownChange{}, false
	}
	return ownChange{e.TweetID, e.Changes[0].UserID, e.Changes[0].Version}, true
}

// changed pushes the counts after a change of reactions. They are in the event, or are read. A change of this node whose counts were pushed
// at its commit needs nothing when it comes from the log.
func (h *Hub) changed(e events.ReactionsChanged) {
	watched := h.watched(e.TweetID)
	now := e.Counts()
	key, named := ownChangeOf(e)
	if named && watched && h.seen(key, now != nil) {
		return
	}
	if now != nil {
		h.pending.put(StateOf(e.TweetID, *now), watched)
	} else {
		h.pending.read(e.TweetID, watched)
	}
}

// seen remembers a change that this node commits, or forgets one that comes from the log. It reports whether the latter was remembered.
func (h *Hub) seen(key ownChange, commits bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !commits {
		_, own := h.own[key]
		delete(h.own, key)
		return own
	}
	if len(h.own) >= maxOwn {
		clear(h.own)
	}
	h.own[key] = struct{}{}
	return false
}
