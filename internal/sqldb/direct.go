package sqldb

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

const (
	// markSetting is a setting of a session that PostgreSQL only keeps. Each connection begins its session with a mark of its own.
	markSetting = "roost.session"
	// planSetting makes PostgreSQL plan a prepared statement once and not for each run. Otherwise PostgreSQL estimates what
	// planning for the values of the arguments saves, and plans again and again statements that read a few rows by key. The
	// plans of all statements of a node are good for all arguments; a test of suite/costs checks this.
	planSetting = "plan_cache_mode"
)

// directConnector opens connections to PostgreSQL, and finds out whether they have sessions of their own. A connection sends a
// mark as it connects, and reads it back. PgBouncer refuses or ignores unknown settings, so the mark is missing
// from the session then, and nothing is prepared on this connection or on any other.
type directConnector struct {
	config   pq.Config
	dialer   pq.Dialer
	preparer *preparer
}

// connector returns a connector with additional settings of the session.
func (c *directConnector) connector(settings map[string]string) (*pq.Connector, error) {
	config := c.config.Clone()
	if config.Runtime == nil {
		config.Runtime = map[string]string{}
	}
	for name, value := range settings {
		if _, set := config.Runtime[name]; !set {
			config.Runtime[name] = value
		}
	}
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, err
	}
	if c.dialer != nil {
		connector.Dialer(c.dialer)
	}
	return connector, nil
}

// Driver is part of driver.Connector.
func (c *directConnector) Driver() driver.Driver { return pq.Driver{} }

// Connect is part of driver.Connector.
func (c *directConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.preparer.mode != PrepareDirect || c.preparer.off.Load() {
		return c.connect(ctx, nil)
	}
	mark := rand.Text()
	conn, err := c.connect(ctx, map[string]string{markSetting: mark, planSetting: "force_generic_plan"})
	if err != nil {
		if !refusesSettings(err) {
			return nil, err
		}
		// Only a connection without the settings shows whether they were the reason.
		plain, plainErr := c.connect(ctx, nil)
		if plainErr != nil {
			return nil, plainErr
		}
		c.pooled("refused", err)
		return plain, nil
	}
	found, err := marked(ctx, conn)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("look for the mark of the session: %w", err), conn.Close())
	}
	if found != mark {
		c.pooled("missing", nil)
	}
	return conn, nil
}

func (c *directConnector) connect(ctx context.Context, settings map[string]string) (pqConn, error) {
	connector, err := c.connector(settings)
	if err != nil {
		return nil, err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	raw, ok := conn.(pqConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection of lib/pq, %T, cannot do what is needed of it", conn), conn.Close())
	}
	return raw, nil
}

// pooled notes that sessions are shared with others.
func (c *directConnector) pooled(mark string, err error) {
	args := []any{"mark", mark}
	if err != nil {
		args = append(args, "error", err)
	}
	c.preparer.disable("the database is behind a pooler of connections, so this node prepares no statements; "+
		"if the pooler keeps track of prepared statements, set --database-prepare=on", args...)
}

// refusesSettings reports whether a connection may have failed because of a setting of the session. Errors of the server about
// the user, the database or its own state have other reasons.
func refusesSettings(err error) bool {
	e := pq.As(err)
	return e != nil && !slices.Contains([]pqerror.Class{"28", "3D", "53", "57", "58"}, e.Code.Class())
}

// marked reads the mark of a session; it is empty if there is none.
func marked(ctx context.Context, conn pqConn) (mark string, err error) {
	rows, err := conn.QueryContext(ctx, "SELECT COALESCE(current_setting('"+markSetting+"', true), '')", nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	into := make([]driver.Value, 1)
	if err := rows.Next(into); err != nil {
		return "", err
	}
	mark, _ = into[0].(string)
	return mark, nil
}
