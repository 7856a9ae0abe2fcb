package events

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"roost/ent"
	"roost/internal/clock"
	"roost/internal/errs"
	"roost/internal/sqldb"
)

// Handler carries out what events cause. Effects in SQL go through the transaction, which commits them
// with the group's position; others must be idempotent.
type Handler interface {
	// Handle handles events in their order. An error undoes the transaction: the events are then handled
	// one by one, and the one that fails alone is parked.
	Handle(ctx context.Context, tx *ent.Tx, batch []Entry) error
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, tx *ent.Tx, batch []Entry) error

// Handle calls the function.
func (f HandlerFunc) Handle(ctx context.Context, tx *ent.Tx, batch []Entry) error {
	return f(ctx, tx, batch)
}

// GroupConfig describes a consumer group. Name and Handler are needed.
type GroupConfig struct {
	// Name is the group's key in the database; it never changes.
	Name string
	// Parts is in how many parts the aggregates are split, 1 if 0. It must not change once the group has
	// run.
	Parts int
	// Types are the events that the group wants; all if empty.
	Types   []string
	Handler Handler
	// FromStart makes a new group begin with the oldest event instead of the newest.
	FromStart bool
	// Batch is the most events of one transaction, 500 if 0.
	Batch int
	// Lease is for how long a part is taken, 15 s if 0. It must be longer than a batch takes.
	Lease time.Duration
	// Poll is how often the group looks when nobody wakes it, 100 ms if 0.
	Poll time.Duration
	// Attempts is how often an event is tried before it is a dead letter, 10 if 0.
	Attempts int
	// Backoff is the wait after the first failure, which doubles up to a minute; 1 s if 0.
	Backoff time.Duration
}

func (c *GroupConfig) setDefaults() error {
	if c.Name == "" || c.Handler == nil {
		return errors.New("events: a group needs a name and a handler")
	}
	fill(&c.Parts, 1)
	fill(&c.Batch, 500)
	fill(&c.Lease, 15*time.Second)
	fill(&c.Poll, 100*time.Millisecond)
	fill(&c.Attempts, 10)
	fill(&c.Backoff, time.Second)
	return nil
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Group is a node's share in the work of a consumer group. It is a lifecycle.Service; any number of nodes
// may run the same group.
type Group struct {
	cfg    GroupConfig
	db     *sqldb.DB
	client *ent.Client
	clock  clock.Clock
	reader *Reader
	owner  string
	wake   chan struct{}

	handled, failed, died atomic.Int64
	alive                 atomic.Int64
	cancel                context.CancelFunc
	done                  sync.WaitGroup
}

// NewGroup makes a node's share of a group.
func NewGroup(client *ent.Client, db *sqldb.DB, c clock.Clock, cfg GroupConfig) (*Group, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	return &Group{cfg: cfg, db: db, client: client, clock: c, reader: NewReader(db), owner: rand.Text(),
		wake: make(chan struct{}, 1)}, nil
}

// Start makes sure that the group has its parts and begins to work.
func (g *Group) Start(ctx context.Context) error {
	if err := g.register(ctx); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	g.cancel = cancel
	g.done.Go(func() { g.run(run) })
	return nil
}

// Stop lets the batch under way finish and gives the leases back.
func (g *Group) Stop(ctx context.Context) error {
	if g.cancel == nil {
		return nil
	}
	g.cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.done.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Wake makes the group look now; it never blocks.
func (g *Group) Wake() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// Health tells about this node's share of the work.
type Health struct {
	// Handled and Failed count events since the start; Died those that became dead letters.
	Handled, Failed, Died int64
	// Looked is how long ago the group last looked for work.
	Looked time.Duration
}

// Health tells about this node's share of the work.
func (g *Group) Health() Health {
	h := Health{Handled: g.handled.Load(), Failed: g.failed.Load(), Died: g.died.Load()}
	if at := g.alive.Load(); at != 0 {
		h.Looked = time.Since(time.Unix(0, at))
	}
	return h
}

// Name is the group's name.
func (g *Group) Name() string { return g.cfg.Name }

func (g *Group) register(ctx context.Context) error {
	from, err := g.reader.Oldest(ctx)
	if err == nil && !g.cfg.FromStart {
		from, err = g.reader.Head(ctx)
	}
	if err != nil {
		return err
	}
	now := g.clock.Now()
	for part := range g.cfg.Parts {
		_, err := g.db.ExecContext(ctx, `INSERT INTO group_parts (id, group_name, part, position, owner, leased_until, moved_at)
			VALUES ($1, $2, $3, $4, '', $5, $5) ON CONFLICT (id) DO NOTHING`, g.key(part), g.cfg.Name, part, from, now)
		if err != nil {
			return fmt.Errorf("register the group %s: %w", g.cfg.Name, err)
		}
	}
	return nil
}

func (g *Group) key(part int) string { return fmt.Sprintf("%s/%d", g.cfg.Name, part) }

func (g *Group) run(ctx context.Context) {
	tick := time.NewTicker(g.cfg.Poll)
	defer tick.Stop()
	for {
		more := g.round(ctx)
		if more && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		case <-tick.C:
		}
	}
}

// round works on every part that is free, in a random order, so that nodes spread over them. It reports
// whether a part has more to do.
func (g *Group) round(ctx context.Context) (more bool) {
	g.alive.Store(time.Now().UnixNano())
	for _, part := range mrand.Perm(g.cfg.Parts) {
		if ctx.Err() != nil {
			return false
		}
		busy, err := g.work(ctx, part)
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "a consumer group waits", "group", g.cfg.Name, "part", part, "error", err)
			select {
			case <-time.After(retryEvery):
			case <-ctx.Done():
			}
			return false
		}
		more = more || busy
	}
	return more
}

