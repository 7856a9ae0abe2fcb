package accounts

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"roost/internal/admission"
	"roost/internal/lifecycle"
)

const (
	// refusalRate is how many refusals a second one address gets after the first refusalBurst, which are immediate. A refusal
	// costs no hash, but it costs a request, and a client that is refused at once asks again at once.
	refusalRate  = 200
	refusalBurst = 1000
	// maxRefusalDelay is the longest delay of a refusal.
	maxRefusalDelay = 2 * time.Second
	// pacedAddresses bounds the addresses that a pacer remembers; the least recently refused one is forgotten first.
	pacedAddresses = 8192
)

// pacer delays refusals to addresses that collect too many.
type pacer struct {
	// due is when the next refusal of an address is due at refusalRate.
	due *lru.Cache[string, time.Time]
}

func newPacer() *pacer {
	due, _ := lru.New[string, time.Time](pacedAddresses) // fails for sizes below 1 only
	return &pacer{due}
}

// delay counts a refusal of an address and returns its delay. Concurrent refusals may count as one.
func (p *pacer) delay(address string, now time.Time) time.Duration {
	due, _ := p.due.Get(address)
	if earliest := now.Add(-refusalBurst * time.Second / refusalRate); due.Before(earliest) {
		due = earliest
	}
	due = due.Add(time.Second / refusalRate)
	if latest := now.Add(maxRefusalDelay); due.After(latest) {
		due = latest
	}
	p.due.Add(address, due)
	return max(due.Sub(now), 0)
}

// wait delays a refusal of an address. The request does not count as running meanwhile.
func (p *pacer) wait(ctx context.Context, address string) {
	d := p.delay(address, time.Now())
	if d == 0 {
		return
	}
	defer admission.FromContext(ctx).Pause()()
	lifecycle.Pause(ctx, nil, d)
}
