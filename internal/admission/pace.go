package admission

import "time"

// pace is how fast those that wait are let in, measured while there are some all the time.
type pace struct {
	last  time.Time // the last one, zero when nobody waits
	steps int
	mean  time.Duration
}

const (
	// paceSteps is how many steps a pace needs before it means something.
	paceSteps = 16
	// paceWeight is the part of the mean that a step moves.
	paceWeight = 16
	// paceJump is how many times the mean a step counts at most: a pause of the whole process is no pace.
	paceJump = 4
)

// step notes that one was let in; more says that others still wait.
func (p *pace) step(now time.Time, more bool) {
	if !p.last.IsZero() {
		p.steps++
		took := now.Sub(p.last)
		if p.steps > 1 {
			took = min(took, paceJump*p.mean+time.Microsecond)
		}
		p.mean += (took - p.mean) / time.Duration(min(p.steps, paceWeight))
	}
	p.last = now
	if !more {
		*p = pace{}
	}
}

// interval is the mean time between two, 0 if that is not known.
func (p *pace) interval() time.Duration {
	if p.steps < paceSteps {
		return 0
	}
	return p.mean
}
