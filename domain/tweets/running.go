package tweets

import (
	"crypto/sha256"
	"sync"
)

// running are the keyed posts that run in this process, at most one for each key of a user. Its zero value is ready for use.
type running struct {
	mu  sync.Mutex
	all map[userKey]*attempt
}

// attempt is a keyed post that runs. Its result is set before done is closed.
type attempt struct {
	done      chan struct{}
	posted    int64 // the tweet that the key belongs to; 0 if the attempt failed
	arguments [sha256.Size]byte
}

// begin returns a new attempt, or the one that runs.
func (r *running) begin(k userKey) (mine, other *attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.all[k]; a != nil {
		return nil, a
	}
	if r.all == nil {
		r.all = map[userKey]*attempt{}
	}
	a := &attempt{done: make(chan struct{})}
	r.all[k] = a
	return a, nil
}

// end ends an attempt. Those who wait for it get its result.
func (r *running) end(k userKey, a *attempt) {
	r.mu.Lock()
	delete(r.all, k)
	r.mu.Unlock()
	close(a.done)
}
