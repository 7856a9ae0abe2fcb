package cache

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"roost/internal/admission"
)

// flight is one fetch of a missing key, shared by all readers of the process that ask before it starts. Readers that ask later share
// the next flight, which starts when this one has ended. So no reader gets a result from before it asked, and each key has one
// fetch at a time, unless a fetch hangs.
type flight struct {
	key  string
	born time.Time
	done chan struct{}
	// value and err may be read once done is closed.
	value Value
	err   error

	started bool // under flights.mu

	// Only the flight's leader, the reader that made it, uses these:
	after *flight // the flight to wait for before this one starts; nil if there is none
	away  bool    // the key's server is unreachable
	token string  // the lease's token, empty without a lease
	epoch int64   // the log's epoch when the round began that reads SQL
	ended bool
	// behind counts how often SQL returned a version below the entry's minimum version.
	behind int
}

// maxRereads is how often such a row is read again. Each time takes another write, or a database that lags.
const maxRereads = 3

// errAbandoned ends a flight whose leader has left. The readers that share it ask again.
var errAbandoned = errors.New("the fetch was abandoned")

// flights holds the newest flight of each key.
type flights struct {
	mu     sync.Mutex
	latest map[string]*flight
}

// enter returns for every key the flight to wait for, and whether this call has made it. led lists the flights that it has made; the
// caller leads them.
func (f *flights) enter(keys []string, away []bool) (all []*flight, made []bool, led []*flight) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, key := range keys {
		cur := f.latest[key]
		if cur == nil || cur.started {
			cur = &flight{key: key, born: now, done: make(chan struct{}), after: cur, away: away[i]}
			f.latest[key] = cur
			led = append(led, cur)
		}
		all, made = append(all, cur), append(made, len(led) > 0 && led[len(led)-1] == cur)
	}
	return all, made, led
}

// start closes flights to further readers.
func (f *flights) start(led []*flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fl := range led {
		fl.started = true
	}
}

// finish ends a flight with its result. Calls after the first change nothing.
func (f *flights) finish(fl *flight, v Value, err error) {
	if fl.ended {
		return
	}
	fl.ended, fl.value, fl.err = true, v, err
	f.mu.Lock()
	if f.latest[fl.key] == fl {
		delete(f.latest, fl.key)
	}
	f.mu.Unlock()
	close(fl.done)
}

// wait blocks until a flight has ended. Meanwhile the request does not count as running; see package admission.
func (fl *flight) wait(ctx context.Context) error {
	select {
	case <-fl.done:
		return nil
	default:
	}
	defer admission.FromContext(ctx).Pause()()
	select {
	case <-fl.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause returns how long to wait before the next LEASE of a reader that has waited for a while. Most fills take a few milliseconds; slow
// ones are polled less often.
func (t *Tier) pause(waited time.Duration) time.Duration {
	d := min(max(waited, t.pace.pollFrom), t.pace.pollTo)
	return d/2 + rand.N(d/2+1)
}
