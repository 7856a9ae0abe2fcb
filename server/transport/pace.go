package transport

import "time"

// pace is a token bucket for one goroutine.
type pace struct {
	rate, burst, tokens float64
	last                time.Time
}

func newPace(rate, burst float64) pace { return pace{rate: rate, burst: burst, tokens: burst} }

// allow takes a token, if there is one.
func (p *pace) allow(now time.Time) bool {
	if !p.last.IsZero() {
		p.tokens = min(p.burst, p.tokens+p.rate*now.Sub(p.last).Seconds())
	}
	p.last = now
	if p.tokens < 1 {
		return false
	}
	p.tokens--
	return true
}
