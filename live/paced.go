package live

import (
	"sync"
	"time"
)

// pacedWithin is by how much a paced call may come later than it is due, so that calls at about the same time share a timer.
const pacedWithin = 10 * time.Millisecond

// pacedCalls calls functions after a while. When a tweet changes faster than its subscribers may receive its counts, all of them wait at
// the same time, each for a moment of its own. Calls that are due within pacedWithin share one timer and one goroutine.
type pacedCalls struct {
	since time.Time // from which the moments count

	mu  sync.Mutex
	due map[time.Duration][]func() // by the moment
}

func newPacedCalls() *pacedCalls {
	return &pacedCalls{since: time.Now(), due: map[time.Duration][]func(){}}
}

// after calls fn once wait is over, and up to pacedWithin later. fn must not block.
func (p *pacedCalls) after(wait time.Duration, fn func()) {
	now := time.Since(p.since)
	at := (now + wait + pacedWithin - 1).Truncate(pacedWithin)
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting, timed := p.due[at]
	if !timed {
		time.AfterFunc(at-now, func() { p.call(at) })
	}
	p.due[at] = append(waiting, fn)
}

// call calls the functions of a moment.
func (p *pacedCalls) call(at time.Duration) {
	p.mu.Lock()
	waiting := p.due[at]
	delete(p.due, at)
	p.mu.Unlock()
	for _, fn := range waiting {
		fn()
	}
}
