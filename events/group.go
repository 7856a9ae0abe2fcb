package events

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"roost/ent"
	"roost/ent/grouppart"
	"roost/internal/clock"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

// Handler carries out what events cause. Effects in SQL go through the transaction, which commits them
// with the group's position; others must be idempotent. With several parts it is called from several
// goroutines.
type Handler interface {
	// Handle handles events in their order, within GroupConfig.Lease, after which ctx ends. An error undoes
	// the transaction: the events are then handled one by one, and the one that fails alone is parked. An
	// error of kind errs.Unavailable, or of a database that is away, is nobody's fault: the part waits and
	// nothing is parked. On SQLite the transaction keeps all writers waiting, so it must be short.
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
	// Lease is for how long a part is taken, 15 s if 0; every batch extends it. A batch or an event that
	// takes longer has failed.
	Lease time.Duration
	// Poll is how often the group looks when nobody wakes it, 100 ms if 0.
	Poll time.Duration
	// Attempts is how often an event is tried before it is a dead letter, 10 if 0.
	Attempts int
	// Backoff is the wait after the first failure, which doubles up to a minute; 1 s if 0.
	Backoff time.Duration
}

func (c *GroupConfig) setDefaults() error {
	if c.Name == "" || strings.Contains(c.Name, "/") || c.Handler == nil {
		return errors.New("events: a group needs a name without a slash, and a handler")
	}
	if c.Parts < 0 || c.Batch < 0 || c.Lease < 0 || c.Poll < 0 || c.Attempts < 0 || c.Backoff < 0 {
		return fmt.Errorf("events: the group %s has a negative setting", c.Name)
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

// Group is a node's share in the work of a consumer group: one goroutine for each part. It is a
// lifecycle.Service; any number of nodes may run the same group.
type Group struct {
	cfg     GroupConfig
	db      *sqldb.DB
	client  *ent.Client
	clock   clock.Clock
	reader  *Reader
	owner   string
	workers []*worker

	handled, failed, died atomic.Int64
	cancel                context.CancelFunc
	done                  sync.WaitGroup
}

// NewGroup makes a node's share of a group.
func NewGroup(client *ent.Client, db *sqldb.DB, c clock.Clock, cfg GroupConfig) (*Group, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	g := &Group{cfg: cfg, db: db, client: client, clock: c, reader: NewReader(db), owner: rand.Text()}
	for part := range cfg.Parts {
		g.workers = append(g.workers, &worker{g: g, part: part, wake: lifecycle.NewWake()})
	}
	return g, nil
}

// Start makes sure that the group has its parts and begins to work. It fails when the group has run with
// another number of parts.
func (g *Group) Start(ctx context.Context) error {
	if err := g.register(ctx); err != nil {
		return fmt.Errorf("register the group %s: %w", g.cfg.Name, err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	g.cancel = cancel
	for _, w := range g.workers {
		g.done.Go(func() { w.run(run) })
	}
	return nil
}

// Stop lets the batches under way finish and gives the leases back.
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
		return fmt.Errorf("the group %s still works: %w", g.cfg.Name, ctx.Err())
	}
}

// Wake makes the group look now; it never blocks.
func (g *Group) Wake() {
	for _, w := range g.workers {
		w.wake.Signal()
	}
}

// Health tells about this node's share of the work.
type Health struct {
	// Handled and Failed count events since the start; Died those that became dead letters.
	Handled, Failed, Died int64
	// Looked is how long ago the slowest worker last looked for work; zero before the start.
	Looked time.Duration
}

// Health tells about this node's share of the work.
func (g *Group) Health() Health {
	h := Health{Handled: g.handled.Load(), Failed: g.failed.Load(), Died: g.died.Load()}
	for _, w := range g.workers {
		if at := w.looked.Load(); at != 0 {
			h.Looked = max(h.Looked, time.Since(time.Unix(0, at)))
		}
	}
	return h
}

// Name is the group's name.
func (g *Group) Name() string { return g.cfg.Name }

func (g *Group) key(part int) string { return fmt.Sprintf("%s/%d", g.cfg.Name, part) }

// register adds the parts of a new group, all of them or none.
func (g *Group) register(ctx context.Context) (err error) {
	from, err := g.reader.Oldest(ctx)
	if err == nil && !g.cfg.FromStart {
		from, err = g.reader.Head(ctx)
	}
	if err != nil {
		return err
	}
	tx, err := g.client.Tx(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // its own error tells why
		}
	}()
	now, added := g.clock.Now(), int64(0)
	for part := range g.cfg.Parts {
		// Of nodes that start at once one may meet another's row in either unique index.
		res, err := tx.Client().ExecContext(ctx, `INSERT INTO group_parts (id, group_name, part, position, owner, leased_until, moved_at)
			VALUES ($1, $2, $3, $4, '', $5, $5) ON CONFLICT DO NOTHING`, g.key(part), g.cfg.Name, part, from, now)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		added += n
	}
	parts, err := tx.GroupPart.Query().Where(grouppart.GroupName(g.cfg.Name)).Count(ctx)
	if err != nil {
		return err
	}
	if before := parts - int(added); before != 0 && before != g.cfg.Parts {
		return fmt.Errorf("it has %d parts, not %d; that cannot change", before, g.cfg.Parts)
	}
	return tx.Commit()
}
