package imports

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"roost/ent"
	"roost/events"
	"roost/internal/sqldb"
)

// attempts is how often a chunk is tried if other writers make its transaction fail.
const attempts = 6

// errRaced means that another transaction wrote between two statements of a chunk.
var errRaced = errors.New("another writer was faster")

// chunk is a run of lines and the transaction that writes them.
type chunk struct {
	*run
	source *source
	tx     *sql.Tx
	// lines counts the lines of the chunk; read holds the bad ones that were found while reading.
	lines int64
	read  []BadLine
	// inserted and found are results of the transaction: the number of rows written, and the lines that turned out bad.
	inserted int64
	found    []BadLine
}

// insert writes rows in the order of their keys.
func (c *chunk) insert(ctx context.Context, into *insert, n int, row func(i int, columns []any)) ([]int64, error) {
	return c.bulk.insert(ctx, c.tx, into, n, row)
}

// bad records a line that turned out bad while it was written.
func (c *chunk) bad(line int64, reason string) {
	c.found = append(c.found, BadLine{File: c.source.name, Line: line, Reason: reason})
}

// commit writes the chunk, reports it to the reader, and empties the chunk.
func (r *run) commit(ctx context.Context, c *chunk, rd reader, rep *FileReport, complete bool) error {
	if err := c.transact(ctx, func() error { return c.write(ctx, rd, complete) }); err != nil {
		return err
	}
	rd.next()
	bad := slices.Concat(c.read, c.found)
	slices.SortFunc(bad, byLine)
	r.bad(rep, bad)
	rep.Lines += c.lines
	rep.Inserted += c.inserted
	rep.Existing += c.lines - c.inserted - int64(len(bad))
	c.lines, c.read = 0, nil
	return nil
}

func byLine(a, b BadLine) int { return cmp.Compare(a.Line, b.Line) }

// transact runs write in a transaction, and again if other writers make it fail.
func (c *chunk) transact(ctx context.Context, write func() error) error {
	for try := 1; ; try++ {
		err := c.once(ctx, write)
		lost := errors.Is(err, errRaced) || sqldb.IsRetryable(err)
		if err == nil || try == attempts || !lost || ctx.Err() != nil {
			return err
		}
	}
}

func (c *chunk) once(ctx context.Context, write func() error) (err error) {
	c.inserted, c.found = 0, nil
	if c.tx, err = c.bulk.begin(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	committed := false
	defer func() {
		if !committed {
			// The transaction has failed anyway; its own error says why.
			_ = c.tx.Rollback()
		}
	}()
	if err := write(); err != nil {
		return err
	}
	if err := c.tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	return nil
}

// write writes the lines of the chunk, its event and the progress.
func (c *chunk) write(ctx context.Context, rd reader, complete bool) error {
	if err := rd.write(ctx, c); err != nil {
		return err
	}
	if len(c.found) > 0 && c.OnBad == Stop {
		return slices.MinFunc(c.found, byLine)
	}
	if c.inserted > 0 {
		if err := c.append(ctx, c.source.name, c.inserted); err != nil {
			return err
		}
	}
	_, err := c.tx.ExecContext(ctx, `INSERT INTO import_progress (file, fingerprint, lines, complete, updated_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (file) DO UPDATE SET fingerprint = excluded.fingerprint,
		lines = excluded.lines, complete = excluded.complete, updated_at = excluded.updated_at`,
		c.key(c.source), c.source.fingerprint, c.source.line, complete, c.Clock.Now())
	if err != nil {
		return fmt.Errorf("write the progress: %w", err)
	}
	return nil
}

// append writes the event of the chunk.
func (c *chunk) append(ctx context.Context, file string, rows int64) error {
	name := dialect.SQLite
	if c.DB.IsPostgres() {
		name = dialect.Postgres
	}
	client := ent.NewClient(ent.Driver(entsql.NewDriver(name, entsql.Conn{ExecQuerier: c.tx})))
	return events.Append(ctx, client, c.Clock.Now(), events.RowsImported{Source: c.Source, File: file, Rows: rows})
}

// addUserStats adds to the counts of users.
func (c *chunk) addUserStats(ctx context.Context, add map[int64]*userCounts) error {
	users := slices.Sorted(maps.Keys(add))
	_, err := c.insert(ctx, intoUserStats, len(users), func(i int, col []any) {
		n := add[users[i]]
		col[0], col[1], col[2], col[3] = users[i], n.tweets, n.followers, n.following
	})
	return err
}

// addMapping stores which row each id of the source became.
func (c *chunk) addMapping(ctx context.Context, kind string, rows []mapped) error {
	_, err := c.insert(ctx, intoMapping, len(rows), func(i int, col []any) {
		col[0], col[1], col[2], col[3] = c.Source, kind, rows[i].external, rows[i].row
	})
	return err
}

type userCounts struct{ tweets, followers, following int64 }

// of returns the entry of a key, and makes it if it does not exist.
func of[V any](m map[int64]*V, key int64) *V {
	v, ok := m[key]
	if !ok {
		v = new(V)
		m[key] = v
	}
	return v
}
