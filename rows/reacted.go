package rows

import (
	"context"
	"sync/atomic"
	"time"

	"roost/cache"
	"roost/cache/local"
	"roost/domain/reactions"
)

// boundBytes is the memory for the bounds of lists: some 18,000 viewers.
const boundBytes = 1 << 20

// reactedBounds remembers where the lists of viewers began when they were last read. A bound that is old costs a round trip, no more.
type reactedBounds struct{ store *local.Store[int64, int64] }

func newReactedBounds() (reactedBounds, error) {
	s, err := local.New[int64](local.Config[int64]{Entity: "reacted", MaxBytes: boundBytes})
	return reactedBounds{s}, err
}

// ReactionsQuestion is one viewer's reactions to some tweets. It reads the viewer's list, and the reactions to tweets below the list's
// bound one by one, in the same round trip if the process remembers the bound, otherwise in a second one. It must not be used
// concurrently.
type ReactionsQuestion struct {
	store    *Store
	viewerID int64
	tweetIDs []int64
	// single[i] is the index in keys of the reaction to tweet i that is read by itself, or -1.
	single []int32
	keys   []reactions.Key

	lists       *Question[int64, *reactions.List] // nil if the list is known, or not used
	first, then *Question[reactions.Key, reactions.State]
	list        *reactions.List // once it was decoded
	complete    bool
}

// boundOf guesses where the list of a viewer begins.
func (s *Store) boundOf(viewerID int64) int64 {
	if bound, ok := s.bounds.store.Get(viewerID); ok {
		return bound
	}
	if list, ok := s.Reacted.Peek(viewerID); ok {
		return list.CompleteFrom
	}
	return 0
}

// AskReactions returns a question about the reactions of a viewer, which is 0 without a session. known is the viewer's list, if the same
// operation has read it already, otherwise nil. AskReactions does not read anything.
func (s *Store) AskReactions(viewerID int64, tweetIDs []int64, known *reactions.List) *ReactionsQuestion {
	q := &ReactionsQuestion{store: s, viewerID: viewerID, tweetIDs: tweetIDs, list: known, complete: viewerID == 0 || len(tweetIDs) == 0}
	if q.complete {
		return q
	}
	listed, bound := s.unlisted.over(), int64(0)
	if known == nil && listed {
		q.lists = s.Reacted.Ask([]int64{viewerID})
		bound = s.boundOf(viewerID)
	}
	q.single = make([]int32, len(tweetIDs))
	for i, id := range tweetIDs {
		alone := !listed && known == nil || id < bound
		if known != nil {
			_, ok := known.Kind(id)
			alone = !ok
		}
		q.single[i] = -1
		if alone {
			q.readAlone(i)
		}
	}
	if len(q.keys) > 0 {
		q.first = s.Reactions.Ask(q.keys)
	}
	return q
}

func (q *ReactionsQuestion) readAlone(i int) {
	q.single[i] = int32(len(q.keys))
	q.keys = append(q.keys, reactions.Key{TweetID: q.tweetIDs[i], UserID: q.viewerID})
}

// Requests returns the question in the form that the tier takes: up to two requests, nil where there is none.
func (q *ReactionsQuestion) Requests() (all [2]*cache.Request) {
	if q.lists != nil {
		all[0] = q.lists.Request()
	}
	if q.first != nil {
		all[1] = q.first.Request()
	}
	return all
}

// finish decodes the list, and reads the reactions to tweets that the list turned out not to cover.
func (q *ReactionsQuestion) finish(ctx context.Context) (err error) {
	if q.lists != nil {
		if q.list, _, err = q.lists.At(ctx, 0); err != nil {
			return err
		}
		if bound, ok := q.store.bounds.store.Get(q.viewerID); q.list != nil && (ok || q.list.CompleteFrom > 0) && bound != q.list.CompleteFrom {
			q.store.bounds.store.Put(q.viewerID, q.list.CompleteFrom)
		}
	}
	asked := len(q.keys)
	for i, id := range q.tweetIDs {
		if _, ok := q.list.Kind(id); !ok && q.single[i] < 0 {
			q.readAlone(i)
		}
	}
	if len(q.keys) > asked {
		q.then = q.store.Reactions.Ask(q.keys[asked:])
		q.store.Answer(ctx, q.then.Request())
	}
	q.complete = true
	return nil
}

// List returns the viewer's list if the question has read it, otherwise nil. The question must have been answered.
func (q *ReactionsQuestion) List() *reactions.List { return q.list }

// At returns the viewer's reaction to the tweet with index i. The question must have been answered.
func (q *ReactionsQuestion) At(ctx context.Context, i int) (reactions.Kind, error) {
	if q.viewerID == 0 {
		return reactions.None, nil
	}
	if !q.complete {
		if err := q.finish(ctx); err != nil {
			return reactions.None, err
		}
	}
	if kind, ok := q.list.Kind(q.tweetIDs[i]); ok {
		return kind, nil
	}
	at, from := int(q.single[i]), q.first
	if from == nil || at >= len(from.keys) {
		at, from = at-(len(q.keys)-len(q.then.keys)), q.then
	}
	state, _, err := from.At(ctx, at)
	return state.Kind, err
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
