package events

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"roost/ent"
	"roost/internal/errs"
	"roost/internal/sqldb"
)

// failure is an error of a handler, as against one of the log's own work.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// call calls the handler and turns a panic into an error. One that returns after its time has failed.
func (g *Group) call(ctx context.Context, tx *ent.Tx, batch []Entry) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			if ctx.Err() != nil {
				err = fmt.Errorf("not done after %s: %w", g.cfg.Lease, err)
			}
			err = &failure{err}
		}
	}()
	if err := g.cfg.Handler.Handle(ctx, tx, batch); err != nil {
		return err
	}
	return ctx.Err()
}

// commitFailed blames the handler's statements for a commit that the database refused, or would refuse because
// one of them failed and the handler kept that to itself; one that it could not be asked for is nobody's fault.
func commitFailed(err error) error {
	err = fmt.Errorf("commit: %w", err)
	if _, refused := errors.AsType[*pq.Error](err); refused || errors.Is(err, pq.ErrInFailedTransaction) {
		return &failure{err}
	}
	return err
}

// errBroken marks errors that came with a broken connection.
var errBroken = errors.New("the connection to the database broke")

// undo rolls back because of err. A rollback fails only when the connection is broken, and then err may be
// no more than a sign of that.
func undo(ctx context.Context, tx *ent.Tx, err error) error {
	back := tx.Rollback()
	if back == nil || ctx.Err() != nil || errors.Is(back, sql.ErrTxDone) {
		return err
	}
	return errors.Join(err, errBroken, back)
}

// isPoison reports whether an error is the event's own, and not that the database or a service is away.
func isPoison(err error) bool {
	f, ok := errors.AsType[*failure](err)
	if !ok || errors.Is(err, errBroken) || errs.Is(f.err, errs.Unavailable) || sqldb.IsRetryable(err) {
		return false
	}
	// Statements that were cut off for their time look like a database that is away.
	return errors.Is(f.err, context.DeadlineExceeded) || isCancelled(f.err) || !sqldb.IsUnavailable(f.err)
}

// isCancelled reports whether PostgreSQL ended a statement because it was told to, or for its time.
func isCancelled(err error) bool {
	e, ok := errors.AsType[*pq.Error](err)
	return ok && e.Code == "57014"
}
