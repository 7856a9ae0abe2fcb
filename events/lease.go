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
	// position is the committed position. seen is how far the log has been read: it has nothing for this partition between
	// the two.
	position, seen int64
	// epoch is the epoch of the log that both belong to. On SQLite it cannot change while a process runs.
	epoch int64
}

// errLost reports that another worker has taken the partition. It does what this one has not committed.
var errLost = errors.New("the lease was lost")

const (
	// span is how many seqs of the log one batch looks through.
	span = 20_000
	// releaseTimeout bounds a release while the database is away. The lease then ends by itself.
	releaseTimeout = time.Second
)

// leaseNow returns SQL for the current time of leases, and args with the arguments that the SQL refers to. Leases run by the
// database's clock, because the clocks of nodes may differ by minutes. SQLite belongs to one node, so the node's clock serves.
func (g *Group) leaseNow(args []any) (string, []any) {
	if g.db.IsPostgres() {
		return "clock_timestamp()", args
	}
	return fmt.Sprintf("$%d", len(args)+1), append(args, g.clock.Now())
}

// leaseEnd is like leaseNow, for the end of a lease that begins now.
func (g *Group) leaseEnd(args []any) (string, []any) {
	if g.db.IsPostgres() {
		return fmt.Sprintf("clock_timestamp() + $%d::float8 * interval '1 microsecond'", len(args)+1), append(args, g.cfg.Lease.Microseconds())
	}
	return fmt.Sprintf("$%d", len(args)+1), append(args, g.clock.Now().Add(g.cfg.Lease))
}

// step tries some events of the retry queue that are due, and handles one batch. It reports whether there is more to do.
func (l *lease) step(ctx context.Context) (more bool, err error) {
	// Work that has begun is finished even when the group stops.
	retried, err := l.retryDue(context.WithoutCancel(ctx), ctx.Done())
	if err != nil || ctx.Err() != nil {
		return false, err
	}
	more, err = l.batch(context.WithoutCancel(ctx), ctx.Done())
	return more || retried, err
}

// release ends the lease and stores how far the log has been read.
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

// sameEpoch returns the condition that the log is still in the epoch of the lease. A database that went back may hold the same
// position and the same owner for the partition, and yet other events after that position.
func (l *lease) sameEpoch(args *[]any) string {
	if !l.g.db.IsPostgres() {
		return ""
	}
	*args = append(*args, l.epoch)
	return fmt.Sprintf(" AND $%d = (SELECT epoch FROM log_heads WHERE id = 1)", len(*args))
}

// upToHead returns SQL that bounds a position to the end of the log. Beginning a new epoch moves back all positions beyond its
// end, but may happen between this statement's read of the epoch and its commit.
func (l *lease) upToHead(position string) string {
	if !l.g.db.IsPostgres() {
		return position
	}
	return "LEAST(" + position + ", " + headOf(l.g.db) + ")"
}

// batch handles the partition's next events. It reports whether there are more.
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

// read returns the partition's next events, the seq up to which there are no others, and the head of the log.
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
	query := fmt.Sprintf("SELECT %[1]s, %[2]s FROM events WHERE %[1]s > $1 AND %[1]s <= $2%[3]s%[4]s ORDER BY %[1]s LIMIT $3",
		seqColumn(l.g.db), entryColumns, oneOf(l.g.cfg.Types), mine)
	all, err = readEntries(ctx, l.g.db, l.epoch, query, args...)
	if len(all) == l.g.cfg.Batch {
		end = all[len(all)-1].Seq
	}
	return all, end, head, err
}

// partitionOf returns SQL for the partition of an aggregate. It uses two parts of an id, the time and the sequence number, because
// ids may differ in only one of them. It adds remainders, so that the sum cannot overflow and is never negative.
func (g *Group) partitionOf(column string) string {
	return fmt.Sprintf("(((%[1]s >> 22) %% %[2]d + %[1]s %% %[2]d + 2 * %[2]d) %% %[2]d)", column, g.cfg.Partitions)
}

// handle moves the position past events, in one transaction. It handles the events whose aggregates have nothing in the retry
// queue, and adds the others to the queue.
func (l *lease) handle(ctx context.Context, all []Entry, end int64) error {
	var ready, behind []Entry
	err := l.inTx(ctx, func(ctx context.Context, tx *ent.Tx) (err error) {
		if ready, behind, err = l.g.split(ctx, tx, all); err != nil {
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

// one handles a single event, or adds it to the retry queue if the failure is the event's own.
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

// tries is how often a transaction runs when it loses to deadlocks or serialization failures.
const tries = 4

// inTx runs fn and moves the position to end in one transaction, or to seen if that is further. If another worker has taken the
// partition, it does nothing and fails with errLost.
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
	res, err := tx.Client().ExecContext(ctx, "UPDATE group_partitions SET position = "+l.upToHead("$1")+", leased_until = "+until+`,
		moved_at = $2 WHERE id = $3 AND owner = $4 AND position = $5`+same, args...)
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
