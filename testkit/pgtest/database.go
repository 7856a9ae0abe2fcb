package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lib/pq"
)

// dbPrefix starts the names of databases of single tests; the rest is the second
// of creation, the process id and a count.
const dbPrefix = "roost_test_"

// leftoverAge is how old a database on a server of the environment must be to
// be dropped as left behind.
const leftoverAge = 24 * time.Hour

// URL returns the lib/pq URL of a fresh, empty database for the test. It is dropped
// when the test ends; connections that are still open then are broken.
func URL(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s.database(t, "template0")
}

// server is the server on which URL and FromTemplate make databases.
type server struct {
	admin   *sql.DB
	base    *url.URL
	private bool // the cluster is this process's own
	count   atomic.Int64

	mu        sync.Mutex
	templates map[string]*built // by database name
}

// shared is the process's server, started at its first use. Nobody stops it:
// the janitor of its home does when the process ends.
var shared = sync.OnceValues(func() (*server, error) {
	raw := os.Getenv(envURL)
	if raw == "" {
		c, err := newCluster(Options{})
		if err != nil {
			return nil, err
		}
		return c.server()
	}
	s, err := serverAt(raw)
	if err != nil {
		return nil, err
	}
	var num int
	if err := s.admin.QueryRow("SELECT current_setting('server_version_num')::int").Scan(&num); err != nil {
		return nil, fmt.Errorf("%s: connect: %w", envURL, err)
	}
	if num < minVersion*10000 {
		return nil, fmt.Errorf("%s is PostgreSQL %d, tests need %d or newer", envURL, num/10000, minVersion)
	}
	return s, s.dropLeftovers(context.Background(), time.Now())
})

// server returns the cluster as a server of this process's own.
func (c *cluster) server() (*server, error) {
	s, err := serverAt(c.url("postgres"))
	if err == nil {
		s.private = true
	}
	return s, err
}

func serverAt(raw string) (*server, error) {
	base, err := url.Parse(raw)
	if err != nil || base.Scheme != "postgres" && base.Scheme != "postgresql" {
		return nil, fmt.Errorf("%s: want postgres://user@host/database, got %q", envURL, raw)
	}
	s := &server{base: base, templates: map[string]*built{}}
	if s.admin, err = sql.Open("postgres", raw); err != nil {
		return nil, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	s.admin.SetMaxOpenConns(8)
	s.admin.SetMaxIdleConns(2)
	return s, nil
}

// database creates a database and drops it when the test ends; options are added to CREATE DATABASE.
func (s *server) database(t testing.TB, template string, options ...string) string {
	t.Helper()
	name := fmt.Sprintf("%s%d_%d_%d", dbPrefix, time.Now().Unix(), os.Getpid(), s.count.Add(1))
	if err := create(t.Context(), s.admin, name, template, options...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTime)
		defer cancel()
		if err := drop(ctx, s.admin, name); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

// execer is a pool or one connection.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func create(ctx context.Context, db execer, name, template string, options ...string) error {
	q := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s %s", pq.QuoteIdentifier(name), pq.QuoteIdentifier(template),
		strings.Join(options, " "))
	if _, err := db.ExecContext(ctx, q); err != nil {
		return fmt.Errorf("create a test database: %w", err)
	}
	return nil
}

func drop(ctx context.Context, db execer, name string) error {
	if _, err := db.ExecContext(ctx, "DROP DATABASE IF EXISTS "+pq.QuoteIdentifier(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop a test database: %w", err)
	}
	return nil
}

func (s *server) url(database string) string {
	u := *s.base
	u.Path = "/" + database
	return u.String()
}

// dropLeftovers drops databases of test processes that were killed, and
// templates of older test binaries, when they are older than leftoverAge.
func (s *server) dropLeftovers(ctx context.Context, now time.Time) error {
	rows, err := s.admin.QueryContext(ctx, `
		SELECT datname, coalesce(substring(datname from '^roost_test_(\d+)_'), substring(shobj_description(oid, 'pg_database') from
		'built (\d+)'), '0')
		FROM pg_database WHERE datname ~ '^roost_(test|tmpl)_'`)
	if err != nil {
		return fmt.Errorf("look for old test databases: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var old []string
	for rows.Next() {
		var name string
		var born int64
		if err := rows.Scan(&name, &born); err != nil {
			return fmt.Errorf("look for old test databases: %w", err)
		}
		if born > 0 && now.Sub(time.Unix(born, 0)) > leftoverAge {
			old = append(old, name)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("look for old test databases: %w", err)
	}
	var errs []error
	for _, name := range old {
		errs = append(errs, drop(ctx, s.admin, name))
	}
	return errors.Join(errs...)
}
