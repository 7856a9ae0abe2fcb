package accounts

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// refusalRate is how many refusals of one address are answered in a second, once refusalBurst have been answered at
	// once: refusing costs no hash, but still a request, and whoever is answered at once asks again at once.
	refusalRate  = 200
	refusalBurst = 1000
	// refusalWait is how long a refusal waits at most.
	refusalWait = 2 * time.Second
	// pacedAddresses is of how many addresses that is known; the one that was refused longest ago is forgotten first.
	pacedAddresses = 8192
)

// pace delays the answers to those who are refused again and again.
type pace struct {
	// ends is when the refusals of an address would have been answered at refusalRate.
	ends *lru.Cache[string, time.Time]
}

func newPace() *pace {
	ends, _ := lru.New[string, time.Time](pacedAddresses) // it fails for sizes below 1
	return &pace{ends}
}

// due counts a refusal of an address, and returns how long its answer should wait.
func (p *pace) due(address string, now time.Time) time.Duration {
	ends, _ := p.ends.Get(address)
	if earliest := now.Add(-refusalBurst * time.Second / refusalRate); ends.Before(earliest) {
		ends = earliest
	}
	// Two at once may count for one: it is a pace, not a limit.
	ends = ends.Add(time.Second / refusalRate)
	p.ends.Add(address, ends)
	wait := ends.Sub(now)
	if wait > refusalWait {
		p.ends.Add(address, now.Add(refusalWait))
		return refusalWait
	}
	return max(wait, 0)
}

// wait delays a refusal of an address.
func (p *pace) wait(ctx context.Context, address string) {
	d := p.due(address, time.Now())
	if d == 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
