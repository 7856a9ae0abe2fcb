package live

import (
	"context"
	"sync"
	"time"

	"roost/events"
	"roost/internal/lifecycle"
)

// ReactionState is a tweet's counts after a changed reaction, or the tweet's deletion.
type ReactionState struct {
	TweetID int64
	events.TweetCounts
	Deleted bool
	// Unknown means that changes were skipped and the counts must be read again. Only TweetID and Anew are set with it.
	Unknown bool
	// Anew, which is set with Unknown only, means that the database may have gone back to an older state, and revisions with it.
	Anew bool
}

// StateOf returns the counts of a tweet as a state.
func StateOf(tweetID int64, c events.TweetCounts) ReactionState {
	return ReactionState{TweetID: tweetID, TweetCounts: c}
}

// newer reports whether s replaces old.
func (s ReactionState) newer(old ReactionState) bool {
	return !old.Deleted && (s.Deleted || s.Revision > old.Revision)
}

// mergeFor is the least time between two pushes to one subscriber; changes within it are merged.
const mergeFor = 250 * time.Millisecond

// waitingStates are the latest states that wait to be pushed to subscribers, one for each tweet.
type waitingStates struct {
	latest map[int64]ReactionState
	// unread are tweets whose counts have changed and must be read.
	unread map[int64]bool
	// anew means that the database went back to an older state, so revisions in latest may be lower than those pushed before.
	anew bool
}

func newWaitingStates() waitingStates {
	return waitingStates{latest: map[int64]ReactionState{}, unread: map[int64]bool{}}
}

type latestReactions struct {
	mu sync.Mutex
	waitingStates
	some lifecycle.Wake
}

func (f *latestReactions) put(s ReactionState, watched bool) {
	if !watched {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, ok := f.latest[s.TweetID]; !ok || s.newer(old) {
		f.latest[s.TweetID] = s
	}
	f.some.Signal()
}

// read makes the hub read the counts of a tweet. Changes that come before it does so are read with them.
func (f *latestReactions) read(tweetID int64, watched bool) {
	if !watched {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unread[tweetID] = true
	f.some.Signal()
}

// restart drops the states that wait, and makes the subscribers read all counts again.
func (f *latestReactions) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waitingStates = newWaitingStates()
	f.anew = true
	f.some.Signal()
}

func (f *latestReactions) take() waitingStates {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.waitingStates
	f.waitingStates = newWaitingStates()
	return all
}

// ReactionSubscription receives the reaction counts of some tweets. Only Close may be called from several goroutines.
type ReactionSubscription struct {
	hub    *Hub
	tweets []int64
	mu     sync.Mutex
	latest map[int64]ReactionState
	// skipped means that changes were skipped since the last Next.
	skipped bool
	// anew means that revisions may have gone back since the last Next.
	anew bool
	some lifecycle.Wake
	wake func() // of Ready; nil unless somebody waits so
	// last is when Next returned states last.
	last time.Time
}

// SubscribeReactions subscribes to the reaction counts of tweets from now on.
func (h *Hub) SubscribeReactions(tweetIDs []int64) *ReactionSubscription {
	s := &ReactionSubscription{hub: h, tweets: tweetIDs, latest: map[int64]ReactionState{}, some: lifecycle.NewWake()}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range tweetIDs {
		add(h.counts, id, s)
	}
	return s
}

// Next waits for changes and returns the latest state of each tweet that changed. Calls that return states are at least 250 ms
// apart (mergeFor). The only error is the context's.
func (s *ReactionSubscription) Next(ctx context.Context) ([]ReactionState, error) {
	for {
		if got := s.Take(); len(got) > 0 {
			return got, nil
		}
		select {
		case <-s.some:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if wait := s.pause(); wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
}

// Take returns what Next would return at once; nil if Next would wait.
func (s *ReactionSubscription) Take() []ReactionState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.latest) == 0 && !s.skipped {
		return nil
	}
	now := time.Now()
	if now.Sub(s.last) < mergeFor {
		return nil
	}
	s.last = now
	return s.take()
}

// Ready reports whether Next would return states at once. If not, wake is called once, when that changes. It is called with locks of
// the hub held, so it must not block or use the hub. A nil wake is not called.
func (s *ReactionSubscription) Ready(wake func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake = wake
	if len(s.latest) == 0 && !s.skipped {
		return false
	}
	if mergeFor-time.Since(s.last) <= 0 {
		s.wake = nil
		return true
	}
	s.notify()
	return false
}

// notify makes Next and Ready notice that there is something to take. The caller holds the lock.
func (s *ReactionSubscription) notify() {
	s.some.Signal()
	wake := s.wake
	if s.wake = nil; wake == nil {
		return
	}
	if wait := mergeFor - time.Since(s.last); wait > 0 {
		time.AfterFunc(wait, wake)
		return
	}
	wake()
}

// pause is how long Next has to wait before it may return states.
func (s *ReactionSubscription) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return mergeFor - time.Since(s.last)
}

// take returns and forgets what has arrived. The caller holds the lock.
func (s *ReactionSubscription) take() []ReactionState {
	got := make([]ReactionState, 0, len(s.tweets))
	if s.skipped {
		for _, id := range s.tweets {
			got = append(got, ReactionState{TweetID: id, Unknown: true, Anew: s.anew})
		}
	} else {
		for _, st := range s.latest {
			got = append(got, st)
		}
	}
	clear(s.latest)
	s.skipped, s.anew = false, false
	return got
}

// Close ends the subscription.
func (s *ReactionSubscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for _, id := range s.tweets {
		remove(s.hub.counts, id, s)
		if s.hub.counts[id] == nil {
			delete(s.hub.pushed, id)
		}
	}
}

func (s *ReactionSubscription) push(st ReactionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.latest[st.TweetID]; !ok || st.newer(old) {
		s.latest[st.TweetID] = st
	}
	s.notify()
}

func (s *ReactionSubscription) skip(anew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skipped = true
	s.anew = s.anew || anew
	s.notify()
}

// readReactions makes every subscriber read the counts again, because changes were skipped or the database went back.
func (h *Hub) readReactions(anew bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if anew {
		clear(h.pushed)
		clear(h.own)
	}
	for _, subs := range h.counts {
		for s := range subs {
			s.skip(anew)
		}
	}
}

// readReactionsOf makes the subscribers of one tweet read its counts again.
func (h *Hub) readReactionsOf(tweetID int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.counts[tweetID] {
		s.skip(false)
	}
}

func (h *Hub) watched(tweetID int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.counts[tweetID]) > 0
}
