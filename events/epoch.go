package events

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"

	"roost/internal/sqldb"
)

const (
	// seqBits is how many bits of a Position hold the seq: enough for 10,000 events a second for 27 years.
	seqBits = 43
	// maxEpoch is the largest number of an epoch, so that a Position fits into 63 bits.
	maxEpoch = 1<<20 - 1
)

// Position is a place in the log of one epoch. As a number it grows within an epoch; across epochs it says nothing.
type Position int64

// At is the position behind the event seq of an epoch.
func At(epoch, seq int64) Position { return Position(epoch<<seqBits | seq) }

// Epoch is the number of the position's epoch; 0 if it is not known, as in cursors of releases that had no epochs.
func (p Position) Epoch() int64 { return int64(p) >> seqBits }

// Seq is the place of the last event before the position.
func (p Position) Seq() int64 { return int64(p) & (1<<seqBits - 1) }

// Covers reports whether whoever is at p has seen everything up to q. Nobody has who is in another epoch.
func (p Position) Covers(q Position) bool { return p.Epoch() == q.Epoch() && p >= q }

// Epoch is a partition of the log's history in which it only grew. A database that went back to an earlier state, or that is a copy
// of another one, begins a new epoch: positions of the one before may name other events there, or none.
type Epoch struct {
	// Number is drawn at random, from 1 to 1,048,575; 0 is none.
	Number int64
	// Since is where the log ended when the epoch began. All events up to there were committed before.
	Since int64
}

// Epochs tracks the epoch of the log for one process. Whoever reads the log reports what was seen; the first that sees another
// epoch has the whole process enter it. A nil Epochs tracks nothing.
type Epochs struct {
	mu      sync.Mutex
	now     Epoch
	changes int
	enter   []func(before, now Epoch)
}

// Enter adds a function that is called when the process enters an epoch, the first included, whose before is zero. It must be
// quick, and must not use the Epochs. Reads of the log that begin afterwards find all functions done.
func (e *Epochs) Enter(fn func(before, now Epoch)) { e.enter = append(e.enter, fn) }

// Look begins a read of the log; its result goes to See.
func (e *Epochs) Look() (look int) {
	if e == nil {
		return 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changes
}

// See reports the epoch that a read of the log found. It is ignored if the process has entered another epoch since the read
// began: the read may be from before. It returns the epoch that the process is in.
func (e *Epochs) See(look int, found Epoch) (now Epoch) {
	if e == nil {
		return found
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if look != e.changes || found.Number == 0 || found.Number == e.now.Number {
		return e.now
	}
	before := e.now
	e.now = found
	e.changes++
	for _, fn := range e.enter {
		fn(before, found)
	}
	return found
}

// Now is the epoch that the process is in, zero before it has read the log.
func (e *Epochs) Now() Epoch {
	if e == nil {
		return Epoch{}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

// Changes is how often the process has found the log in another epoch than before.
func (e *Epochs) Changes() int { return max(0, e.Look()-1) }

// CurrentEpoch reads the epoch of a log. On PostgreSQL it begins a new one if the database is not what it was when the
// current one began.
func CurrentEpoch(ctx context.Context, db *sqldb.DB) (e Epoch, err error) {
	query := "SELECT epoch, epoch_since FROM log_heads WHERE id = 1"
	if db.IsPostgres() {
		query = "SELECT epoch, since FROM roost_epoch()"
	}
	if err := db.Writer().QueryRowContext(ctx, query).Scan(&e.Number, &e.Since); err != nil {
		return e, fmt.Errorf("read the epoch of the log: %w", err)
	}
	return e, nil
}

// beginEpoch begins a new epoch unless the current one is no longer the one expected; 0 expects none.
func beginEpoch(ctx context.Context, db *sqldb.DB, expected int64) error {
	if !db.IsPostgres() {
		return beginFileEpoch(ctx, db.Writer(), expected)
	}
	if _, err := db.Writer().ExecContext(ctx, "SELECT roost_begin_epoch(NULLIF($1::bigint, 0))", expected); err != nil {
		return fmt.Errorf("begin a new epoch of the log: %w", err)
	}
	return nil
}

// beginFileEpoch is beginEpoch on SQLite.
func beginFileEpoch(ctx context.Context, db *sql.DB, expected int64) error {
	// The offset is below the number of epochs, so that the sum is never the same epoch.
	_, err := db.ExecContext(ctx, fmt.Sprintf(`UPDATE log_heads SET epoch = (epoch - 1 + $1) %% %d + 1, epoch_since = %s
		WHERE id = 1 AND $2 IN (0, epoch)`, maxEpoch, fileHead), 1+rand.Int64N(maxEpoch-1), expected)
	if err != nil {
		return fmt.Errorf("begin a new epoch of the log: %w", err)
	}
	return nil
}

// StampCopy begins a new epoch in a copy of an embedded database. Whoever restores it goes on in another history than that of
// the cursors which clients got from the original since.
func StampCopy(ctx context.Context, made *sql.DB) error {
	var has bool
	err := made.QueryRowContext(ctx, "SELECT count(*) > 0 FROM pragma_table_info('log_heads') WHERE name = 'epoch'").Scan(&has)
	if err != nil || !has { // of a release without epochs: it gets one when it is opened
		return err
	}
	return beginFileEpoch(ctx, made, 0)
}

// NewEpoch begins a new epoch, for a database that went back to an earlier state in a way that it cannot notice, and returns it.
func (a *Admin) NewEpoch(ctx context.Context) (Epoch, error) {
	if err := beginEpoch(ctx, a.db, 0); err != nil {
		return Epoch{}, err
	}
	return CurrentEpoch(ctx, a.db)
}
