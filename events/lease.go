package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/ent"
	"roost/internal/sqldb"
)

// lease is a partition that this node works on.
type lease struct {
	g         *Group
	partition int
	// position is the committed one; seen is how far the log has been read, with nothing for this partition
	// between the two.
	position, seen int64
	// epoch is that of the log in which both are places. On SQLite it cannot change while a process runs.
	epoch int64
}

// errLost says that the partition belongs to somebody else by now; what was not committed is theirs to do.
var errLost = errors.New("the lease was lost")

const (
	// span is how many places of the log one batch looks through.
	span = 20_000
	// releaseTimeout bounds giving a partition back, for when the database is away; the lease ends by itself then.
	releaseTimeout = time.Second
)

// leaseNow returns SQL for the time by which leases run, and the arguments with those that it refers to. It is the
// database's clock, because the clocks of nodes may differ by minutes. SQLite belongs to one node, whose clock it is.
func (g *Group) leaseNow(args []any) (string, []any) {
	if g.db.IsPostgres() {
		return "clock_timestamp()", args
	}
	return fmt.Sprintf("$%d", len(args)+1), append(args, g.clock.Now())
}

// leaseEnd is leaseNow for the end of a lease that begins now.
func (g *Group) leaseEnd(args []any) (string, []any) {
	if g.db.IsPostgres() {
		return fmt.Sprintf("clock_timestamp() + $%d::float8 * interval '1 microsecond'", len(args)+1), append(args, g.cfg.Lease.Microseconds())
	}
	return fmt.Sprintf("$%d", len(args)+1), append(args, g.clock.Now().Add(g.cfg.Lease))
}

// step tries some parked events that are due and handles one batch. It reports whether there is more.
func (l *lease) step(ctx context.Context) (more bool, err error) {
	// What was begun is finished also when the group stops.
	retried, err := l.retryDue(context.WithoutCancel(ctx), ctx.Done())
	if err != nil || ctx.Err() != nil {
		return false, err
	}
	more, err = l.batch(context.WithoutCancel(ctx), ctx.Done())
	return more || retried, err
}

// release gives the partition back and notes what has been seen.
func (l *lease) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	args := []any{l.seen, l.g.key(l.partition), l.g.owner, l.position}
	_, err := l.g.db.ExecContext(ctx, "UPDATE group_partitions SET owner = '', position = "+l.upToHead("$1")+
		" WHERE id = $2 AND owner = $3 AND position = $4"+l.sameEpoch(&args), args...)
	if err != nil {
		return fmt.Errorf("release the lease: %w", err)
	}
	return nil
}

// sameEpoch is the condition that the log is still in the epoch in which the positions of the lease are places. A database
// that went back may say that the partition is at the same position and of the same owner, and have other events behind it.
func (l *lease) sameEpoch(args *[]any) string {
	if !l.g.db.IsPostgres() {
		return ""
	}
	*args = append(*args, l.epoch)
	return fmt.Sprintf(" AND $%d = (SELECT epoch FROM log_heads WHERE id = 1)", len(*args))
}

// within bounds a position to the log. Whoever begins a new epoch puts back what is beyond its end, but may do so between
// this statement's look at the epoch and its commit.
func (l *lease) upToHead(position string) string {
	if !l.g.db.IsPostgres() {
		return position
	}
	return "LEAST(" + position + ", " + headOf(l.g.db) + ")"
}

// batch handles the next events. It reports whether there are more.
func (l *lease) batch(ctx context.Context, stop <-chan struct{}) (more bool, err error) {
	all, end, head, err := l.read(ctx)
	if err != nil {
		return false, err
	}
	if len(all) == 0 {
		l.seen = max(l.seen, end)
		return end < head, nil
	}
	err = l.handle(ctx, all, end)
	if err == nil || !isPoison(err) {
		return end < head, err
	}
	for _, e := range all {
		select {
		case <-stop:
			return false, nil
		default:
		}
		if err := l.one(ctx, e); err != nil {
			return false, err
		}
	}
	l.seen = max(l.seen, end)
	return end < head, nil
}

