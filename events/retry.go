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

// retryBatch is how many parked events are tried in one turn.
const retryBatch = 100

// maxBackoff is the longest wait between two attempts.
const maxBackoff = time.Minute

// maxReason bounds what is kept of an error, in bytes.
const maxReason = 2000

// sort splits events into those that may be handled and those behind a parked one of their aggregate.
func (g *Group) sort(ctx context.Context, tx *ent.Tx, all []Entry) (ready, behind []Entry, err error) {
	aggregates := make([]int64, 0, len(all))
	for _, e := range all {
		aggregates = append(aggregates, e.Aggregate)
	}
	rows, err := tx.RetryEntry.Query().Where(retryentry.GroupName(g.cfg.Name), retryentry.Dead(false),
		sqldb.In(retryentry.FieldAggregate, aggregates)).Select(retryentry.FieldAggregate).All(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("look for parked events: %w", err)
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

// park keeps events for later that wait for an earlier one.
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

// enqueueFailed keeps an event for later, or for an operator if it is dead, that was tried once in vain.
func (g *Group) enqueueFailed(ctx context.Context, tx *ent.Tx, e Entry, reason string, dead bool) error {
	return g.save(ctx, tx, g.queueRow(tx, e).SetAttempts(1).SetNextAt(g.clock.Now().Add(g.backoff(1))).SetReason(short(reason)).SetDead(dead))
}

func (g *Group) queueRow(tx *ent.Tx, e Entry) *ent.RetryEntryCreate {
	return tx.RetryEntry.Create().SetGroupName(g.cfg.Name).SetSeq(e.Seq).SetType(e.Type).SetVersion(e.Version).
		SetAggregate(e.Aggregate).SetPayload(e.Payload).SetCreatedAt(e.At).SetAttempts(0).SetReason("").SetDead(false)
}

func (g *Group) save(ctx context.Context, tx *ent.Tx, rows ...*ent.RetryEntryCreate) error {
	err := tx.RetryEntry.CreateBulk(rows...).OnConflictColumns(retryentry.FieldGroupName, retryentry.FieldSeq).
		UpdateAttempts().UpdateNextAt().UpdateReason().UpdateDead().Exec(ctx)
	if err != nil {
		return fmt.Errorf("park events: %w", err)
	}
	return nil
}

// countFailure counts a failed attempt. A dead letter is logged, because it waits for an operator.
func (g *Group) countFailure(ctx context.Context, e Entry, reason string, dead bool) {
	g.failed.Add(1)
	if dead {
		g.died.Add(1)
		slog.ErrorContext(ctx, "an event is a dead letter", "group", g.cfg.Name, "seq", e.Seq, "type", e.Type, "version", e.Version, "error", reason)
	}
}

func short(reason string) string {
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	// PostgreSQL refuses what is no text.
	return strings.ToValidUTF8(strings.ReplaceAll(reason, "\x00", ""), "")
}

// backoff is the wait after the given number of attempts.
func (g *Group) backoff(attempts int) time.Duration {
	d := g.cfg.Backoff
	for range attempts - 1 {
		if d *= 2; d >= maxBackoff {
			return maxBackoff
		}
	}
	return d
}

// dueRows is SQL for the parked events of a partition that may be tried: of each aggregate the first, if it is
// its time. Its arguments are the group, the time and the partition.
func (g *Group) dueRows(columns string) string {
	return "SELECT " + columns + ` FROM retry_queue AS p
		WHERE p.group_name = $1 AND NOT p.dead AND p.next_at <= $2 AND ` + g.partitionOf("p.aggregate") + ` = $3
		AND NOT EXISTS (SELECT 1 FROM retry_queue AS q WHERE q.group_name = p.group_name AND q.aggregate = p.aggregate
			AND NOT q.dead AND q.seq < p.seq)`
}

// queuedEntry is a parked event.
type queuedEntry struct {
	Entry
	id       int64
	attempts int
}

const queueColumns = "p.id, p.seq, p.type, p.version, p.aggregate, p.payload, p.created_at, p.attempts"

func (l *lease) due(ctx context.Context) ([]queuedEntry, error) {
	return l.g.readQueue(ctx, l.g.dueRows(queueColumns)+" ORDER BY p.seq LIMIT $4", l.g.cfg.Name, l.g.clock.Now(), l.partition, retryBatch)
}

// behind gives a parked event that was never tried with those of its aggregate that wait behind it.
func (l *lease) behind(ctx context.Context, first queuedEntry) ([]queuedEntry, error) {
	return l.g.readQueue(ctx, "SELECT "+queueColumns+` FROM retry_queue AS p
		WHERE p.group_name = $1 AND p.aggregate = $2 AND NOT p.dead AND p.seq >= $3 ORDER BY p.seq LIMIT $4`,
		l.g.cfg.Name, first.Aggregate, first.Seq, l.g.cfg.Batch)
}

func (g *Group) readQueue(ctx context.Context, query string, args ...any) ([]queuedEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Lease)
	defer cancel()
	rows, err := g.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read parked events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []queuedEntry
	for rows.Next() {
		var p queuedEntry
		if err := rows.Scan(&p.id, &p.Seq, &p.Type, &p.Version, &p.Aggregate, &p.Payload, &p.At, &p.attempts); err != nil {
			return nil, fmt.Errorf("read parked events: %w", err)
		}
		out = append(out, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read parked events: %w", err)
	}
	return out, nil
}

// retryDue tries parked events that are due, one of each aggregate and not all if there are many, so that
// new ones have their turn. It reports whether there were any.
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

// retry tries a parked event: it is handled and forgotten, or parked for longer, or dead. When it only waited
// for an earlier one, those behind it are tried with it.
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

// handleQueued handles parked events and forgets them, in one transaction.
func (l *lease) handleQueued(ctx context.Context, all ...queuedEntry) error {
	ids, batch := make([]int64, len(all)), make([]Entry, len(all))
	for i, p := range all {
		ids[i], batch[i] = p.id, p.Entry
	}
	err := l.inTx(ctx, func(ctx context.Context, tx *ent.Tx) error {
		// First, so that events that are somebody else's by now are noticed before their effects.
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
