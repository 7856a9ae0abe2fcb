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
	// sequenceEvery is how often the sequencer looks for new events while wake-ups get lost. Otherwise it looks when it is woken,
	// and for lost wake-ups; see Lookout.
	sequenceEvery = 25 * time.Millisecond
	// sequenceApart is the least time between two looks for events of this process. A look costs PostgreSQL half a millisecond, for one
	// event as for ten, and each makes the readers of the log look as well.
	sequenceApart = 5 * time.Millisecond
	// sequenceBatch is how many events one call numbers at most.
	sequenceBatch = 5000
	// sweepEvery is how often the sequencer looks at all events while the log grows. Between sweeps it looks only above the id up
	// to which all events are settled. While an old snapshot is open, such as a dump's, rows that are numbered by now stay in the index of
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
	// woken counts the calls of Wake, and seen is its value before the last look.
	woken atomic.Int64
	seen  int64
	grew  func()
	ran   atomic.Int64

	epochs  *Epochs // nil if the process tracks none
	lookout *Lookout
	epoch   int64 // the epoch that settled and swept belong to
	settled settled
	swept   time.Time
	// unswept reports that the log has grown since the last sweep, or that there was none.
	unswept bool
	head    int64 // the seq of the newest event at the last look of the lookout
}

// NewSequencer returns a sequencer. The sequencer calls grew in its own goroutine after it has assigned seqs, but not after the
// sequencer of another node has assigned some; grew must not block.
func NewSequencer(db *sqldb.DB, grew func()) *Sequencer {
	s := &Sequencer{db: db, wake: lifecycle.NewWake(), grew: grew, lookout: &Lookout{db: db, grace: graceFor},
		settled: settled{db: db}, unswept: true}
	s.Run = s.run
	return s
}

// Track makes the sequencer report the epoch of the log to e at each look. It must be called before Start.
func (s *Sequencer) Track(e *Epochs) { s.epochs = e }

// Lookout returns the sequencer's lookout, on which the other readers of the log in this process may rely.
func (s *Sequencer) Lookout() *Lookout { return s.lookout }

// Wake makes the sequencer look for new events now. It never blocks.
func (s *Sequencer) Wake() {
	s.woken.Add(1)
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
	lifecycle.Poll{Pace: s.lookout.pace, Retry: retryEvery, Wake: s.wake, Apart: sequenceApart,
		Warning: "events were not sequenced",
		Look: func(ctx context.Context, woken bool) (more bool, err error) {
			s.lookout.judge()
			came := s.woken.Load() // a timer may have fired first
			woken, s.seen = woken || came != s.seen, came
			if err = s.look(ctx, woken); err != nil && ctx.Err() == nil {
				s.reset() // the next connection may lead to another server
			}
			return false, err
		}}.Run(ctx)
}

// reset forgets which events are settled.
func (s *Sequencer) reset() {
	s.swept, s.unswept = time.Time{}, true
	s.settled.reset()
}

// look sequences what is committed. If the lookout is due, it looks in the same statement.
func (s *Sequencer) look(ctx context.Context, woken bool) error {
	if !s.db.IsPostgres() {
		if woken {
			s.grew()
		}
		return s.lookAround(ctx)
	}
	above, raise, err := s.sweep(ctx)
	if err != nil {
		return err
	}
	for {
		began, due := time.Now(), s.lookout.due()
		look := s.epochs.Look()
		found, err := s.sequence(ctx, above, due)
		if err != nil {
			return err
		}
		s.epochs.See(look, found.epoch)
		s.ran.Store(time.Now().UnixNano())
		if found.assigned > 0 {
			s.unswept = true
			if !woken {
				s.lookout.suspect(&s.woken, s.seen) // neither the writer nor another sequencer has woken anybody so far
			}
			s.grew()
		}
		switch {
		case found.epoch.Number != s.epoch:
			// The ids of the new epoch continue from a lower one.
			s.epoch, above, raise = found.epoch.Number, 0, func() {}
			s.reset()
		case found.assigned == sequenceBatch:
		case due && found.assigned > 0: // the head that was found is older than these events
		default:
			if due {
				s.unswept = s.unswept || found.head != s.head
				s.head = found.head
				s.lookout.note(began, found)
			}
			raise()
			return nil
		}
	}
}

// lookAround looks on SQLite, if that is due.
func (s *Sequencer) lookAround(ctx context.Context) error {
	if began := time.Now(); s.lookout.due() {
		found, err := s.lookout.look(ctx, 0)
		if err != nil {
			return err
		}
		s.lookout.note(began, found)
	}
	s.ran.Store(time.Now().UnixNano())
	return nil
}

// sweep returns the id above which the next look must look: 0 if it is time for a sweep, which may raise the bound of the looks
// after it. Nothing is swept while the log does not grow.
func (s *Sequencer) sweep(ctx context.Context) (above int64, raise func(), err error) {
	now := time.Now()
	if now.Sub(s.swept) < sweepEvery || !s.unswept && !s.settled.rises() {
		return s.settled.above, func() {}, nil
	}
	if raise, err = s.settled.look(ctx); err != nil {
		return 0, nil, err
	}
	s.swept, s.unswept = now, false
	return 0, raise, nil
}

// sequence sequences one batch of events with an id above a bound. With around, it looks at everything.
func (s *Sequencer) sequence(ctx context.Context, above int64, around bool) (found sight, err error) {
	if around {
		return s.lookout.look(ctx, above)
	}
	found.assigned, found.epoch, err = sequence(ctx, s.db, sequenceBatch, above)
	return found, err
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
