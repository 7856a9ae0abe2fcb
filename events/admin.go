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

// Admin looks at consumer groups and mends them, for operators.
type Admin struct {
	client *ent.Client
	clock  clock.Clock
	reader *Reader
	db     *sqldb.DB
}

// NewAdmin looks at the groups of a database.
func NewAdmin(client *ent.Client, db *sqldb.DB, c clock.Clock) *Admin {
	return &Admin{client: client, db: db, clock: c, reader: NewReader(db)}
}

// Refusals of what an operator asks for.
var (
	ErrNoGroup = errors.New("there is no group")
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

// GroupStatus is how far a group has come.
type GroupStatus struct {
	Name       string
	Partitions int
	// Position is that of the partition that is furthest behind, Lag how many places the log is ahead of it.
	Position, Lag int64
	// Oldest is when the oldest event was written that the group has not passed; zero if there is none.
	Oldest time.Time
	// Retrying events wait for another attempt, Dead ones for an operator.
	Retrying, Dead int
}

// Groups tells about every group.
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
		return fmt.Errorf("count parked events: %w", err)
	}
	if g.Dead, err = a.client.RetryEntry.Query().Where(of, retryentry.Dead(true)).Count(ctx); err != nil {
		return fmt.Errorf("count dead letters: %w", err)
	}
	return nil
}

// DeadLetter is an event that a group has given up on.
type DeadLetter struct {
	Group    string
	Entry    Entry
	Attempts int
	Reason   string
}

// DeadLetters lists up to limit dead letters, oldest first; an empty group means all groups.
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

// Retry gives dead letters of a group another row of attempts: the one at seq, or all if seq is 0. It
// returns how many there were, and fails when the group is unknown.
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

// Replay moves every partition of a group back, or on, to a position: the group handles the events behind it
// once more, parked and dead ones among them. Work under way is fenced off and done again. It fails when the
// group is unknown or retention has removed what lies behind the position.
func (a *Admin) Replay(ctx context.Context, group string, position int64) (err error) {
	tx, err := a.client.Tx(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // its own error tells why
		}
	}()
	// Retention must not remove between the look and the move.
	if err := lockRetention(ctx, a.db, tx); err != nil {
		return err
	}
	var head, oldest int64
	if err := scan(ctx, tx.Client(), "SELECT "+headOf(a.db)+", COALESCE((SELECT oldest FROM log_heads WHERE id = 1), 0)", nil, &head, &oldest); err != nil {
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
	// They come again from the log.
	_, err = tx.RetryEntry.Delete().Where(retryentry.GroupName(group), retryentry.SeqGT(position)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("forget parked events: %w", err)
	}
	return tx.Commit()
}

// Start is the position from which everything that is kept is behind.
func (a *Admin) Start(ctx context.Context) (int64, error) { return a.reader.Oldest(ctx) }
