// Package idlease leases node numbers to the id generators of processes, through a table that all processes share. A lease is a
// node number with a ceiling, which is a time in milliseconds. Another process may take the lease over once its own clock has
// passed the ceiling. It then makes only ids with times after the ceiling, so the spans of one node number never overlap.
package idlease

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"time"

	"roost/internal/ids"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

// span is how many milliseconds a lease lasts.
const span = 120_000

// attempts is how many node numbers are tried. An attempt fails only if the number belongs to a process that runs.
const attempts = 64

// renewEvery is how often a running service checks whether the lease ends soon.
const renewEvery = 10 * time.Second

// Leases grants node numbers from the id_leases table.
type Leases struct {
	db    *sqldb.DB
	owner string
}

// New returns leases for one process, with a random owner's name.
func New(db *sqldb.DB) *Leases { return &Leases{db: db, owner: rand.Text()} }

// grantTimeout bounds the wait for a database that is busy or does not answer.
const grantTimeout = 5 * time.Second

// Grant extends the held lease or takes a free node number. It fails after five seconds without an answer.
func (l *Leases) Grant(ctx context.Context, now int64, held *ids.Grant) (ids.Grant, error) {
	// The request that comes first asks on behalf of all, so it needs no permit.
	ctx, cancel := context.WithTimeout(sqldb.Background(ctx), grantTimeout)
	defer cancel()
	until := min(now+span, ids.MaxMillis)
	if held != nil {
		ok, err := l.extend(ctx, held.Node, until)
		if err != nil {
			return ids.Grant{}, err
		}
		if !ok {
			ok, err = l.reclaim(ctx, held.Node, until)
		}
		if err != nil {
			return ids.Grant{}, err
		}
		if ok {
			return ids.Grant{Node: held.Node, After: held.After, Until: until}, nil
		}
	}
	first, err := rand.Int(rand.Reader, big.NewInt(ids.Nodes))
	if err != nil {
		return ids.Grant{}, err
	}
	for i := range attempts {
		node := (int(first.Int64()) + i) % ids.Nodes
		g, ok, err := l.take(ctx, node, now, until)
		if err != nil {
			return ids.Grant{}, err
		}
		if ok {
			return g, nil
		}
	}
	return ids.Grant{}, fmt.Errorf("no free node number among %d tried", attempts)
}

func (l *Leases) extend(ctx context.Context, node int, until int64) (bool, error) {
	res, err := l.db.ExecContext(ctx,
		"UPDATE id_leases SET ceiling = $1 WHERE node = $2 AND owner = $3 AND ceiling <= $1", until, node, l.owner)
	if err != nil {
		return false, fmt.Errorf("extend the id lease: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// reclaim takes a node number of this process again after its row has disappeared, because the database went back to a state
// before this process took the number. Rows are never removed, so no other process has had the number since.
func (l *Leases) reclaim(ctx context.Context, node int, until int64) (bool, error) {
	res, err := l.db.ExecContext(ctx, "INSERT INTO id_leases (node, owner, ceiling) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", node, l.owner,
		until)
	if err != nil {
		return false, fmt.Errorf("take the id lease again: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// take claims a node number that is free, or whose ceiling is in the past, in one transaction.
func (l *Leases) take(ctx context.Context, node int, now, until int64) (g ids.Grant, ok bool, err error) {
	tx, err := l.db.Writer().BeginTx(ctx, nil)
	if err != nil {
		return g, false, fmt.Errorf("take an id lease: %w", err)
	}
	defer func() { err = errors.Join(err, ended(tx.Rollback())) }()
	var ceiling int64 = -1
	err = tx.QueryRowContext(ctx, "SELECT ceiling FROM id_leases WHERE node = $1", node).Scan(&ceiling)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return g, false, fmt.Errorf("take an id lease: %w", err)
	}
	if ceiling >= now {
		return g, false, nil
	}
	// The condition decides again: another process may have come first.
	res, err := tx.ExecContext(ctx, `INSERT INTO id_leases (node, owner, ceiling) VALUES ($1, $2, $3)
		ON CONFLICT (node) DO UPDATE SET owner = excluded.owner, ceiling = excluded.ceiling
		WHERE id_leases.ceiling = $4`, node, l.owner, until, ceiling)
	if err != nil {
		return g, false, fmt.Errorf("take an id lease: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return g, false, err
	}
	if err := tx.Commit(); err != nil {
		return g, false, fmt.Errorf("take an id lease: %w", err)
	}
	return ids.Grant{Node: node, After: ceiling, Until: until}, true, nil
}

func ended(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// Renewer keeps a generator's grant ahead of the clock. It is a lifecycle.Service loop body.
func Renewer(g *ids.Generator, failed func(error)) func(ctx context.Context) {
	return func(ctx context.Context) {
		for {
			lifecycle.Pause(ctx, nil, renewEvery)
			if ctx.Err() != nil {
				return
			}
			if err := g.Renew(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
	}
}
