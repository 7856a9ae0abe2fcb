package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"

	"roost/events"
	"roost/internal/lifecycle"
)

const (
	// connections is how many connections Roost opens to PostgreSQL on two cores.
	connections = 32
	// plainBatch is how many rows the poller takes at once, plainPoll how often it looks without a wake-up.
	plainBatch = 500
	plainPoll  = 100 * time.Millisecond
)

// plainOutbox is the plain outbox.
type plainOutbox struct {
	db     *sql.DB
	ledger *ledger
	wake   chan struct{}
	poller *lifecycle.Loop

	take, effect *sql.Stmt
	mu           sync.Mutex
	inserts      map[int]*sql.Stmt // by the number of events
	failed       error
}

// NewPlain makes an outbox in an empty database.
func NewPlain(ctx context.Context, database string) (*Run, error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	q.Set("binary_parameters", "yes")
	u.RawQuery = q.Encode()
	db, err := sql.Open("postgres", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	p := &plainOutbox{db: db, ledger: &ledger{}, wake: make(chan struct{}, 1), inserts: map[int]*sql.Stmt{}}
	p.poller = &lifecycle.Loop{Run: p.poll}
	if err := p.build(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Run{way: p, ledger: p.ledger}, nil
}

func (p *plainOutbox) build(ctx context.Context) (err error) {
	for _, table := range []string{effects, `CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type varchar NOT NULL,
		version bigint NOT NULL, aggregate bigint NOT NULL, payload text NOT NULL, created_at timestamptz NOT NULL)`} {
		if _, err := p.db.ExecContext(ctx, table); err != nil {
			return err
		}
	}
	if p.take, err = p.db.PrepareContext(ctx, `DELETE FROM outbox WHERE id = ANY(ARRAY(
		SELECT id FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING payload`); err != nil {
		return err
	}
	p.effect, err = p.db.PrepareContext(ctx, writeEffects)
	return err
}

func (p *plainOutbox) start(ctx context.Context) error { return p.poller.Start(ctx) }

func (p *plainOutbox) stop(ctx context.Context) error {
	err := p.poller.Stop(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(err, p.failed)
}

// writers prepares the insert of transactions of n events.
func (p *plainOutbox) writers(ctx context.Context, n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inserts[n] != nil {
		return nil
	}
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("($%d, $%d, $%d, $%d, $%d)", 5*i+1, 5*i+2, 5*i+3, 5*i+4, 5*i+5)
	}
	var err error
	p.inserts[n], err = p.db.PrepareContext(ctx, "INSERT INTO outbox (type, version, aggregate, payload, created_at) VALUES "+
		strings.Join(rows, ", "))
	return err
}

func (p *plainOutbox) write(ctx context.Context, first int64, n int) error {
	p.mu.Lock()
	insert := p.inserts[n]
	p.mu.Unlock()
	now := time.Now().UTC()
	args := make([]any, 0, 5*n)
	for i := range n {
		e := event(first + int64(i))
		payload, err := json.Marshal(e)
		if err != nil {
			return err
		}
		args = append(args, e.Type(), e.PayloadVersion(), e.Aggregate(), string(payload), now)
	}
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.StmtContext(ctx, insert).ExecContext(ctx, args...); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	p.ledger.committed(first)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return nil
}

// poll handles events until it is stopped. The first failure ends it.
func (p *plainOutbox) poll(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := p.batch(context.WithoutCancel(ctx))
		if err != nil {
			p.mu.Lock()
			p.failed = err
			p.mu.Unlock()
			return
		}
		if n > 0 {
			continue
		}
		wait := time.NewTimer(plainPoll)
		select {
		case <-ctx.Done():
		case <-p.wake:
		case <-wait.C:
		}
		wait.Stop()
	}
}

// batch takes events and writes their effects, in one transaction. It returns how many there were.
func (p *plainOutbox) batch(ctx context.Context) (n int, err error) {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	rows, err := tx.StmtContext(ctx, p.take).QueryContext(ctx, plainBatch)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	var numbers []int64
	for rows.Next() {
		var payload string
		var e events.TweetPosted
		if err := rows.Scan(&payload); err != nil {
			return 0, err
		}
		if err := json.Unmarshal([]byte(payload), &e); err != nil {
			return 0, err
		}
		numbers = append(numbers, e.AuthorID)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(numbers) == 0 {
		return 0, err
	}
	if _, err := tx.StmtContext(ctx, p.effect).ExecContext(ctx, pq.Array(numbers)); err != nil {
		return 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, err
	}
	p.ledger.effect(numbers)
	return len(numbers), nil
}

// check fails unless the outbox is empty.
func (p *plainOutbox) check(ctx context.Context, _ int64) error {
	var left int64
	if err := p.db.QueryRowContext(ctx, `SELECT count(*) FROM outbox`).Scan(&left); err != nil {
		return err
	}
	if left != 0 {
		return fmt.Errorf("%d events are left in the outbox", left)
	}
	return nil
}

func (p *plainOutbox) pool() *sql.DB { return p.db }
