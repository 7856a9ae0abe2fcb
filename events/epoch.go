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
	// seqBits is how many bits of a Position hold the seq. 43 bits last for 27 years of 10,000 events a second.
	seqBits = 43
	// maxEpoch is the largest number of an epoch, so that a Position fits into 63 bits.
	maxEpoch = 1<<20 - 1
)

// Position is an offset in the log of one epoch. Positions of one epoch compare as numbers; positions of different epochs do not.
type Position int64

// At returns the position just after the event seq of an epoch.
func At(epoch, seq int64) Position { return Position(epoch<<seqBits | seq) }

// Epoch returns the number of the position's epoch. It is 0 if the epoch is not known, as in cursors of releases without epochs.
func (p Position) Epoch() int64 { return int64(p) >> seqBits }

// Seq returns the seq of the last event before the position.
func (p Position) Seq() int64 { return int64(p) & (1<<seqBits - 1) }

// Covers reports whether a reader at p has seen everything up to q. A reader in another epoch has not.
func (p Position) Covers(q Position) bool { return p.Epoch() == q.Epoch() && p >= q }

// Epoch is a period in which the log only grew. A database that goes back to an earlier state, or that is a copy of another one,
// begins a new epoch: positions of the previous epoch may point to other events there, or to none.
type Epoch struct {
	// Number is random, from 1 to 1,048,575; 0 means no epoch.
	Number int64
	// Since is the last seq of the log when the epoch began. All events up to it were committed before.
	Since int64
}

// Epochs tracks the epoch of the log for one process. Each reader of the log reports the epoch that it found; the first reader that
// reports another epoch makes the whole process enter it. A nil Epochs tracks nothing.
type Epochs struct {
	mu      sync.Mutex
	now     Epoch
	changes int
	enter   []func(before, now Epoch)
}

// Enter adds a function that is called when the process enters an epoch. For the first epoch, before is zero. The function must be
// quick, and must not call the Epochs. All functions have returned before a later read of the log begins.
func (e *Epochs) Enter(fn func(before, now Epoch)) { e.enter = append(e.enter, fn) }

// Look must be called before each read of the log. Its result is an argument of See.
func (e *Epochs) Look() (look int) {
	if e == nil {
		return 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changes
}

// See reports the epoch that a read of the log found, and returns the epoch that the process is in. If the process has entered an
// epoch since the read began, See ignores the report, because the read may be older than that.
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

// Now returns the epoch that the process is in, zero before it has read the log.
func (e *Epochs) Now() Epoch {
	if e == nil {
		return Epoch{}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

// Changes returns how often the process has found the log in another epoch than before.
func (e *Epochs) Changes() int { return max(0, e.Look()-1) }

// CurrentEpoch returns the epoch of a log. On PostgreSQL it begins a new epoch first if the database is another one than when the
// current epoch began.
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

// beginEpoch begins a new epoch if the current epoch is the expected one; 0 expects none in particular.
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

// StampCopy begins a new epoch in a copy of an embedded database. Clients may hold cursors that the original issued after the
// copy was made; a node on the restored copy recognizes them as cursors of another epoch.
func StampCopy(ctx context.Context, made *sql.DB) error {
	var has bool
	err := made.QueryRowContext(ctx, "SELECT count(*) > 0 FROM pragma_table_info('log_heads') WHERE name = 'epoch'").Scan(&has)
	if err != nil || !has { // a database of a release without epochs gets one when it is opened
		return err
	}
	return beginFileEpoch(ctx, made, 0)
}

// NewEpoch begins a new epoch and returns it. It is for a database that went back to an earlier state without noticing it.
func (a *Admin) NewEpoch(ctx context.Context) (Epoch, error) {
	if err := beginEpoch(ctx, a.db, 0); err != nil {
		return Epoch{}, err
	}
	return CurrentEpoch(ctx, a.db)
}
