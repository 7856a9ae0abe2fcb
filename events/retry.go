package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"roost/ent"
	"roost/ent/retryentry"
	"roost/internal/sqldb"
)

// retryBatch is how many events of the retry queue are tried in one step at most.
const retryBatch = 100

// maxBackoff is the longest wait between two attempts.
const maxBackoff = time.Minute

// maxReason is how many bytes of an error's text are stored.
const maxReason = 2000

// split returns the events that may be handled, and those whose aggregate has an earlier event in the retry queue.
func (g *Group) split(ctx context.Context, tx *ent.Tx, all []Entry) (ready, behind []Entry, err error) {
	aggregates := make([]int64, 0, len(all))
	for _, e := range all {
		aggregates = append(aggregates, e.Aggregate)
	}
	rows, err := tx.RetryEntry.Query().Where(retryentry.GroupName(g.cfg.Name), retryentry.Dead(false),
		sqldb.In(retryentry.FieldAggregate, aggregates)).Select(retryentry.FieldAggregate).All(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("look into the retry queue: %w", err)
	}
	waiting := make(map[int64]bool, len(rows))
	for _, r := range rows {
		waiting[r.Aggregate] = true
	}
	for _, e := range all {
		if waiting[e.Aggregate] {
			behind = append(behind, e)
		} else {
			ready = append(ready, e)
		}
	}
	return ready, behind, nil
}

// enqueue adds events to the retry queue that wait for an earlier event of their aggregate.
func (g *Group) enqueue(ctx context.Context, tx *ent.Tx, behind []Entry) error {
	if len(behind) == 0 {
		return nil
	}
	now := g.clock.Now()
	rows := make([]*ent.RetryEntryCreate, len(behind))
	for i, e := range behind {
		rows[i] = g.queueRow(tx, e).SetNextAt(now)
	}
	return g.save(ctx, tx, rows...)
}

// enqueueFailed adds an event to the retry queue after its first attempt failed. A dead event waits for an operator.
func (g *Group) enqueueFailed(ctx context.Context, tx *ent.Tx, e Entry, reason string, dead bool) error {
	next := g.clock.Now().Add(g.backoff(1))
	return g.save(ctx, tx, g.queueRow(tx, e).SetAttempts(1).SetNextAt(next).SetReason(short(reason)).SetDead(dead))
}

func (g *Group) queueRow(tx *ent.Tx, e Entry) *ent.RetryEntryCreate {
	return tx.RetryEntry.Create().SetGroupName(g.cfg.Name).SetSeq(e.Seq).SetType(e.Type).SetVersion(e.Version).
		SetAggregate(e.Aggregate).SetPayload(e.Payload).SetCreatedAt(e.At).SetAttempts(0).SetReason("").SetDead(false)
}

func (g *Group) save(ctx context.Context, tx *ent.Tx, rows ...*ent.RetryEntryCreate) error {
	err := tx.RetryEntry.CreateBulk(rows...).OnConflictColumns(retryentry.FieldGroupName, retryentry.FieldSeq).
		UpdateAttempts().UpdateNextAt().UpdateReason().UpdateDead().Exec(ctx)
	if err != nil {
		return fmt.Errorf("add to the retry queue: %w", err)
	}
	return nil
}

// countFailure counts a failed attempt, and logs a dead letter, because it waits for an operator.
func (g *Group) countFailure(ctx context.Context, e Entry, reason string, dead bool) {
	g.failed.Add(1)
	if dead {
		g.died.Add(1)
		slog.ErrorContext(ctx, "an event is a dead letter", "group", g.cfg.Name, "seq", e.Seq, "type", e.Type, "version", e.Version,
			"error", reason)
	}
}

func short(reason string) string {
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	// PostgreSQL refuses text with invalid characters.
	return strings.ToValidUTF8(strings.ReplaceAll(reason, "\x00", ""), "")
}

// backoff returns the wait after a number of attempts.
func (g *Group) backoff(attempts int) time.Duration {
	d := g.cfg.Backoff
	for range attempts - 1 {
		if d *= 2; d >= maxBackoff {
			return maxBackoff
		}
	}
	return d
}

// dueRows returns SQL for the events of the retry queue that may be tried in a partition: the first event of each aggregate, if
// it is due. The SQL's arguments are the group, the time and the partition.
func (g *Group) dueRows(columns string) string {
	return "SELECT " + columns + ` FROM retry_queue AS q
		WHERE q.group_name = $1 AND NOT q.dead AND q.next_at <= $2 AND ` + g.partitionOf("q.aggregate") + ` = $3
		AND NOT EXISTS (SELECT 1 FROM retry_queue AS earlier WHERE earlier.group_name = q.group_name
			AND earlier.aggregate = q.aggregate AND NOT earlier.dead AND earlier.seq < q.seq)`
}

