package lifecycle

import (
	"context"
	"log/slog"
	"time"
)

// Poll looks for work again and again: at intervals, and at once when it is woken. Its Run fits a [Loop]:
//
//	wake := lifecycle.NewWake()
//	poll := lifecycle.Poll{Look: drain, Every: time.Second, Retry: 5 * time.Second, Wake: wake, Warning: "nothing is drained"}
//	loop := &lifecycle.Loop{Run: poll.Run}
//	…
//	wake.Signal() // there is something to drain
type Poll struct {
	// Look does the work that there is, or a part of it, and reports whether there is more. woken is true if a signal led to the
	// call, and false if the time did.
	Look func(ctx context.Context, woken bool) (more bool, err error)
	// Every is the time from a look that found nothing more to the next one, unless Wake is signalled before.
	Every time.Duration
	// Pace, if it is not nil, is called after each look that found nothing more, and its result replaces Every.
	Pace func() time.Duration
	// Retry is the time from a look that failed to the next one. Signals do not shorten it.
	Retry time.Duration
	// Rest is the time from a look that found more to the next one; 0 is none. Signals do not shorten it.
	Rest time.Duration
	// Apart is the least time between the beginnings of a look and of one that a signal leads to; 0 is none. The first of many signals
	// is followed at once, and those that come within Apart by one look.
	Apart time.Duration
	// Steady counts Every and Retry from the beginning of a look, as a ticker does, and not from its end. A look that took
	// longer is followed by the next one at once.
	Steady bool
	// Wake ends the wait of Every; nil has no signals.
	Wake Wake
	// Warning is logged with Attrs and the error of a look, as often as a [Throttle] lets it pass.
	Warning string
	Attrs   []any
}

// Steadily returns the steady poll that calls do at once, and then each time that every has passed, also after a failure.
func Steadily(every time.Duration, warning string, do func(ctx context.Context) error) Poll {
	look := func(ctx context.Context, _ bool) (more bool, err error) { return false, do(ctx) }
	return Poll{Look: look, Every: every, Retry: every, Steady: true, Warning: warning}
}

// Run looks at once, then as the fields say, until ctx ends.
func (p Poll) Run(ctx context.Context) {
	var warnings Throttle
	woken := false
	for ctx.Err() == nil {
		began := time.Now()
		more, err := p.Look(ctx, woken)
		woken = false
		switch {
		case err != nil:
			if ctx.Err() == nil && warnings.Allow() {
				slog.WarnContext(ctx, p.Warning, append(p.Attrs[:len(p.Attrs):len(p.Attrs)], "error", err)...)
			}
			Pause(ctx, nil, p.left(p.Retry, began))
		case !more:
			every := p.Every
			if p.Pace != nil {
				every = p.Pace()
			}
			if woken = Pause(ctx, p.Wake, p.left(every, began)); !woken {
				break
			}
			if wait := p.Apart - time.Since(began); p.Apart > 0 && wait > 0 {
				Pause(ctx, nil, wait)
				p.Wake.clear()
			}
		case p.Rest > 0:
			Pause(ctx, nil, p.Rest)
		}
	}
}

// left returns what is left of the time between two looks.
func (p Poll) left(d time.Duration, began time.Time) time.Duration {
	if p.Steady {
		return d - time.Since(began)
	}
	return d
}

// Wake carries signals to one goroutine. Signals that come before it waits are one.
type Wake chan struct{}

// NewWake returns a wake without a signal.
func NewWake() Wake { return make(Wake, 1) }

// Signal ends the wait of the goroutine, or its next one. It never blocks.
func (w Wake) Signal() {
	select {
	case w <- struct{}{}:
	default:
	}
}

// clear takes back a signal that nobody has waited for yet.
func (w Wake) clear() {
	select {
	case <-w:
	default:
	}
}

// Pause waits until d has passed, wake is signalled or ctx ends. It reports whether it was woken. A nil wake has no signals.
func Pause(ctx context.Context, wake Wake, d time.Duration) (woken bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
		return true
	case <-ctx.Done():
	}
	return false
}
