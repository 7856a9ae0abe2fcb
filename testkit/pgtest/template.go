package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"
)

const tmplPrefix = "roost_tmpl_"

var templateName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,29}$`)

// FromTemplate returns the URL of a copy, made for the test, of a database that build filled
// once: a schema after all migrations, an imported data set. Build gets the URL of
// an empty database and must close its connections. It runs once per process and
// name (a-z, 0-9 and _; at most 30 bytes); on a server of the environment once
// per test binary, whichever process comes first. A failed build leaves nothing
// and is tried again by the next caller.
func FromTemplate(t testing.TB, name string, build func(url string) error) string {
	t.Helper()
	if !templateName.MatchString(name) {
		t.Fatalf("pgtest: template name %q: want a-z, 0-9 and _, at most 30", name)
	}
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	template, err := s.template(t.Context(), name, build)
	if err != nil {
		t.Fatal(err)
	}
	return s.database(t, template)
}

// built holds the templates that exist as far as this process has seen.
type built struct {
	mu    sync.Mutex // held while building
	ready bool
}

// template makes sure that the template exists and returns its database's name.
func (s *server) template(ctx context.Context, name string, build func(string) error) (string, error) {
	db := tmplPrefix + name
	if !s.private {
		sum, err := binarySum()
		if err != nil {
			return "", err
		}
		db += "_" + sum
	}
	s.mu.Lock()
	one, ok := s.templates[db]
	if !ok {
		one = new(built)
		s.templates[db] = one
	}
	s.mu.Unlock()

	one.mu.Lock()
	defer one.mu.Unlock()
	if one.ready {
		return db, nil
	}
	if err := s.buildOnce(ctx, db, build); err != nil {
		return "", fmt.Errorf("build template %s: %w", name, err)
	}
	one.ready = true
	return db, nil
}

// buildOnce builds under a lock that all processes on the server share. The
// template gets its name last, so a half-built one is never taken for ready.
func (s *server) buildOnce(ctx context.Context, db string, build func(string) error) (err error) {
	conn, err := s.admin.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() {
		// Without cancellation: the lock must go even when the test is over.
		_, unlockErr := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(hashtextextended($1, 0))", db)
		err = errors.Join(err, unlockErr, conn.Close())
	}()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", db); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	var exists bool
	if err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", db).Scan(&exists); err != nil {
		return fmt.Errorf("look for it: %w", err)
	}
	if exists {
		return nil
	}
	draft := db + "_draft"
	if err := drop(ctx, conn, draft); err != nil {
		return err
	}
	if err := create(ctx, conn, draft, "template0"); err != nil {
		return err
	}
	if err := build(s.url(draft)); err != nil {
		return errors.Join(err, drop(context.WithoutCancel(ctx), conn, draft))
	}
	for _, q := range []string{
		// A template can only be copied while nobody is connected to it.
		fmt.Sprintf("ALTER DATABASE %s ALLOW_CONNECTIONS false", pq.QuoteIdentifier(draft)),
		fmt.Sprintf("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", pq.QuoteLiteral(draft)),
		fmt.Sprintf("COMMENT ON DATABASE %s IS 'built %d'", pq.QuoteIdentifier(draft), time.Now().Unix()),
		fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", pq.QuoteIdentifier(draft), pq.QuoteIdentifier(db)),
	} {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

// binarySum identifies the code of the build functions: a changed test binary
// builds its templates anew.
var binarySum = sync.OnceValues(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the test binary: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the test binary: %w", err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read the test binary: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)[:6]), nil
})
