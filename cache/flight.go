package cache

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"roost/internal/admission"
)

// flight is one fetch of a key that misses, for all readers in the process that ask before it starts.
// Who asks after that is gathered in the next, which starts when it has ended: so nobody is given an
// answer that may be from before the question, and a key costs one fetch at a time, unless one stands still.
type flight struct {
	key  string
	born time.Time
	done chan struct{}
	// value and err may be read once done is closed.
	value Value
	err   error

	started bool // under flights.mu

	// The leader's alone:
	after *flight // ends before this starts, if that is soon; nil if there is none
	away  bool    // Redis was not there for the key
	token string  // of the lease, empty without one
	epoch int64   // of the log, when the round began that reads SQL
	ended bool
	// behind is how often what SQL gave was older than what Redis has been told.
	behind int
}

// behindMost is how often that is read again. It needs a write each time, or a database that lags.
const behindMost = 3

// errAbandoned tells readers that the one who fetched for them has left: they look again.
var errAbandoned = errors.New("the fetch was abandoned")

// flights are the newest flights by key.
type flights struct {
	mu     sync.Mutex
	latest map[string]*flight
}

// enter gives for every key the flight to wait for, whether this call has made it, and all that it has:
// those it leads.
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

// start ends the gathering.
func (f *flights) start(led []*flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fl := range led {
		fl.started = true
	}
}

// finish gives the answer. Only the first counts.
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

// wait waits for a flight to end. The request does not count as running meanwhile, see package admission.
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

// pause is how long to wait for another's fill after having waited for a while: most fills take no more than some
// milliseconds, and a slow one is not asked about often.
func (t *Tier) pause(waited time.Duration) time.Duration {
	d := min(max(waited, t.pace.pollFrom), t.pace.pollTo)
	return d/2 + rand.N(d/2+1)
}
