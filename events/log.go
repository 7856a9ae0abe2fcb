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

// attempts is how often a transaction runs when it loses to deadlocks or serialization failures.
const attempts = 4

// Observer is called with the events of each committed transaction, in the goroutine of the writer. It must be quick and must
// not block.
type Observer func(committed []Event)

// Invalidator keeps copies of rows, such as cache entries, from being served once a write that replaced the rows is
// acknowledged.
type Invalidator interface {
	// Begin is called with the events of a transaction just before it commits. The transaction's end calls finish: with true
	// after the commit and before the write is acknowledged, or with false if nothing was committed. When the outcome of the
	// commit is unknown, finish is not called.
	Begin(ctx context.Context, all []Event) (finish func(committed bool))
	// Invalidate drops the copies of the rows that the events are about, however new the copies are. An error means that some
	// copies may still be served.
	Invalidate(ctx context.Context, all []Event) error
	// CatchUp returns when no read uses a copy that is older than what was committed before the call. It fails when this
	// takes too long.
	CatchUp(ctx context.Context) error
}

// Log writes rows together with their events. Requests write rows in no other way.
type Log struct {
	client      *ent.Client
	clock       clock.Clock
	invalidator Invalidator // nil if no copies are kept
	observers   []Observer
	epochs      *Epochs // nil if the process tracks none
	counter     Counter // nil if nobody reads counts
}

// New returns a log over the client's database.
func New(client *ent.Client, c clock.Clock) *Log { return &Log{client: client, clock: c} }

// Observe adds an observer. It must be called before the first Write.
func (l *Log) Observe(o Observer) { l.observers = append(l.observers, o) }

// Track keeps events that were committed in an earlier epoch from the observers. It must be called before the first Write.
func (l *Log) Track(e *Epochs) { l.epochs = e }

// SetInvalidator sets the invalidator that every write calls. It must be called before the first Write.
func (l *Log) SetInvalidator(i Invalidator) { l.invalidator = i }

// Tx is a transaction and the events that were emitted in it.
type Tx struct {
	*ent.Tx
	// Now is the time of the transaction.
	Now    time.Time
	events []Event
	// alreadyDone are events of earlier transactions, and catchUp reports that some are unknown; see AlreadyDone.
	alreadyDone []Event
	catchUp     bool
	relied      []Event
	afterCommit func() // nil for nothing
}

// Relies names events of earlier transactions, whose rows must be visible to whoever sees the rows of this one. The node that wrote them
// may not have invalidated their copies yet, so Write drops the copies before it commits. If it cannot, nothing is committed and the error
// is of kind errs.Unavailable. The events need no versions.
func (t *Tx) Relies(e ...Event) { t.relied = append(t.relied, e...) }

// AlreadyDone reports that rows were already as the transaction would have left them. Every read must show these rows once this
// write is acknowledged, although the node that wrote them may have died before it invalidated their copies. The events name
// the rows; they need no versions and are not written. A call without events means that the rows are unknown: Write then waits
// until the copies show everything that was committed before.
func (t *Tx) AlreadyDone(e ...Event) {
	t.alreadyDone = append(t.alreadyDone, e...)
	t.catchUp = t.catchUp || len(e) == 0
}

// AfterCommit sets what is called right after the commit, before copies are invalidated.
func (t *Tx) AfterCommit(fn func()) { t.afterCommit = fn }

// Emit adds events. They are written just before the commit, and passed to the observers after it.
func (t *Tx) Emit(e ...Event) { t.events = append(t.events, e...) }

// Write runs fn in a transaction and commits its rows together with the events that it emitted. When Write returns, no old copy
// of the rows is served. fn runs again, up to 4 times in all, when the transaction loses to a deadlock, so it must not keep
// results of an earlier run. An error of fn is returned unchanged and nothing is written. A database that cannot be reached,
// or that stays busy, is an error of kind errs.Unavailable.
func (l *Log) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	for try := 1; ; try++ {
		epoch := l.epochs.Now().Number
		committed, err := l.once(ctx, fn)
		if err == nil {
			for _, o := range l.observers {
				// In another epoch the commit may be lost, and its versions are newer than those of the rows that remain.
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
			// The transaction is lost either way; the error that is returned says why.
			_ = raw.Rollback()
		}
	}()
	// Its other statements must not wait for a permit: those who hold the permits may wait for this transaction's locks.
	ctx = sqldb.Background(ctx)
	tx := &Tx{Tx: raw, Now: l.clock.Now()}
	if err := fn(ctx, tx); err != nil {
		return nil, err
	}
	if err := Append(ctx, raw.Client(), tx.Now, tx.events...); err != nil {
		return nil, err
	}
	if len(tx.relied) > 0 && l.invalidator != nil {
		if err := l.invalidator.Invalidate(ctx, tx.relied); err != nil {
			return nil, &errs.Error{Kind: errs.Unavailable, Message: "this node is behind, try again", RetryAfter: time.Second, Err: err}
		}
	}
	finish := func(bool) {}
	if l.invalidator != nil && len(tx.events) > 0 {
		finish = l.invalidator.Begin(ctx, tx.events)
	}
	if len(tx.events) > 0 {
		faults.At("events.before-commit")
	}
	// The outcome of a commit that is cut off is unknown, so the commit goes on when the request is cancelled.
	if err := raw.Commit(); err != nil {
		if !sqldb.IsUnavailable(err) {
			finish(false)
		}
		return nil, fmt.Errorf("commit: %w", err)
	}
	committed = true
	if tx.afterCommit != nil {
		tx.afterCommit()
	}
	if len(tx.events) > 0 {
		faults.At("events.after-commit")
	}
	l.count(ctx, tx.events)
	finish(true)
	return tx.events, l.showAlreadyDone(ctx, tx)
}

// showAlreadyDone makes earlier writes that the transaction relies on visible before they are acknowledged. When that takes too
// long, a transaction that wrote nothing fails with UNAVAILABLE, because it can be repeated; one that wrote something succeeds.
func (l *Log) showAlreadyDone(ctx context.Context, tx *Tx) error {
	if l.invalidator == nil {
		return nil
	}
	if len(tx.alreadyDone) > 0 && l.invalidator.Invalidate(ctx, tx.alreadyDone) != nil {
		tx.catchUp = true
	}
	if !tx.catchUp {
		return nil
	}
	if err := l.invalidator.CatchUp(ctx); err != nil && len(tx.events) == 0 {
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
		rows[i] = client.Event.Create().SetType(e.Type()).SetVersion(e.PayloadVersion()).SetAggregate(e.Aggregate()).
			SetPayload(string(payload)).SetCreatedAt(now)
	}
	if err := client.Event.CreateBulk(rows...).Exec(ctx); err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	return nil
}

// Unavailable returns an errs.Unavailable for an error that means the database cannot do its work now, such as a transaction
// that lost to others each time. It returns every other error unchanged.
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
