package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"roost/ent"
	"roost/internal/clock"
	"roost/internal/errs"
	"roost/internal/faults"
	"roost/internal/sqldb"
)

// attempts is how often a transaction is tried that lost to a deadlock or a serialization failure.
const attempts = 4

// Observer is told of what a transaction committed, in the goroutine of the writer: it must be quick
// and never block.
type Observer func(committed []Event)

// Copies are kept of rows, and must not be served once what replaced them is acknowledged.
type Copies interface {
	// Announce is called with the events of a transaction just before it commits. It gives what to call when
	// the transaction has ended: with true after the commit, and only then is the write acknowledged; with
	// false if nothing was committed. It is not called when nobody knows which.
	Announce(ctx context.Context, all []Event) (ended func(committed bool))
	// Forget drops the copies of the rows that the events are about, however new they are. An error says that some
	// may have stayed.
	Forget(ctx context.Context, all []Event) error
	// CatchUp returns when no read uses a copy that is older than what was committed before the call. An error says
	// that this takes too long.
	CatchUp(ctx context.Context) error
}

// Log writes rows together with their events. It is the only way by which requests write rows.
type Log struct {
	client    *ent.Client
	clock     clock.Clock
	copies    Copies // nil if there are none
	observers []Observer
	epochs    *Epochs // nil if the process tracks none
}

// New is a log over the client's database.
func New(client *ent.Client, c clock.Clock) *Log { return &Log{client: client, clock: c} }

// Observe adds an observer. It must be called before the first Write.
func (l *Log) Observe(o Observer) { l.observers = append(l.observers, o) }

// Track has observers hear of nothing that was committed in an earlier epoch. It must be called before the first Write.
func (l *Log) Track(e *Epochs) { l.epochs = e }

// Keep has the log tell of every write who keeps copies of rows. It must be called before the first Write.
func (l *Log) Keep(c Copies) { l.copies = c }

// Tx is one transaction with the events that it has gathered.
type Tx struct {
	*ent.Tx
	// Now is the time of the transaction.
	Now    time.Time
	events []Event
	found  []Event
	behind bool
}

// Found reports that rows were already as the transaction would have left them. The node that wrote them may have died
// before invalidating their copies; nevertheless every read must show them once this write is acknowledged. The events
// name the rows; they have no versions and are not written. Without events the rows are unknown, and Write waits until the
// copies show everything that was committed before.
func (t *Tx) Found(e ...Event) {
	t.found = append(t.found, e...)
	t.behind = t.behind || len(e) == 0
}

// Emit adds events; they are written just before the commit and told to observers after it.
func (t *Tx) Emit(e ...Event) { t.events = append(t.events, e...) }

// Write runs fn in a transaction and commits its rows with the events that it emitted. fn runs again
// when the transaction lost to a deadlock, so it must not keep results of an earlier run. Copies of the rows are
// out of use when it returns. Errors of fn come back as they are, and nothing is written; a database that cannot
// be asked gives UNAVAILABLE.
func (l *Log) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	for try := 1; ; try++ {
		epoch := l.epochs.Now().Number
		committed, err := l.once(ctx, fn)
		if err == nil {
			for _, o := range l.observers {
				// What was committed before the database went back may be gone, and is newer than what is there now.
				if len(committed) > 0 && l.epochs.Now().Number == epoch {
					o(committed)
				}
			}
			return nil
		}
		if try == attempts || !sqldb.IsRetryable(err) || ctx.Err() != nil {
			return Unavailable(err)
		}
	}
}

func (l *Log) once(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) (events []Event, err error) {
	raw, err := l.client.Tx(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	committed := false
	defer func() {
		if !committed {
			// The transaction is lost either way; its own error tells why.
			_ = raw.Rollback()
		}
	}()
	// What it does besides, while others wait for it to end, must not wait for them.
	ctx = sqldb.Background(ctx)
	tx := &Tx{Tx: raw, Now: l.clock.Now()}
	if err := fn(ctx, tx); err != nil {
		return nil, err
	}
	if err := Append(ctx, raw.Client(), tx.Now, tx.events...); err != nil {
		return nil, err
	}
	ended := func(bool) {}
	if l.copies != nil && len(tx.events) > 0 {
		ended = l.copies.Announce(ctx, tx.events)
	}
	if len(tx.events) > 0 {
		faults.At("events.before-commit")
	}
	// A commit that is cut off in the middle is unknown; let it finish.
	if err := raw.Commit(); err != nil {
		if !sqldb.IsUnavailable(err) {
			ended(false)
		}
		return nil, fmt.Errorf("commit: %w", err)
	}
	committed = true
	if len(tx.events) > 0 {
		faults.At("events.after-commit")
	}
	ended(true)
	return tx.events, l.showFound(ctx, tx)
}

// showFound makes what the transaction found done visible before that is acknowledged. A transaction that wrote nothing
// fails with UNAVAILABLE when that takes too long: it can be repeated. One that wrote something is answered.
func (l *Log) showFound(ctx context.Context, tx *Tx) error {
	if l.copies == nil {
		return nil
	}
	if len(tx.found) > 0 && l.copies.Forget(ctx, tx.found) != nil {
		tx.behind = true
	}
	if !tx.behind {
		return nil
	}
	if err := l.copies.CatchUp(ctx); err != nil && len(tx.events) == 0 {
		return &errs.Error{Kind: errs.Unavailable, Message: "this node is behind, try again", RetryAfter: time.Second, Err: err}
	}
	return nil
}

// Append writes events to the outbox, in the transaction of the client.
func Append(ctx context.Context, client *ent.Client, now time.Time, all ...Event) error {
	if len(all) == 0 {
		return nil
	}
	rows := make([]*ent.EventCreate, len(all))
	for i, e := range all {
		payload, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode %s: %w", e.Type(), err)
		}
		rows[i] = client.Event.Create().SetType(e.Type()).SetVersion(e.Version()).SetAggregate(e.Aggregate()).
			SetPayload(string(payload)).SetCreatedAt(now)
	}
	if err := client.Event.CreateBulk(rows...).Exec(ctx); err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	return nil
}

// Unavailable turns an error of a database that cannot do its work now into UNAVAILABLE, as that of a transaction which
// lost to others each time, and leaves every other one as it is.
func Unavailable(err error) error {
	if _, ours := errors.AsType[*errs.Error](err); ours || !sqldb.IsUnavailable(err) && !sqldb.IsRetryable(err) {
		return err
	}
	message := "the database cannot be reached, try again"
	switch {
	case sqldb.TakesNoWrites(err):
		message = "the database takes no writes now, try again"
	case sqldb.IsLockTimeout(err) || sqldb.IsRetryable(err):
		message = "the database is busy, try again"
	}
	return &errs.Error{Kind: errs.Unavailable, Message: message, RetryAfter: time.Second, Err: err}
}
