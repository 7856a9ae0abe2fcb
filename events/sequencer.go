package events

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

const (
	// sequenceEvery is how often the sequencer looks when nobody wakes it.
	sequenceEvery = 25 * time.Millisecond
	// sequenceBatch is how many events one call numbers.
	sequenceBatch = 5000
	// sweepEvery is how often the sequencer looks at all events. Between sweeps it looks above the id up to which all is
	// settled: rows that are numbered by now stay in the index of unnumbered ones while any old snapshot is open, as
	// a dump's is, and to scan all of them each time would take longer and longer.
	sweepEvery = time.Second
	// sequenceWithin bounds one call; the database undoes it then.
	sequenceWithin = 10 * time.Second
	// retryEvery is how long background work waits after the database failed.
	retryEvery = 500 * time.Millisecond
)

// Sequencer gives committed events their place in the log. It is a lifecycle.Service. With SQLite there is
// nothing to do but to pass wake-ups on.
type Sequencer struct {
	lifecycle.Loop
	db   *sqldb.DB
	wake lifecycle.Wake
	told func()
	ran  atomic.Int64

	epochs  *Epochs // nil if the process tracks none
	epoch   int64   // in which settled and swept were noted
	settled settled
	swept   time.Time
}

// NewSequencer makes a sequencer; told is called in its goroutine when there are new places, and must not
// block. Places that the sequencer of another node gave are not told.
func NewSequencer(db *sqldb.DB, told func()) *Sequencer {
	s := &Sequencer{db: db, wake: lifecycle.NewWake(), told: told, settled: settled{db: db}}
	s.Run = s.run
	return s
}

// Track reports the epoch of the log 40 times a second. It must be called before Start.
func (s *Sequencer) Track(e *Epochs) { s.epochs = e }

// Wake makes the sequencer look now; it never blocks.
func (s *Sequencer) Wake() {
	s.wake.Signal()
}

// Age is how long ago the sequencer last looked with success, or started; zero before that.
func (s *Sequencer) Age() time.Duration {
	at := s.ran.Load()
	if at == 0 {
		return 0
	}
	return time.Since(time.Unix(0, at))
}

func (s *Sequencer) run(ctx context.Context) {
	s.ran.Store(time.Now().UnixNano())
	lifecycle.Poll{Every: sequenceEvery, Retry: retryEvery, Wake: s.wake, Warning: "events were not sequenced",
		Look: func(ctx context.Context, woken bool) (more bool, err error) {
			if err = s.sequence(ctx, woken); err != nil && ctx.Err() == nil {
				s.swept = time.Time{}
				s.settled.forget() // the next connection may lead to another server
			}
			return false, err
		}}.Run(ctx)
}

func (s *Sequencer) sequence(ctx context.Context, woken bool) error {
	if !s.db.IsPostgres() {
		s.ran.Store(time.Now().UnixNano())
		if woken {
			s.told()
		}
		return nil
	}
	above, raise := s.settled.above, func() {}
	if now := time.Now(); now.Sub(s.swept) >= sweepEvery {
		var err error
		if raise, err = s.settled.look(ctx); err != nil {
			return err
		}
		above, s.swept = 0, now
	}
	for {
		look := s.epochs.Look()
		n, epoch, err := sequence(ctx, s.db, sequenceBatch, above)
		if err != nil {
			return err
		}
		s.epochs.See(look, epoch)
		s.ran.Store(time.Now().UnixNano())
		if n > 0 {
			s.told()
		}
		if epoch.Number != s.epoch {
			// Ids began again somewhere below.
			s.epoch, s.swept, above, raise = epoch.Number, time.Time{}, 0, func() {}
			s.settled.forget()
			continue
		}
		if n < sequenceBatch {
			raise()
			return nil
		}
	}
}

// Sequence gives up to most committed events of PostgreSQL their place, and returns how many.
func Sequence(ctx context.Context, db *sqldb.DB, most int64) (n int64, err error) {
	n, _, err = sequence(ctx, db, most, 0)
	return n, err
}

func sequence(ctx context.Context, db *sqldb.DB, most, above int64) (n int64, e Epoch, err error) {
	ctx, cancel := context.WithTimeout(ctx, sequenceWithin)
	defer cancel()
	// Not through the reading pool: the function writes.
	err = db.Writer().QueryRowContext(ctx, "SELECT given, epoch, since FROM roost_number($1, $2)", most, above).Scan(&n, &e.Number, &e.Since)
	if err != nil {
		return 0, e, fmt.Errorf("sequence events: %w", err)
	}
	return n, e, nil
}
