package rows

import (
	"context"

	"roost/cache"
	"roost/cache/local"
)

// boundParts and maxBoundBytes bound the memory for the bounds of lists of one kind; see cache.Tier.Reserve. 1 MiB is some 18,000 viewers.
const boundParts, maxBoundBytes = 256, 1 << 20

// viewerLists answers one question about a viewer and many tweets from a list of what the viewer did to the newest of the tweets. What
// the list does not cover is read one by one. L is a list, K and S are the key and the state of what is read one by one, and V is the
// answer.
type viewerLists[L any, K comparable, S, V any] struct {
	lists  *Entity[int64, *L]
	single *Entity[K, S]
	// bounds remembers where the lists of viewers began when they were last read. A bound that is old costs a round trip, no more.
	bounds *local.Store[int64, int64]
	viewerListRules[L, K, S, V]
}

// viewerListRules are what differs between kinds of viewerLists.
type viewerListRules[L any, K comparable, S, V any] struct {
	// none is the list of a viewer without a row.
	none *L
	// from returns the lowest tweet that a list covers.
	from func(*L) int64
	// listed returns the answer that a list has for a tweet; ok is false if it does not cover the tweet. A list of nil covers none.
	listed func(l *L, tweetID int64) (v V, ok bool)
	key    func(tweetID, viewerID int64) K
	// alone returns the answer of a state.
	alone func(S) V
}

// newViewerLists returns the lists of an entity, beside the entity of what they do not cover. name is that of the bounds in the metrics.
func newViewerLists[L any, K comparable, S, V any](name string, lists *Entity[int64, *L], single *Entity[K, S],
	rules viewerListRules[L, K, S, V]) (*viewerLists[L, K, S, V], error) {
	bounds, err := local.New[int64](local.Config[int64]{Entity: name,
		MaxBytes: lists.tier.Reserve(boundParts, local.MinBytes, maxBoundBytes)})
	return &viewerLists[L, K, S, V]{lists, single, bounds, rules}, err
}

// bound guesses where the list of a viewer begins.
func (l *viewerLists[L, K, S, V]) bound(viewerID int64) int64 {
	if bound, ok := l.bounds.Get(viewerID); ok {
		return bound
	}
	if list, ok := l.lists.Peek(viewerID); ok {
		return l.from(list)
	}
	return 0
}

// ViewerQuestion is a question about one viewer and some tweets. It reads the viewer's list, and what concerns tweets below its bound
// one by one, in the same round trip if the process remembers the bound, otherwise in a second one. It must not be used concurrently.
type ViewerQuestion[L any, K comparable, S, V any] struct {
	of       *viewerLists[L, K, S, V]
	viewerID int64
	tweetIDs []int64
	// single[i] is the index in keys of what is read by itself for tweet i, or -1.
	single []int32
	keys   []K

	lists       *Question[int64, *L] // nil if the list is known, or not used
	first, then *Question[K, S]
	list        *L // once it was decoded
	complete    bool
}

// ask returns a question about a viewer, which is 0 without a session. known is the viewer's list, if the same operation has read it
// already, otherwise nil. usable is false if lists must not be used. ask does not read anything.
func (l *viewerLists[L, K, S, V]) ask(viewerID int64, tweetIDs []int64, known *L, usable bool) *ViewerQuestion[L, K, S, V] {
	q := &ViewerQuestion[L, K, S, V]{of: l, viewerID: viewerID, tweetIDs: tweetIDs, list: known,
		complete: viewerID == 0 || len(tweetIDs) == 0}
	if q.complete {
		return q
	}
	bound := int64(0)
	if known == nil && usable {
		q.lists = l.lists.Ask([]int64{viewerID})
		bound = l.bound(viewerID)
	}
	q.single = make([]int32, len(tweetIDs))
	for i, id := range tweetIDs {
		alone := !usable && known == nil || id < bound
		if known != nil {
			_, ok := l.listed(known, id)
			alone = !ok
		}
		q.single[i] = -1
		if alone {
			q.readAlone(i)
		}
	}
	if len(q.keys) > 0 {
		q.first = l.single.Ask(q.keys)
	}
	return q
}

func (q *ViewerQuestion[L, K, S, V]) readAlone(i int) {
	q.single[i] = int32(len(q.keys))
	q.keys = append(q.keys, q.of.key(q.tweetIDs[i], q.viewerID))
}

// Requests returns the question in the form that the tier takes: up to two requests, nil where there is none.
func (q *ViewerQuestion[L, K, S, V]) Requests() (all [2]*cache.Request) {
	if q.lists != nil {
		all[0] = q.lists.Request()
	}
	if q.first != nil {
		all[1] = q.first.Request()
	}
	return all
}

// finish decodes the list, and reads what concerns tweets that the list turned out not to cover.
func (q *ViewerQuestion[L, K, S, V]) finish(ctx context.Context) error {
	if q.lists != nil {
		list, ok, err := q.lists.At(ctx, 0)
		if err != nil {
			return err
		}
		if q.list = list; !ok || list == nil {
			q.list = q.of.none
		}
		if q.list != nil {
			q.of.remember(q.viewerID, q.of.from(q.list))
		}
	}
	asked := len(q.keys)
	for i, id := range q.tweetIDs {
		if _, ok := q.of.listed(q.list, id); !ok && q.single[i] < 0 {
			q.readAlone(i)
		}
	}
	if len(q.keys) > asked {
		q.then = q.of.single.Ask(q.keys[asked:])
		_ = q.of.single.tier.Load(ctx, q.then.Request()) // At returns its error
	}
	q.complete = true
	return nil
}

// remember notes where the list of a viewer begins. Of a list that has everything it notes so only if it was different before.
func (l *viewerLists[L, K, S, V]) remember(viewerID, from int64) {
	if bound, ok := l.bounds.Get(viewerID); (ok || from > 0) && bound != from {
		l.bounds.Put(viewerID, from)
	}
}

// List returns the viewer's list if the question has read it or was made with it, otherwise nil. The question must have been answered.
func (q *ViewerQuestion[L, K, S, V]) List() *L { return q.list }

// At returns the answer for the tweet with index i. The question must have been answered.
func (q *ViewerQuestion[L, K, S, V]) At(ctx context.Context, i int) (v V, err error) {
	if q.viewerID == 0 {
		return v, nil
	}
	if !q.complete {
		if err := q.finish(ctx); err != nil {
			return v, err
		}
	}
	if v, ok := q.of.listed(q.list, q.tweetIDs[i]); ok {
		return v, nil
	}
	at, from := int(q.single[i]), q.first
	if from == nil || at >= len(from.keys) {
		at, from = at-(len(q.keys)-len(q.then.keys)), q.then
	}
	state, _, err := from.At(ctx, at)
	return q.of.alone(state), err
}
