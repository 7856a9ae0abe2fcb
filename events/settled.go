package events

import (
	"context"
	"fmt"
	"slices"

	"roost/internal/sqldb"
)

// settled tracks the id up to which every event in PostgreSQL is numbered or was rolled back, so that a sequencer looks only
// above that id. An INSERT takes an id, and the COMMIT makes the row visible. A transaction that was inserting events when an id
// was numbered may hold a lower id, so the bound rises to an id only after all such transactions have ended.
type settled struct {
	db *sqldb.DB
	// above is the bound: no event with this id or a lower one is left to number.
	above int64
	// next becomes the bound when all of the writers have ended.
	next    int64
	writers []string
}

// reset starts over, because the database may be another one now.
func (s *settled) reset() { s.above, s.next, s.writers = 0, 0, nil }

// rises reports whether a later look may raise the bound although the log has not grown.
func (s *settled) rises() bool { return s.next > s.above }

// look lists the transactions that insert events now, and checks whether those of the previous list have ended. The caller then
// numbers all events that it sees, and calls raise.
func (s *settled) look(ctx context.Context) (raise func(), err error) {
	var newest int64
	err = sqldb.ScanOne(ctx, s.db, "SELECT COALESCE((SELECT id FROM events WHERE seq = (SELECT seq FROM log_heads WHERE id = 1)), 0)",
		nil, &newest)
	if err != nil {
		return nil, fmt.Errorf("read the last event: %w", err)
	}
	// Read after the newest event: a transaction that took a lower id is in this list, or has ended.
	inserting, err := s.inserting(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(s.writers, func(w string) bool { return slices.Contains(inserting, w) }) {
		reached := s.next
		s.next, s.writers = newest, inserting
		if len(inserting) == 0 {
			reached = newest
		}
		return func() { s.above = max(s.above, reached) }, nil
	}
	return func() {}, nil
}

// inserting lists the open transactions that have inserted events or are about to. Each holds this lock on the table from
// before it takes an id until it ends; readers and writers of other tables do not hold it.
func (s *settled) inserting(ctx context.Context) (all []string, err error) {
	all, err = sqldb.ScanAll(ctx, s.db, `SELECT l.virtualtransaction FROM pg_locks AS l
		WHERE l.locktype = 'relation' AND l.relation = 'events'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.pid <> pg_backend_pid()`,
		nil, sqldb.Column[string])
	if err != nil {
		return nil, fmt.Errorf("read which transactions insert events: %w", err)
	}
	return all, nil
}
