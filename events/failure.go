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

// failure marks an error of a handler, as opposed to an error of the log's own work.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// call calls the handler, and turns a panic into an error. A handler that returns after its time limit has failed.
func (g *Group) call(ctx context.Context, tx *ent.Tx, batch []Entry) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			if ctx.Err() != nil {
				err = fmt.Errorf("not finished after %s: %w", g.cfg.Lease, err)
			}
			err = &failure{err}
		}
	}()
	if err := g.cfg.Handler.Handle(ctx, tx, batch); err != nil {
		return err
	}
	return ctx.Err()
}

// commitFailed returns the error of a commit. The error is a failure of the handler if the database refused the commit, or would
// refuse it because a statement failed and the handler ignored that. It is not a failure if the database could not be reached.
func commitFailed(err error) error {
	err = fmt.Errorf("commit: %w", err)
	if _, refused := errors.AsType[*pq.Error](err); refused || errors.Is(err, pq.ErrInFailedTransaction) {
		return &failure{err}
	}
	return err
}

// errBroken marks errors that a broken connection caused.
var errBroken = errors.New("the connection to the database broke")

// undo rolls back because of err, and returns err. A rollback fails only when the connection is broken; err may then be a
// consequence, so undo marks it with errBroken.
func undo(ctx context.Context, tx *ent.Tx, err error) error {
	back := tx.Rollback()
	if back == nil || ctx.Err() != nil || errors.Is(back, sql.ErrTxDone) {
		return err
	}
	return errors.Join(err, errBroken, back)
}

// isPoison reports whether the event itself causes an error, and not a database or service that is away.
func isPoison(err error) bool {
	f, ok := errors.AsType[*failure](err)
	if !ok || errors.Is(err, errBroken) || errs.Is(f.err, errs.Unavailable) || sqldb.IsRetryable(err) {
		return false
	}
	// A statement that ran into its time limit looks like a database that is away.
	return errors.Is(f.err, context.DeadlineExceeded) || isCancelled(f.err) || !sqldb.IsUnavailable(f.err)
}

// isCancelled reports whether PostgreSQL ended a statement on request or at its time limit.
func isCancelled(err error) bool {
	e, ok := errors.AsType[*pq.Error](err)
	return ok && e.Code == "57014"
}
