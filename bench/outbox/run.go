package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"roost/bench/load"
)

// way is a way from commits to their effects. It runs from start to stop.
type way interface {
	start(ctx context.Context) error
	stop(ctx context.Context) error
	// writers prepares statements for transactions of n events.
	writers(ctx context.Context, n int) error
	// write commits events, the first of them with the number, in one transaction, and notes that it did.
	write(ctx context.Context, first int64, n int) error
	// check fails unless the tables of the way hold all n events that were ever written, handled as they should be.
	check(ctx context.Context, n int64) error
	pool() *sql.DB
}

// Run puts load on one way. It runs one load at a time, between Start and Stop.
type Run struct {
	way    way
	ledger *ledger
}

// stopTimeout bounds a stop.
const stopTimeout = 20 * time.Second

// Start removes what earlier runs left behind in the tables and starts the way.
func (r *Run) Start(ctx context.Context) error {
	if _, err := r.way.pool().ExecContext(ctx, "VACUUM (ANALYZE)"); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	return r.way.start(ctx)
}

// Stop stops the way, and fails unless every event has had its effect, exactly once.
func (r *Run) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := r.way.stop(ctx); err != nil {
		return err
	}
	n := r.ledger.events()
	var rows, first, last int64
	if err := r.way.pool().QueryRowContext(ctx, `SELECT count(*), coalesce(min(event), 1), coalesce(max(event), 0) FROM effects`).
		Scan(&rows, &first, &last); err != nil {
		return err
	}
	if rows != n || first != 1 || last != n {
		return fmt.Errorf("%d events were committed, %d had effects, from number %d to %d", n, rows, first, last)
	}
	return r.way.check(ctx, n)
}

// Close closes the database; call it after Stop.
func (r *Run) Close() error { return r.way.pool().Close() }

// Closed makes writers commit transactions of n events for the time d. Each writer waits for the effects of its last
// transaction before it commits the next. Each writer commits at least one, however short d is. Result counts events.
func (r *Run) Closed(ctx context.Context, writers, n int, d time.Duration) (*load.Result, error) {
	end := time.Now().Add(d)
	return r.run(ctx, writers, n, func(ctx context.Context) error {
		for {
			t, err := r.write(ctx, n)
			if err != nil {
				return err
			}
			if err := wait(ctx, t); err != nil || !time.Now().Before(end) {
				return err
			}
		}
	})
}

// Open commits rate events a second for the time d. Each event has a transaction of its own, and is committed when it is
// due. Latency does not include the delay of a late commit.
func (r *Run) Open(ctx context.Context, writers int, rate float64, d time.Duration) (*load.Result, error) {
	pace := load.NewPacer(time.Now(), rate, d)
	var mu sync.Mutex
	next := func() (time.Time, bool) {
		mu.Lock()
		defer mu.Unlock()
		return pace.Due()
	}
	return r.run(ctx, writers, 1, func(ctx context.Context) error {
		var open []*ticket
		for at, ok := next(); ok; at, ok = next() {
			due := time.NewTimer(time.Until(at))
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-due.C:
			}
			t, err := r.write(ctx, 1)
			if err != nil {
				return err
			}
			open = append(open, t)
		}
		for _, t := range open {
			if err := wait(ctx, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// run runs a function in each writer, and returns the result when all have returned.
func (r *Run) run(ctx context.Context, writers, n int, fn func(context.Context) error) (*load.Result, error) {
	if err := r.way.writers(ctx, n); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.ledger.begin()
	start := time.Now()
	failed := make(chan error, writers)
	for range writers {
		go func() {
			err := fn(ctx)
			if err != nil {
				cancel()
			}
			failed <- err
		}()
	}
	var all []error
	for range writers {
		// A writer that was stopped has nothing to report.
		if err := <-failed; err != nil && (len(all) == 0 || !errors.Is(err, context.Canceled)) {
			all = append(all, err)
		}
	}
	res, err := r.ledger.result(start)
	return res, errors.Join(append(all, err)...)
}

// write commits n events.
func (r *Run) write(ctx context.Context, n int) (*ticket, error) {
	t := r.ledger.open(n)
	if err := r.way.write(ctx, t.first, n); err != nil {
		return nil, fmt.Errorf("commit events: %w", err)
	}
	return t, nil
}

// wait waits for the effects of a transaction.
func wait(ctx context.Context, t *ticket) error {
	patience := time.NewTimer(load.Patience)
	defer patience.Stop()
	select {
	case <-t.done:
		return nil
	case <-patience.C:
		return fmt.Errorf("event %d had no effect within %s", t.first, load.Patience)
	case <-ctx.Done():
		return ctx.Err()
	}
}
