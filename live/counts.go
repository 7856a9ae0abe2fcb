package live

import (
	"context"
	"sync"
	"time"
)

// State is a tweet's counts after a change, or its end.
type State struct {
	TweetID                   int64
	Likes, Dislikes, Revision int64
	Deleted                   bool
	// Unknown says that changes were skipped: nothing else is set, and the counts must be read again.
	Unknown bool
	// Anew comes with Unknown, and says that revisions may have gone back, because the database has.
	Anew bool
}

// newer reports whether s replaces old.
func (s State) newer(old State) bool {
	return !old.Deleted && (s.Deleted || s.Revision > old.Revision)
}

// mergeFor is how long changes of counts are gathered before they are sent: the least time between two
// pushes to one subscriber.
const mergeFor = 50 * time.Millisecond

// freshCounts are the latest states that wait to be carried to subscribers, one per tweet.
type freshCounts struct {
	mu     sync.Mutex
	latest map[int64]State
	// anew says that the database went back: latest does not follow on what was sent before.
	anew bool
	some chan struct{}
}

func (f *freshCounts) put(s State, watched bool) {
	if !watched {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, ok := f.latest[s.TweetID]; !ok || s.newer(old) {
		f.latest[s.TweetID] = s
	}
	signal(f.some)
}

// restart drops what waits, and has all counts read again.
func (f *freshCounts) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest, f.anew = map[int64]State{}, true
	signal(f.some)
}

func (f *freshCounts) take() (latest map[int64]State, anew bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	latest, anew = f.latest, f.anew
	f.latest, f.anew = map[int64]State{}, false
	return latest, anew
}

// Counts is a subscription to the counts of some tweets.
type Counts struct {
	hub    *Hub
	tweets []int64
	mu     sync.Mutex
	latest map[int64]State
	// skipped says that changes were passed over since the last Next.
	skipped bool
	// anew says that revisions may have gone back since.
	anew bool
	some chan struct{}
	last time.Time
}

// SubscribeCounts subscribes to the counts of tweets from now on.
func (h *Hub) SubscribeCounts(tweetIDs []int64) *Counts {
	s := &Counts{hub: h, tweets: tweetIDs, latest: map[int64]State{}, some: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range tweetIDs {
		add(h.counts, id, s)
	}
	return s
}

// Next waits for changes and gives the latest state of each tweet that changed. Two calls that give
// something are at least mergeFor apart.
func (s *Counts) Next(ctx context.Context) ([]State, error) {
	for {
		select {
		case <-s.some:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if wait := mergeFor - time.Since(s.last); wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if got := s.take(); len(got) > 0 {
			s.last = time.Now()
			return got, nil
		}
	}
}

func (s *Counts) take() []State {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := make([]State, 0, len(s.tweets))
	if s.skipped {
		for _, id := range s.tweets {
			got = append(got, State{TweetID: id, Unknown: true, Anew: s.anew})
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
func (s *Counts) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for _, id := range s.tweets {
		remove(s.hub.counts, id, s)
	}
}

func (s *Counts) push(st State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.latest[st.TweetID]; !ok || st.newer(old) {
		s.latest[st.TweetID] = st
	}
	signal(s.some)
}

func (s *Counts) skip(anew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skipped = true
	s.anew = s.anew || anew
	signal(s.some)
}

// skipCounts has every subscriber read again, because changes were skipped, or the counts begin anew.
func (h *Hub) skipCounts(anew bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subs := range h.counts {
		for s := range subs {
			s.skip(anew)
		}
	}
}

// skipCountsOf has the subscribers of one tweet read its counts again.
func (h *Hub) skipCountsOf(tweetID int64) {
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

func (h *Hub) carryCounts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.fresh.some:
		}
		guard(ctx, "counts", func() {
			latest, anew := h.fresh.take()
			if anew {
				h.skipCounts(true)
			}
			for id, st := range latest {
				h.tellCounts(id, st)
			}
		})
	}
}

func (h *Hub) tellCounts(tweetID int64, st State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.counts[tweetID] {
		s.push(st)
	}
}
