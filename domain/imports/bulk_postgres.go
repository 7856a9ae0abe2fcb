package imports

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/lib/pq"
)

// postgres copies rows into temporary tables and inserts from there. It keeps one connection, which
// holds the lock of the import and the temporary tables.
type postgres struct{ conn *sql.Conn }

func openPostgres(ctx context.Context, o Options) (_ *postgres, err error) {
	conn, err := o.DB.Writer().Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	p := &postgres{conn: conn}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if err := p.lock(ctx, o); err != nil {
		return nil, err
	}
	for _, into := range inserts {
		q := fmt.Sprintf("CREATE TEMP TABLE %s ON COMMIT DELETE ROWS AS SELECT %s FROM %s WITH NO DATA",
			stage(into), strings.Join(into.columns, ", "), into.table)
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return nil, fmt.Errorf("create a staging table: %w", err)
		}
	}
	return p, nil
}

func stage(into *insert) string { return "roost_import_" + into.table }

func (p *postgres) begin(ctx context.Context) (*sql.Tx, error) { return p.conn.BeginTx(ctx, nil) }

func (p *postgres) insert(ctx context.Context, tx *sql.Tx, into *insert, n int, row func(int, []any)) ([]int64, error) {
	if n == 0 {
		return nil, nil
	}
	if err := p.copy(ctx, tx, into, n, row); err != nil {
		return nil, fmt.Errorf("copy rows of %s: %w", into.table, err)
	}
	columns := strings.Join(into.columns, ", ")
	q := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s ORDER BY %s%s",
		into.table, columns, columns, stage(into), into.key, into.ending())
	if len(into.returning) == 0 {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return nil, fmt.Errorf("insert into %s: %w", into.table, err)
		}
		return nil, nil
	}
	rows, err := tx.QueryContext(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("insert into %s: %w", into.table, err)
	}
	all, err := scan(rows, len(into.returning))
	if err != nil {
		return nil, fmt.Errorf("insert into %s: %w", into.table, err)
	}
	return all, nil
}

func (p *postgres) copy(ctx context.Context, tx *sql.Tx, into *insert, n int, row func(int, []any)) error {
	copyIn, err := tx.PrepareContext(ctx, fmt.Sprintf("COPY %s (%s) FROM STDIN", stage(into), strings.Join(into.columns, ", ")))
	if err != nil {
		return err
	}
	values := make([]any, len(into.columns))
	for i := range n {
		row(i, values)
		if _, err := copyIn.ExecContext(ctx, values...); err != nil {
			return errors.Join(err, copyIn.Close())
		}
	}
	if _, err := copyIn.ExecContext(ctx); err != nil {
		return errors.Join(err, copyIn.Close())
	}
	return copyIn.Close()
}

func (p *postgres) strings(list []string) (arg any, from string) {
	return pq.Array(list), "unnest($1::text[]) AS l(value)"
}

// tidy gathers statistics, and marks the pages that contain only committed rows. The marks allow index-only scans;
// without them a home timeline reads each tweet's row.
func (p *postgres) tidy(ctx context.Context) error {
	for _, into := range inserts {
		if _, err := p.conn.ExecContext(ctx, "VACUUM (ANALYZE) "+into.table); err != nil {
			return fmt.Errorf("vacuum %s: %w", into.table, err)
		}
	}
	return nil
}

// close ends the connection instead of returning it to the pool, which also releases the lock and drops the temporary tables.
func (p *postgres) close() error {
	err := p.conn.Raw(func(any) error { return driver.ErrBadConn })
	if err != nil && !errors.Is(err, driver.ErrBadConn) && !errors.Is(err, sql.ErrConnDone) {
		return err
	}
	if err := p.conn.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
		return err
	}
	return nil
}
