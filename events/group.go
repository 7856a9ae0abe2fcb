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
	"roost/ent/grouppartition"
	"roost/internal/clock"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

// Handler carries out the effects of events. Effects in SQL go through the transaction, which commits them together with the
// group's position; other effects must be idempotent. With several partitions it is called from several goroutines.
type Handler interface {
	// Handle handles events in their order, within GroupConfig.Lease, after which ctx ends. An error rolls the transaction
	// back: the events are then handled one by one, and an event that fails alone goes to the retry queue. An error of kind
	// errs.Unavailable, or one from a database that is away, is not the event's own: the partition waits, and nothing goes to
	// the retry queue. On SQLite the transaction keeps all writers waiting, so it must be short.
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
	// Name is the group's key in the database. It must not change, or another group begins.
	Name string
	// Partitions is the number of partitions of the aggregates, 1 if 0. It must not change once the group has run.
	Partitions int
	// Types are the types of events that the group handles; all if empty.
	Types   []string
	Handler Handler
	// FromStart makes a new group begin with the oldest event of the log. Otherwise it begins with the first event that is
	// written after its start.
	FromStart bool
	// Batch is how many events one transaction handles at most, 500 if 0.
	Batch int
	// Lease is how long a worker owns a partition, 15 s if 0; every batch extends it. A batch that takes longer has failed.
	Lease time.Duration
	// Poll is how often the group looks for events when nothing wakes it, 100 ms if 0. A group that relies on a Lookout does so
	// only if the lookout has found work or has not looked lately.
	Poll time.Duration
	// Gathers makes events gather between two polls: Wake does nothing.
	Gathers bool
	// Attempts is how many attempts at an event may fail before it is a dead letter, 10 if 0.
	Attempts int
	// Backoff is the wait after the first failed attempt, 1 s if 0. It doubles with each attempt, up to a minute.
	Backoff time.Duration
}

func (c *GroupConfig) setDefaults() error {
	if c.Name == "" || strings.Contains(c.Name, "/") || c.Handler == nil {
		return errors.New("events: a group needs a name without a slash, and a handler")
	}
	if c.Partitions < 0 || c.Batch < 0 || c.Lease < 0 || c.Poll < 0 || c.Attempts < 0 || c.Backoff < 0 {
		return fmt.Errorf("events: the group %s has a negative setting", c.Name)
	}
	fill(&c.Partitions, 1)
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

// Group does a node's share of the work of a consumer group, with one goroutine for each partition. It is a lifecycle.Service.
// Any number of nodes may run the same group.
type Group struct {
	cfg     GroupConfig
	db      *sqldb.DB
	client  *ent.Client
	clock   clock.Clock
	reader  *Reader
	owner   string
	workers []*worker
	lookout *Lookout // nil if there is none to rely on

	handled, failed, died atomic.Int64
	cancel                context.CancelFunc
	done                  sync.WaitGroup
}

// NewGroup returns a node's share of a group. It fails when the configuration is not valid.
func NewGroup(client *ent.Client, db *sqldb.DB, c clock.Clock, cfg GroupConfig) (*Group, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	g := &Group{cfg: cfg, db: db, client: client, clock: c, reader: NewReader(db), owner: rand.Text()}
	for partition := range cfg.Partitions {
		g.workers = append(g.workers, &worker{g: g, partition: partition, wake: lifecycle.NewWake()})
	}
	return g, nil
}

// Start registers the group's partitions in the database and begins to work. It fails when the group has run with another number
// of partitions.
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

// Stop waits until the current batches are finished and the leases are released, or until ctx ends.
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
		return fmt.Errorf("stop the group %s: a batch is still running: %w", g.cfg.Name, ctx.Err())
	}
}

// Wake makes the group look for events now, unless it gathers them. It never blocks.
func (g *Group) Wake() {
	if g.cfg.Gathers {
		return
	}
	for _, w := range g.workers {
		w.wake.Signal()
	}
}

// Health is the state of this node's share of a group's work.
type Health struct {
	// Handled counts events since the start, Failed the failed attempts, and Died the events that became dead letters.
	Handled, Failed, Died int64
	// Looked is how long ago the slowest worker last looked for work; zero before the start.
	Looked time.Duration
}

// Health returns the state of this node's share of the work.
func (g *Group) Health() Health {
	h := Health{Handled: g.handled.Load(), Failed: g.failed.Load(), Died: g.died.Load()}
	for _, w := range g.workers {
		if at := w.looked.Load(); at != 0 {
			h.Looked = max(h.Looked, time.Since(time.Unix(0, at)))
		}
	}
	return h
}

// Name returns the group's name.
func (g *Group) Name() string { return g.cfg.Name }

func (g *Group) key(partition int) string { return fmt.Sprintf("%s/%d", g.cfg.Name, partition) }

// register adds the partitions of a new group, all of them or none.
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
			_ = tx.Rollback() // the error that is returned says why
		}
	}()
	now, added := g.clock.Now(), int64(0)
	for partition := range g.cfg.Partitions {
		// Several nodes may start at once, and meet each other's rows in either unique index.
		res, err := tx.Client().ExecContext(ctx, `INSERT INTO group_partitions
			(id, group_name, partition, position, owner, leased_until, moved_at) VALUES ($1, $2, $3, $4, '', $5, $5)
			ON CONFLICT DO NOTHING`, g.key(partition), g.cfg.Name, partition, from, now)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		added += n
	}
	partitions, err := tx.GroupPartition.Query().Where(grouppartition.GroupName(g.cfg.Name)).Count(ctx)
	if err != nil {
		return err
	}
	if before := partitions - int(added); before != 0 && before != g.cfg.Partitions {
		return fmt.Errorf(`the database has a group %q with %d partitions, and this binary needs %d. Their number cannot change. If another `+
			`program made that group, docs/upgrade.md says what to do: "A consumer group's name is taken"`, g.cfg.Name, before, g.cfg.Partitions)
	}
	return tx.Commit()
}
