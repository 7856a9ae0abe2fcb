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
	// sequenceEvery is how often the sequencer looks for new events when nothing wakes it.
	sequenceEvery = 25 * time.Millisecond
	// sequenceBatch is how many events one call numbers at most.
	sequenceBatch = 5000
	// sweepEvery is how often the sequencer looks at all events. Between sweeps it looks only above the id up to which all
	// events are settled. While an old snapshot is open, such as a dump's, rows that are numbered by now stay in the index of
	// unnumbered rows, and scanning all of them each time would take longer and longer.
	sweepEvery = time.Second
	// sequenceTimeout bounds one call. The database rolls back a call that takes longer.
	sequenceTimeout = 10 * time.Second
	// retryEvery is how long background work waits after an error of the database.
	retryEvery = 500 * time.Millisecond
)

// Sequencer assigns seqs to committed events. It is a lifecycle.Service. With SQLite it only passes wake-ups on.
type Sequencer struct {
	lifecycle.Loop
	db   *sqldb.DB
	wake lifecycle.Wake
	grew func()
	ran  atomic.Int64

	epochs  *Epochs // nil if the process tracks none
	epoch   int64   // the epoch that settled and swept belong to
	settled settled
	swept   time.Time
}

// NewSequencer returns a sequencer. The sequencer calls grew in its own goroutine after it has assigned seqs, but not after the
// sequencer of another node has assigned some; grew must not block.
func NewSequencer(db *sqldb.DB, grew func()) *Sequencer {
	s := &Sequencer{db: db, wake: lifecycle.NewWake(), grew: grew, settled: settled{db: db}}
	s.Run = s.run
	return s
}

// Track makes the sequencer report the epoch of the log to e, 40 times a second. It must be called before Start.
func (s *Sequencer) Track(e *Epochs) { s.epochs = e }

// Wake makes the sequencer look for new events now. It never blocks.
func (s *Sequencer) Wake() {
	s.wake.Signal()
}

// Age returns how long ago the sequencer last looked with success, or started; zero before that.
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
				s.settled.reset() // the next connection may lead to another server
			}
			return false, err
		}}.Run(ctx)
}

func (s *Sequencer) sequence(ctx context.Context, woken bool) error {
	if !s.db.IsPostgres() {
		s.ran.Store(time.Now().UnixNano())
		if woken {
			s.grew()
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
			s.grew()
		}
		if epoch.Number != s.epoch {
			// The ids of the new epoch continue from a lower one.
			s.epoch, s.swept, above, raise = epoch.Number, time.Time{}, 0, func() {}
			s.settled.reset()
			continue
		}
		if n < sequenceBatch {
			raise()
			return nil
		}
	}
}

// Sequence assigns seqs to up to limit committed events of PostgreSQL, and returns how many events got one.
func Sequence(ctx context.Context, db *sqldb.DB, limit int64) (n int64, err error) {
	n, _, err = sequence(ctx, db, limit, 0)
	return n, err
}

// sequence is Sequence for events with an id above a bound, and also returns the epoch of the log.
func sequence(ctx context.Context, db *sqldb.DB, limit, above int64) (n int64, e Epoch, err error) {
	ctx, cancel := context.WithTimeout(ctx, sequenceTimeout)
	defer cancel()
	// The function writes, so this is not for the reading pool.
	row := db.Writer().QueryRowContext(ctx, "SELECT assigned, epoch, since FROM roost_sequence($1, $2)", limit, above)
	err = row.Scan(&n, &e.Number, &e.Since)
	if err != nil {
		return 0, e, fmt.Errorf("sequence events: %w", err)
	}
	return n, e, nil
}
