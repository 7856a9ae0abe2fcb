package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/ent"
)

// lease is a part that this node works on.
type lease struct {
	g        *Group
	part     int
	position int64
}

// batches is how many batches are handled before the part is given back, so that nodes take turns.
const batches = 20

// drain handles what is there. It reports whether there is more.
func (l *lease) drain(ctx context.Context) (more bool, err error) {
	if err := l.retryDue(ctx); err != nil {
		return false, err
	}
	for range batches {
		if ctx.Err() != nil {
			return false, nil
		}
		full, err := l.batch(ctx)
		if err != nil || !full {
			return false, err
		}
	}
	return true, nil
}

// release gives the part back.
func (l *lease) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := l.g.db.ExecContext(ctx, "UPDATE group_parts SET owner = '' WHERE id = $1 AND owner = $2", l.g.key(l.part), l.g.owner)
	if err != nil {
		return fmt.Errorf("release the lease: %w", err)
	}
	return nil
}

// batch handles the next events. It reports whether the batch was full.
func (l *lease) batch(ctx context.Context) (full bool, err error) {
	head, err := l.g.reader.Head(ctx)
	if err != nil || head <= l.position {
		return false, err
	}
	all, err := l.read(ctx, head)
	if err != nil {
		return false, err
	}
	full = len(all) == l.g.cfg.Batch
	end := head
	if full {
		end = all[len(all)-1].Seq
	}
	err = l.handle(ctx, all, end)
	if err == nil || !isPoison(err) {
		return full, err
	}
	for _, e := range all {
		if err := l.one(ctx, e); err != nil {
			return false, err
		}
	}
	return full, l.inTx(ctx, func(context.Context, *ent.Tx) error { return nil }, end)
}

// read gives the part's next events.
func (l *lease) read(ctx context.Context, head int64) ([]Entry, error) {
	at, mine := place(l.g.db), ""
	args := []any{l.position, head, l.g.cfg.Batch}
	if l.g.cfg.Parts > 1 {
		mine = " AND " + partOf("aggregate") + " = $4"
		args = append(args, l.part)
		mine = fmt.Sprintf(mine, l.g.cfg.Parts)
	}
	return readEntries(ctx, l.g.db, fmt.Sprintf("SELECT %[1]s, %[2]s FROM events WHERE %[1]s > $1 AND %[1]s <= $2%[3]s%[4]s ORDER BY %[1]s LIMIT $3",
		at, entryColumns, oneOf(l.g.cfg.Types), mine), args...)
}

// partOf is SQL for the part of an aggregate, with %d for the number of parts: ids differ in their time
// and their sequence.
func partOf(column string) string {
	return "((" + column + " >> 22) + " + column + ") %% %d"
}

// handle handles events whose aggregates have nothing waiting, parks the others, and moves the position,
// all in one transaction.
func (l *lease) handle(ctx context.Context, all []Entry, end int64) error {
	return l.inTx(ctx, func(ctx context.Context, tx *ent.Tx) error {
		ready, behind, err := l.g.sort(ctx, tx, all)
		if err != nil {
			return err
		}
		if err := l.g.park(ctx, tx, behind, 0, ""); err != nil {
			return err
		}
		if len(ready) == 0 {
			return nil
		}
		if err := l.g.cfg.Handler.Handle(ctx, tx, ready); err != nil {
			return err
		}
		l.g.handled.Add(int64(len(ready)))
		return nil
	}, end)
}

// one handles a single event, or parks it if it is to blame.
func (l *lease) one(ctx context.Context, e Entry) error {
	err := l.handle(ctx, []Entry{e}, e.Seq)
	if err == nil || !isPoison(err) {
		return err
	}
	l.g.failed.Add(1)
	return l.inTx(ctx, func(ctx context.Context, tx *ent.Tx) error {
		return l.g.park(ctx, tx, []Entry{e}, 1, err.Error())
	}, e.Seq)
}

// inTx runs fn and moves the position in one transaction. It fails with errLost, and nothing is done, when
// the part belongs to somebody else.
func (l *lease) inTx(ctx context.Context, fn func(ctx context.Context, tx *ent.Tx) error, end int64) (err error) {
	tx, err := l.g.client.Tx(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, rolledBack(tx.Rollback()))
		}
	}()
	now := l.g.clock.Now()
	res, err := tx.Client().ExecContext(ctx, `UPDATE group_parts SET position = $1, leased_until = $2, moved_at = $3
		WHERE id = $4 AND owner = $5 AND position = $6`, max(end, l.position), now.Add(l.g.cfg.Lease), now, l.g.key(l.part), l.g.owner, l.position)
	if err != nil {
		return fmt.Errorf("move the position: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errLost)
	}
	if err := guarded(ctx, tx, fn); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	l.position = max(end, l.position)
	return nil
}

// guarded turns a panic of a handler into an error.
func guarded(ctx context.Context, tx *ent.Tx, fn func(ctx context.Context, tx *ent.Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn(ctx, tx)
}

func rolledBack(err error) error {
	if err != nil {
		return fmt.Errorf("rollback: %w", err)
	}
	return nil
}
