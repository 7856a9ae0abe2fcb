package rows

import "sync"

// maxGone is the most deleted tweets that a process remembers. With more, it forgets them all and begins anew.
const maxGone = 1 << 16

// goneTweets are tweets whose rows were read as deleted. Lists of retweets contain them: a deletion does not change the lists of all who
// have retweeted the tweet. They are left out when pages are made, so that a page with such a retweet is filled up once, and not by each
// reader. A deletion is final, until the database goes back to an earlier state; then all copies are dropped, and these with them.
type goneTweets struct {
	mu  sync.RWMutex
	ids map[int64]struct{}
}

func (g *goneTweets) note(id int64) {
	if g.has(id) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.ids) >= maxGone || g.ids == nil {
		g.ids = map[int64]struct{}{}
	}
	g.ids[id] = struct{}{}
}

func (g *goneTweets) has(id int64) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	_, ok := g.ids[id]
	return ok
}

func (g *goneTweets) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ids = nil
}
