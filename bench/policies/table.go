package policies

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lib/pq"

	"roost/internal/sqldb"
)

// commit is a change that was committed.
type commit struct {
	key, version int64
	at           time.Time // when its writer had the answer
}

// table is a table in the database. A row has a key, a version, and the change that made the version; version 1 of each row has change
// 0. The table remembers all commits.
type table struct {
	db *sqldb.DB

	mu      sync.Mutex
	commits map[int64]commit // by change
}

const schema = `
DROP TABLE IF EXISTS policy_rows, policy_events;
CREATE TABLE policy_rows (key bigint PRIMARY KEY, version bigint NOT NULL, change bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE policy_events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key bigint NOT NULL, version bigint NOT NULL);
INSERT INTO policy_rows SELECT k, 1, 0 FROM generate_series(1, %d) k`

// newTable creates the tables, with rows for the keys 1 to n.
func newTable(ctx context.Context, db *sqldb.DB, n int) (*table, error) {
	if _, err := db.Writer().ExecContext(ctx, fmt.Sprintf(schema, n)); err != nil {
		return nil, fmt.Errorf("make the table: %w", err)
	}
	return &table{db: db, commits: map[int64]commit{}}, nil
}

// row is a key's row in the database.
type row struct{ version, change int64 }

// read reads rows, in the order of the keys.
func (t *table) read(ctx context.Context, keys ...int64) ([]row, error) {
	out := make([]row, len(keys))
	rows, err := t.db.QueryContext(ctx, `SELECT key, version, change FROM policy_rows WHERE key = ANY($1)`, pq.Array(keys))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key int64
		var r row
		if err := rows.Scan(&key, &r.version, &r.change); err != nil {
			return nil, err
		}
		for i, k := range keys {
			if k == key {
				out[i] = r
			}
		}
	}
	return out, rows.Err()
}

const (
	plainUpdate  = `UPDATE policy_rows SET version = version + 1, change = $2 WHERE key = $1 RETURNING version`
	loggedUpdate = `WITH row AS (` + plainUpdate + `) INSERT INTO policy_events (key, version) SELECT $1, version FROM row RETURNING version`
)

// write commits a change and returns its version; logged adds an event to the same transaction.
func (t *table) write(ctx context.Context, key, change int64, logged bool) (version int64, err error) {
	statement := plainUpdate
	if logged {
		statement = loggedUpdate
	}
	rows, err := t.db.QueryContext(ctx, statement, key, change)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(&version); err != nil {
			return 0, err
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	t.committed(key, version, change)
	return version, nil
}

// committed notes consecutive changes of a key. The last one made the version, the others the versions before.
func (t *table) committed(key, version int64, changes ...int64) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, change := range slices.Backward(changes) {
		t.commits[change] = commit{key: key, version: version - int64(len(changes)-1-i), at: now}
	}
}

const batchUpdate = `UPDATE policy_rows r SET version = r.version + b.n, change = b.change
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS b (key, n, change) WHERE r.key = b.key RETURNING r.key, r.version`

// writeAll commits changes of several keys; the changes of each key are in order.
func (t *table) writeAll(ctx context.Context, changes map[int64][]int64) error {
	var keys, counts, last []int64
	for key, all := range changes {
		keys, counts, last = append(keys, key), append(counts, int64(len(all))), append(last, all[len(all)-1])
	}
	rows, err := t.db.QueryContext(ctx, batchUpdate, pq.Array(keys), pq.Array(counts), pq.Array(last))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key, version int64
		if err := rows.Scan(&key, &version); err != nil {
			return err
		}
		t.committed(key, version, changes[key]...)
	}
	return rows.Err()
}

// event records the version that a row has reached.
type event struct{ key, version int64 }

// handle calls fn with the oldest events, and removes them if fn returns nil. Events that one relay has locked are skipped by others.
func (t *table) handle(ctx context.Context, most int, fn func(all []event) error) (err error) {
	tx, err := t.db.Writer().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing after a commit
	rows, err := tx.QueryContext(ctx, `DELETE FROM policy_events WHERE id IN
		(SELECT id FROM policy_events ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING key, version`, most)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var all []event
	for rows.Next() {
		var e event
		if err := rows.Scan(&e.key, &e.version); err != nil {
			return err
		}
		all = append(all, e)
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		return err
	}
	if err := fn(all); err != nil {
		return err
	}
	return tx.Commit()
}
