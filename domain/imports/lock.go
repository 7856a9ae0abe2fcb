package imports

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"roost/internal/sqldb"
)

// lock takes the lock of imports for the session. It fails with ErrRunning when another import still holds the lock at the
// end of the wait.
func (p *postgres) lock(ctx context.Context, o Options) error {
	taken, err := sqldb.LockImport.Take(ctx, p.conn, o.LockWait, func() error {
		holder, err := p.holder(ctx)
		if err == nil && o.Waiting != nil {
			o.Waiting(holder)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("begin the import: %w", err)
	}
	if !taken {
		holder, err := p.holder(ctx)
		if err != nil {
			return err
		}
		return fmt.Errorf("%w (%s)", ErrRunning, holder)
	}
	return nil
}

// holder describes the session that holds the lock of imports. PostgreSQL shows where and when a session connected only to its own
// role.
func (p *postgres) holder(ctx context.Context) (string, error) {
	var pid int
	var from sql.NullString
	var since sql.NullTime
	err := p.conn.QueryRowContext(ctx, `SELECT a.pid, host(a.client_addr), a.backend_start
		FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid JOIN pg_database AS d ON d.oid = l.database
		WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND d.datname = current_database()
			AND (l.classid::bigint << 32) | l.objid::bigint = $1`, int64(sqldb.LockImport)).Scan(&pid, &from, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return "it has just ended", nil
	}
	if err != nil {
		return "", fmt.Errorf("find the session that holds the lock of imports: %w", err)
	}
	text := fmt.Sprintf("server process %d", pid)
	if from.Valid {
		text += ", connected from " + from.String
	}
	if since.Valid {
		text += " since " + since.Time.UTC().Format(time.RFC3339)
	}
	return text, nil
}