// queuedEntry is an event of the retry queue.
type queuedEntry struct {
	Entry
	id       int64
	attempts int
}

const queueColumns = "q.id, q.seq, q.type, q.version, q.aggregate, q.payload, q.created_at, q.attempts"

func (l *lease) due(ctx context.Context) ([]queuedEntry, error) {
	return l.g.readQueue(ctx, l.g.dueRows(queueColumns)+" ORDER BY q.seq LIMIT $4",
		l.g.cfg.Name, l.g.clock.Now(), l.partition, retryBatch)
}

// behind returns an event that was never tried, together with the events of its aggregate that wait behind it.
func (l *lease) behind(ctx context.Context, first queuedEntry) ([]queuedEntry, error) {
	return l.g.readQueue(ctx, "SELECT "+queueColumns+` FROM retry_queue AS q
		WHERE q.group_name = $1 AND q.aggregate = $2 AND NOT q.dead AND q.seq >= $3 ORDER BY q.seq LIMIT $4`,
		l.g.cfg.Name, first.Aggregate, first.Seq, l.g.cfg.Batch)
}

func (g *Group) readQueue(ctx context.Context, query string, args ...any) ([]queuedEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Lease)
	defer cancel()
	out, err := sqldb.ScanAll(ctx, g.db, query, args, func(p *queuedEntry) []any {
		return []any{&p.id, &p.Seq, &p.Type, &p.Version, &p.Aggregate, &p.Payload, &p.At, &p.attempts}
	})
	if err != nil {
		return nil, fmt.Errorf("read the retry queue: %w", err)
	}
	return out, nil
}

// retryDue tries events of the retry queue that are due: at most one of each aggregate, and at most 100 in all (retryBatch), so that
// new events have their turn. It reports whether there were any.
func (l *lease) retryDue(ctx context.Context, stop <-chan struct{}) (tried bool, err error) {
	due, err := l.due(ctx)
	if err != nil {
		return false, err
	}
	for _, p := range due {
		select {
		case <-stop:
			return true, nil
		default:
		}
		if err := l.retry(ctx, p); err != nil {
			return true, err
		}
	}
	return len(due) > 0, nil
}

// retry tries an event of the retry queue. Afterwards it is handled and removed, or waits for longer, or is dead. An event that
// only waited for an earlier one is tried together with the events behind it.
func (l *lease) retry(ctx context.Context, p queuedEntry) error {
	if p.attempts == 0 {
		all, err := l.behind(ctx, p)
		if err != nil {
			return err
		}
		if len(all) > 1 {
			if err := l.handleQueued(ctx, all...); err == nil || !isPoison(err) {
				return err
			}
		}
	}
	err := l.handleQueued(ctx, p)
	if err == nil || !isPoison(err) {
		return err
	}
	attempts := p.attempts + 1
	dead := attempts >= l.g.cfg.Attempts
	next, reason := l.g.clock.Now().Add(l.g.backoff(attempts)), short(err.Error())
	err = l.inTx(ctx, func(ctx context.Context, tx *ent.Tx) error {
		n, err := tx.RetryEntry.Update().Where(retryentry.ID(p.id)).SetAttempts(attempts).SetNextAt(next).
			SetReason(reason).SetDead(dead).Save(ctx)
		if err != nil || n == 0 {
			return errors.Join(err, errLost)
		}
		return nil
	}, l.position)
	if err == nil {
		l.g.countFailure(ctx, p.Entry, reason, dead)
	}
	return err
}

// handleQueued handles events and removes them from the retry queue, in one transaction.
func (l *lease) handleQueued(ctx context.Context, all ...queuedEntry) error {
	ids, batch := make([]int64, len(all)), make([]Entry, len(all))
	for i, p := range all {
		ids[i], batch[i] = p.id, p.Entry
	}
	err := l.inTx(ctx, func(ctx context.Context, tx *ent.Tx) error {
		// First, so that events that another worker has handled by now are noticed before they have effects again.
		n, err := tx.RetryEntry.Delete().Where(sqldb.In(retryentry.FieldID, ids)).Exec(ctx)
		if err != nil || n != len(all) {
			return errors.Join(err, errLost)
		}
		return l.g.call(ctx, tx, batch)
	}, l.position)
	if err == nil {
		l.g.handled.Add(int64(len(all)))
	}
	return err
}
