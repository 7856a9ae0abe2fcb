package events

import (
	"context"
	"fmt"
	"time"

	"roost/ent"
	"roost/ent/parkedevent"
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
	rows, err := tx.ParkedEvent.Query().Where(parkedevent.GroupName(g.cfg.Name), parkedevent.Dead(false),
		sqldb.In(parkedevent.FieldAggregate, aggregates)).Select(parkedevent.FieldAggregate).All(ctx)
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

// park keeps events for later; attempts is how often they were tried, reason why in vain.
func (g *Group) park(ctx context.Context, tx *ent.Tx, all []Entry, attempts int, reason string) error {
	if len(all) == 0 {
		return nil
	}
	next := g.clock.Now()
	if attempts > 0 {
		next = next.Add(g.backoff(attempts))
	}
	rows := make([]*ent.ParkedEventCreate, len(all))
	for i, e := range all {
		rows[i] = tx.ParkedEvent.Create().SetGroupName(g.cfg.Name).SetSeq(e.Seq).SetType(e.Type).SetVersion(e.Version).
			SetAggregate(e.Aggregate).SetPayload(e.Payload).SetCreatedAt(e.At).SetAttempts(attempts).SetNextAt(next).
			SetReason(short(reason))
	}
	err := tx.ParkedEvent.CreateBulk(rows...).OnConflictColumns(parkedevent.FieldGroupName, parkedevent.FieldSeq).
		UpdateAttempts().UpdateNextAt().UpdateReason().Exec(ctx)
	if err != nil {
		return fmt.Errorf("park events: %w", err)
	}
	return nil
}

func short(reason string) string {
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	return reason
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

// due gives parked events of a part that may be tried now: of each aggregate the first, if it is its time.
func (g *Group) due(ctx context.Context, part int, now time.Time, limit int) ([]*ent.ParkedEvent, error) {
	query := `SELECT p.id, p.seq, p.type, p.version, p.aggregate, p.payload, p.created_at, p.attempts FROM parked_events AS p
		WHERE p.group_name = $1 AND NOT p.dead AND p.next_at <= $2 AND ` + fmt.Sprintf(partOf("p.aggregate"), g.cfg.Parts) + ` = $3
		AND NOT EXISTS (SELECT 1 FROM parked_events AS q WHERE q.group_name = p.group_name AND q.aggregate = p.aggregate
			AND NOT q.dead AND q.seq < p.seq)
		ORDER BY p.seq LIMIT $4`
	rows, err := g.db.QueryContext(ctx, query, g.cfg.Name, now, part, limit)
	if err != nil {
		return nil, fmt.Errorf("read parked events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []*ent.ParkedEvent
	for rows.Next() {
		p := &ent.ParkedEvent{}
		if err := rows.Scan(&p.ID, &p.Seq, &p.Type, &p.Version, &p.Aggregate, &p.Payload, &p.CreatedAt, &p.Attempts); err != nil {
			return nil, fmt.Errorf("read parked events: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// retryDue tries parked events until none is due.
func (l *lease) retryDue(ctx context.Context) error {
	for ctx.Err() == nil {
		due, err := l.g.due(ctx, l.part, l.g.clock.Now(), retryBatch)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, p := range due {
			if err := l.retry(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// retry tries one parked event: it is handled and forgotten, or parked for longer, or dead.
func (l *lease) retry(ctx context.Context, p *ent.ParkedEvent) error {
	e := Entry{Seq: p.Seq, Type: p.Type, Version: p.Version, Aggregate: p.Aggregate, Payload: p.Payload, At: p.CreatedAt}
	err := l.inTx(ctx, func(ctx context.Context, tx *ent.Tx) error {
		if err := l.g.cfg.Handler.Handle(ctx, tx, []Entry{e}); err != nil {
			return err
		}
		return tx.ParkedEvent.DeleteOneID(p.ID).Exec(ctx)
	}, l.position)
	if err == nil {
		l.g.handled.Add(1)
		return nil
	}
	if !isPoison(err) {
		return err
	}
	l.g.failed.Add(1)
	attempts := p.Attempts + 1
	dead := attempts >= l.g.cfg.Attempts
	if dead {
		l.g.died.Add(1)
	}
	next := l.g.clock.Now().Add(l.g.backoff(attempts))
	return l.inTx(ctx, func(ctx context.Context, tx *ent.Tx) error {
		return tx.ParkedEvent.UpdateOneID(p.ID).SetAttempts(attempts).SetNextAt(next).SetReason(short(err.Error())).SetDead(dead).Exec(ctx)
	}, l.position)
}