// errLost says that the part belongs to somebody else by now; what was not committed is theirs to do.
var errLost = errors.New("the lease was lost")

// work takes a part if it is free and there is something to do, handles a few batches, and gives it back.
func (g *Group) work(ctx context.Context, part int) (more bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			more, err = false, fmt.Errorf("panic: %v", p)
		}
	}()
	todo, err := g.todo(ctx, part)
	if err != nil || !todo {
		return false, err
	}
	position, ok, err := g.take(ctx, part)
	if err != nil || !ok {
		return false, err
	}
	l := &lease{g: g, part: part, position: position}
	// The lease is given back even when the group stops.
	defer func() { err = errors.Join(err, l.release(context.WithoutCancel(ctx))) }()
	more, err = l.drain(ctx)
	if errors.Is(err, errLost) {
		return false, nil
	}
	return more, err
}

// todo reports whether the part is free and has unread or waiting events, without writing anything.
func (g *Group) todo(ctx context.Context, part int) (bool, error) {
	var position int64
	var until time.Time
	var owner string
	err := scan(ctx, g.db, "SELECT position, leased_until, owner FROM group_parts WHERE id = $1", []any{g.key(part)}, &position, &until, &owner)
	if err != nil {
		return false, fmt.Errorf("read the position: %w", err)
	}
	now := g.clock.Now()
	if owner != "" && owner != g.owner && until.After(now) {
		return false, nil
	}
	head, err := g.reader.Head(ctx)
	if err != nil || head > position {
		return err == nil, err
	}
	due, err := g.due(ctx, part, now, 1)
	return len(due) > 0, err
}

// take takes the lease of a part if it is free.
func (g *Group) take(ctx context.Context, part int) (position int64, ok bool, err error) {
	now := g.clock.Now()
	rows, err := g.db.QueryContext(ctx, `UPDATE group_parts SET owner = $1, leased_until = $2
		WHERE id = $3 AND (owner = $1 OR owner = '' OR leased_until <= $4) RETURNING position`,
		g.owner, now.Add(g.cfg.Lease), g.key(part), now)
	if err != nil {
		return 0, false, fmt.Errorf("take a lease: %w", err)
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return 0, false, rows.Err()
	}
	if err := rows.Scan(&position); err != nil {
		return 0, false, err
	}
	return position, true, rows.Close()
}

// isPoison reports whether an error is the event's own, and not that the database or a service is away.
func isPoison(err error) bool {
	return !errors.Is(err, errLost) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) &&
		!errs.Is(err, errs.Unavailable) && !sqldb.IsUnavailable(err) && !sqldb.IsRetryable(err)
}