// read gives the partition's next events, the place up to which they are all, and the head of the log.
func (l *lease) read(ctx context.Context) (all []Entry, end, head int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.g.cfg.Lease)
	defer cancel()
	if head, err = l.g.reader.Head(ctx); err != nil || head <= l.seen {
		return nil, l.seen, head, err
	}
	end = min(head, l.seen+span)
	mine, args := "", []any{l.seen, end, l.g.cfg.Batch}
	if l.g.cfg.Partitions > 1 {
		mine, args = " AND "+l.g.partitionOf("aggregate")+" = $4", append(args, l.partition)
	}
	all, err = readEntries(ctx, l.g.db, l.epoch, fmt.Sprintf("SELECT %[1]s, %[2]s FROM events WHERE %[1]s > $1 AND %[1]s <= $2%[3]s%[4]s ORDER BY %[1]s LIMIT $3",
		seqColumn(l.g.db), entryColumns, oneOf(l.g.cfg.Types), mine), args...)
	if len(all) == l.g.cfg.Batch {
		end = all[len(all)-1].Seq
	}
	return all, end, head, err
}

// partitionOf is SQL for the partition of an aggregate. Ids differ in their time and in their sequence; the sum is
// of remainders so that it cannot overflow, and is never negative.
func (g *Group) partitionOf(column string) string {
	return fmt.Sprintf("(((%[1]s >> 22) %% %[2]d + %[1]s %% %[2]d + 2 * %[2]d) %% %[2]d)", column, g.cfg.Partitions)
}

// handle handles events whose aggregates have nothing waiting, parks the others, and moves the position,
// all in one transaction.
func (l *lease) handle(ctx context.Context, all []Entry, end int64) error {
	var ready, behind []Entry
	err := l.inTx(ctx, func(ctx context.Context, tx *ent.Tx) (err error) {
		if ready, behind, err = l.g.sort(ctx, tx, all); err != nil {
			return err
		}
		if err := l.g.enqueue(ctx, tx, behind); err != nil || len(ready) == 0 {
			return err
		}
		return l.g.call(ctx, tx, ready)
	}, end)
	if err == nil {
		l.g.handled.Add(int64(len(ready)))
	}
	return err
}

// one handles a single event, or parks it if it is to blame.
func (l *lease) one(ctx context.Context, e Entry) error {
	err := l.handle(ctx, []Entry{e}, e.Seq)
	if err == nil || !isPoison(err) {
		return err
	}
	reason, dead := err.Error(), l.g.cfg.Attempts <= 1
	err = l.inTx(ctx, func(ctx context.Context, tx *ent.Tx) error {
		return l.g.enqueueFailed(ctx, tx, e, reason, dead)
	}, e.Seq)
	if err == nil {
		l.g.countFailure(ctx, e, short(reason), dead)
	}
	return err
}

// tries is how often a transaction runs that loses to a deadlock or a serialization failure.
const tries = 4

// inTx runs fn and moves the position to end, or to what was seen if that is further, in one transaction.
// It fails with errLost, and nothing is done, when the partition belongs to somebody else.
func (l *lease) inTx(ctx context.Context, fn func(ctx context.Context, tx *ent.Tx) error, end int64) (err error) {
	end = max(end, l.seen)
	for range tries {
		if err = l.once(ctx, fn, end); err == nil || !sqldb.IsRetryable(err) {
			break
		}
	}
	if err == nil {
		l.position, l.seen = end, end
	}
	return err
}

func (l *lease) once(ctx context.Context, fn func(ctx context.Context, tx *ent.Tx) error, end int64) (err error) {
	ctx, cancel := context.WithTimeout(ctx, l.g.cfg.Lease)
	defer cancel()
	tx, err := l.g.client.Tx(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	until, args := l.g.leaseEnd([]any{end, l.g.clock.Now(), l.g.key(l.partition), l.g.owner, l.position})
	same := l.sameEpoch(&args)
	res, err := tx.Client().ExecContext(ctx, "UPDATE group_partitions SET position = "+l.upToHead("$1")+", leased_until = "+until+`, moved_at = $2
		WHERE id = $3 AND owner = $4 AND position = $5`+same, args...)
	if err != nil {
		return undo(ctx, tx, fmt.Errorf("move the position: %w", err))
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return undo(ctx, tx, errors.Join(err, errLost))
	}
	if err := fn(ctx, tx); err != nil {
		return undo(ctx, tx, err)
	}
	if err := tx.Commit(); err != nil {
		return undo(ctx, tx, commitFailed(err))
	}
	return nil
}
