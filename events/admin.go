package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/ent"
	"roost/ent/grouppartition"
	"roost/ent/retryentry"
	"roost/internal/clock"
	"roost/internal/sqldb"
)

// Admin shows consumer groups to operators, and repairs them.
type Admin struct {
	client *ent.Client
	clock  clock.Clock
	reader *Reader
	db     *sqldb.DB
}

// NewAdmin returns the Admin of a database.
func NewAdmin(client *ent.Client, db *sqldb.DB, c clock.Clock) *Admin {
	return &Admin{client: client, db: db, clock: c, reader: NewReader(db)}
}

var (
	// ErrNoGroup reports that no consumer group has the name that the operator typed.
	ErrNoGroup = errors.New("there is no group")
	// ErrOutside reports a position that is before the oldest event or after the newest one.
	ErrOutside = errors.New("that is not in the log")
)

func (a *Admin) known(ctx context.Context, group string) error {
	ok, err := a.client.GroupPartition.Query().Where(grouppartition.GroupName(group)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for the group: %w", err)
	}
	if !ok {
		return fmt.Errorf("%w %q", ErrNoGroup, group)
	}
	return nil
}

// GroupStatus is the progress of a consumer group.
type GroupStatus struct {
	Name       string
	Partitions int
	// Position is the position of the slowest partition, and Lag the number of events in the log after it.
	Position, Lag int64
	// Oldest is when the oldest event that the group has not passed was written; zero if there is none.
	Oldest time.Time
	// Retrying is the number of events that wait for another attempt, or behind one that does. Dead is the number of dead
	// letters, which wait for an operator.
	Retrying, Dead int
}

// Groups returns the status of every group, in the order of their names.
func (a *Admin) Groups(ctx context.Context) ([]GroupStatus, error) {
	partitions, err := a.client.GroupPartition.Query().Order(ent.Asc(grouppartition.FieldGroupName, grouppartition.FieldPartition)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the groups: %w", err)
	}
	head, err := a.reader.Head(ctx)
	if err != nil {
		return nil, err
	}
	var out []GroupStatus
	for _, p := range partitions {
		if len(out) == 0 || out[len(out)-1].Name != p.GroupName {
			out = append(out, GroupStatus{Name: p.GroupName, Position: p.Position})
		}
		g := &out[len(out)-1]
		g.Partitions++
		g.Position = min(g.Position, p.Position)
	}
	for i := range out {
		if err := a.fill(ctx, &out[i], head); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *Admin) fill(ctx context.Context, g *GroupStatus, head int64) (err error) {
	g.Lag = head - g.Position
	next, err := a.reader.After(ctx, g.Position, head, 1)
	if err != nil {
		return err
	}
	if len(next.Entries) > 0 {
		g.Oldest = next.Entries[0].At
	}
	of := retryentry.GroupName(g.Name)
	if g.Retrying, err = a.client.RetryEntry.Query().Where(of, retryentry.Dead(false)).Count(ctx); err != nil {
		return fmt.Errorf("count the retry queue: %w", err)
	}
	if g.Dead, err = a.client.RetryEntry.Query().Where(of, retryentry.Dead(true)).Count(ctx); err != nil {
		return fmt.Errorf("count dead letters: %w", err)
	}
	return nil
}

// DeadLetter is an event that a group no longer tries, with the error of the last attempt.
type DeadLetter struct {
	Group    string
	Entry    Entry
	Attempts int
	Reason   string
}

// DeadLetters returns up to limit dead letters of a group, oldest first. An empty group means all groups. It fails with ErrNoGroup
// when the group is unknown.
func (a *Admin) DeadLetters(ctx context.Context, group string, limit int) ([]DeadLetter, error) {
	q := a.client.RetryEntry.Query().Where(retryentry.Dead(true))
	if group != "" {
		if err := a.known(ctx, group); err != nil {
			return nil, err
		}
		q = q.Where(retryentry.GroupName(group))
	}
	rows, err := q.Order(ent.Asc(retryentry.FieldGroupName, retryentry.FieldSeq)).Limit(limit).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	out := make([]DeadLetter, len(rows))
	for i, p := range rows {
		out[i] = DeadLetter{Group: p.GroupName, Attempts: p.Attempts, Reason: p.Reason, Entry: Entry{Seq: p.Seq, Type: p.Type,
			Version: p.Version, Aggregate: p.Aggregate, Payload: p.Payload, At: p.CreatedAt.UTC()}}
	}
	return out, nil
}

// Retry returns dead letters of a group to the retry queue, for as many attempts as a new failure gets: the dead letter at seq, or
// all if seq is 0. It returns how many there were, and fails with ErrNoGroup when the group is unknown.
func (a *Admin) Retry(ctx context.Context, group string, seq int64) (int, error) {
	if err := a.known(ctx, group); err != nil {
		return 0, err
	}
	up := a.client.RetryEntry.Update().Where(retryentry.GroupName(group), retryentry.Dead(true))
	if seq != 0 {
		up = up.Where(retryentry.Seq(seq))
	}
	n, err := up.SetDead(false).SetAttempts(0).SetNextAt(a.clock.Now()).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("retry dead letters: %w", err)
	}
	return n, nil
}

// Replay moves every partition of a group to a position, backwards or forwards. The group then handles the events after the
// position once more, including events to retry and dead letters. A batch that is being handled cannot commit any more, and is
// done again. Replay fails with ErrNoGroup when the group is unknown, and with ErrOutside when retention has removed the events
// after the position.
func (a *Admin) Replay(ctx context.Context, group string, position int64) (err error) {
	tx, err := a.client.Tx(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // the error that is returned says why
		}
	}()
	// Retention must not remove events between the read of the log's ends and the move.
	if err := lockRetention(ctx, a.db, tx); err != nil {
		return err
	}
	var head, oldest int64
	ends := "SELECT " + headOf(a.db) + ", COALESCE((SELECT oldest FROM log_heads WHERE id = 1), 0)"
	if err := sqldb.ScanOne(ctx, tx.Client(), ends, nil, &head, &oldest); err != nil {
		return fmt.Errorf("read the ends of the log: %w", err)
	}
	if position < oldest || position > head {
		return fmt.Errorf("%w: it has the events %d to %d", ErrOutside, oldest+1, head)
	}
	n, err := tx.GroupPartition.Update().Where(grouppartition.GroupName(group)).SetPosition(position).SetOwner("").
		SetMovedAt(a.clock.Now()).Save(ctx)
	if err != nil {
		return fmt.Errorf("move the group: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("%w %q", ErrNoGroup, group)
	}
	// These events come again from the log.
	_, err = tx.RetryEntry.Delete().Where(retryentry.GroupName(group), retryentry.SeqGT(position)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("clear the retry queue: %w", err)
	}
	return tx.Commit()
}

// Start returns the position before the oldest event that retention has kept.
func (a *Admin) Start(ctx context.Context) (int64, error) { return a.reader.Oldest(ctx) }
