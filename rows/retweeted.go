package rows

import (
	"context"

	"roost/cache"
	"roost/cache/local"
	"roost/domain/retweets"
)

// retweetBounds is reactedBounds for lists of retweets.
type retweetBounds struct{ store *local.Store[int64, int64] }

func newRetweetBounds() (retweetBounds, error) {
	s, err := local.New[int64](local.Config[int64]{Entity: "retweeted", MaxBytes: boundBytes})
	return retweetBounds{s}, err
}

// RetweetsQuestion is whether one viewer retweets some tweets. Like a ReactionsQuestion it reads the viewer's list, and the retweets of
// tweets below the list's bound one by one, in the same round trip if the process remembers the bound, otherwise in a second one. It
// must not be used concurrently.
type RetweetsQuestion struct {
	store    *Store
	viewerID int64
	tweetIDs []int64
	// single[i] is the index in keys of the retweet of tweet i that is read by itself, or -1.
	single []int32
	keys   []retweets.Key

	lists       *Question[int64, *retweets.List] // nil if the list is known
	first, then *Question[retweets.Key, retweets.State]
	list        *retweets.List // once it was decoded; never nil then
	complete    bool
}

// retweetBoundOf guesses where the list of a viewer begins.
func (s *Store) retweetBoundOf(viewerID int64) int64 {
	if bound, ok := s.retweetBounds.store.Get(viewerID); ok {
		return bound
	}
	if list, ok := s.Retweeted.Peek(viewerID); ok {
		return list.CompleteFrom
	}
	return 0
}

// AskRetweets returns a question about the retweets of a viewer, which is 0 without a session. known is the viewer's list, if the same
// operation has read it already, otherwise nil. AskRetweets does not read anything.
func (s *Store) AskRetweets(viewerID int64, tweetIDs []int64, known *retweets.List) *RetweetsQuestion {
	q := &RetweetsQuestion{store: s, viewerID: viewerID, tweetIDs: tweetIDs, list: known, complete: viewerID == 0 || len(tweetIDs) == 0}
	if q.complete {
		return q
	}
	bound := int64(0)
	if known == nil {
		q.lists = s.Retweeted.Ask([]int64{viewerID})
		bound = s.retweetBoundOf(viewerID)
	} else {
		bound = known.CompleteFrom
	}
	q.single = make([]int32, len(tweetIDs))
	for i, id := range tweetIDs {
		if q.single[i] = -1; id < bound {
			q.readAlone(i)
		}
	}
	if len(q.keys) > 0 {
		q.first = s.Retweets.Ask(q.keys)
	}
	return q
}

func (q *RetweetsQuestion) readAlone(i int) {
	q.single[i] = int32(len(q.keys))
	q.keys = append(q.keys, retweets.Key{TweetID: q.tweetIDs[i], UserID: q.viewerID})
}

// Requests returns the question in the form that the tier takes: up to two requests, nil where there is none.
func (q *RetweetsQuestion) Requests() (all [2]*cache.Request) {
	if q.lists != nil {
		all[0] = q.lists.Request()
	}
	if q.first != nil {
		all[1] = q.first.Request()
	}
	return all
}

// finish decodes the list, and reads the retweets of tweets that the list turned out not to cover.
func (q *RetweetsQuestion) finish(ctx context.Context) error {
	if q.lists != nil {
		list, _, err := q.lists.At(ctx, 0)
		if err != nil {
			return err
		}
		if q.list = list; list == nil {
			q.list = &retweets.List{} // has never retweeted
		}
		bounds := q.store.retweetBounds.store
		if bound, ok := bounds.Get(q.viewerID); (ok || q.list.CompleteFrom > 0) && bound != q.list.CompleteFrom {
			bounds.Put(q.viewerID, q.list.CompleteFrom)
		}
	}
	asked := len(q.keys)
	for i, id := range q.tweetIDs {
		if _, ok := q.list.Has(id); !ok && q.single[i] < 0 {
			q.readAlone(i)
		}
	}
	if len(q.keys) > asked {
		q.then = q.store.Retweets.Ask(q.keys[asked:])
		q.store.Answer(ctx, q.then.Request())
	}
	q.complete = true
	return nil
}

// List returns the viewer's list once At was called, nil without a viewer or tweets.
func (q *RetweetsQuestion) List() *retweets.List { return q.list }

// At reports whether the viewer retweets the tweet with index i. The question must have been answered.
func (q *RetweetsQuestion) At(ctx context.Context, i int) (bool, error) {
	if q.viewerID == 0 {
		return false, nil
	}
	if !q.complete {
		if err := q.finish(ctx); err != nil {
			return false, err
		}
	}
	if yes, ok := q.list.Has(q.tweetIDs[i]); ok {
		return yes, nil
	}
	at, from := int(q.single[i]), q.first
	if from == nil || at >= len(from.keys) {
		at, from = at-(len(q.keys)-len(q.then.keys)), q.then
	}
	state, _, err := from.At(ctx, at)
	return state.SortKey != 0, err
}
