package pgtest_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"roost/testkit/pgtest"
)

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func mustExec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func number(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestDatabasesAreEmptyAndApart(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			db := open(t, pgtest.URL(t))
			if n := number(t, db, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"); n != 0 {
				t.Errorf("a fresh database holds %d relations", n)
			}
			mustExec(t, db, "CREATE TABLE t (id int)")
			if v := number(t, db, "SELECT current_setting('server_version_num')::int"); v < 150000 {
				t.Errorf("server version %d", v)
			}
		})
	}
	wg.Wait()
}

func TestDatabaseIsDroppedThoughConnected(t *testing.T) {
	t.Parallel()
	var name string
	var leak *sql.DB
	t.Run("user", func(t *testing.T) {
		url := pgtest.URL(t)
		var err error
		if leak, err = sql.Open("postgres", url); err != nil {
			t.Fatal(err)
		}
		if err := leak.QueryRow("SELECT current_database()").Scan(&name); err != nil {
			t.Fatal(err)
		}
	})
	if err := leak.Close(); err != nil {
		t.Error(err)
	}
	db := open(t, pgtest.URL(t))
	if n := number(t, db, fmt.Sprintf("SELECT count(*) FROM pg_database WHERE datname = '%s'", name)); n != 0 {
		t.Errorf("database %s is still there", name)
	}
}

// runs makes the template name of a repeated test (-count) its own.
var runs atomic.Int32

func TestTemplateIsBuiltOnceAndCopied(t *testing.T) {
	t.Parallel()
	name := fmt.Sprintf("thousand_%d", runs.Add(1))
	var builds atomic.Int32
	build := func(url string) error {
		builds.Add(1)
		db, err := sql.Open("postgres", url)
		if err != nil {
			return err
		}
		_, err = db.Exec("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
		return errors.Join(err, db.Close())
	}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			db := open(t, pgtest.FromTemplate(t, name, build))
			mustExec(t, db, fmt.Sprintf("DELETE FROM t WHERE id <= %d", i))
			if n := number(t, db, "SELECT count(*) FROM t"); n != 1000-i {
				t.Errorf("copy %d has %d rows, want %d", i, n, 1000-i)
			}
		})
	}
	wg.Wait()
	n := builds.Load()
	t.Logf("builds: %d", n)
	if n > 1 || n == 0 && os.Getenv("ROOST_TEST_DATABASE_URL") == "" {
		t.Errorf("built %d times, want once", n)
	}
}

func TestFailedTemplateIsBuiltAgain(t *testing.T) {
	t.Parallel()
	name := fmt.Sprintf("failing_%d", runs.Add(1))
	broken := errors.New("broken")
	fails := true
	build := func(url string) error {
		if fails {
			return broken
		}
		return nil
	}
	sub := &recorder{TB: t}
	sub.run(func() { pgtest.FromTemplate(sub, name, build) })
	if !strings.Contains(sub.fatal, "broken") {
		t.Fatalf("a failed build ended with %q", sub.fatal)
	}
	fails = false
	open(t, pgtest.FromTemplate(t, name, build))
}

func TestCrashRecovery(t *testing.T) {
	t.Parallel()
	c := pgtest.StartCluster(t, pgtest.Options{Settings: map[string]string{"max_connections": "20"}})
	db := open(t, c.URL())
	mustExec(t, db, "CREATE TABLE t (id int)")
	mustExec(t, db, "INSERT INTO t VALUES (1)")
	c.Kill()
	if err := db.Ping(); err == nil {
		t.Error("a killed server answers")
	}
	c.Start()
	if n := number(t, db, "SELECT count(*) FROM t"); n != 1 {
		t.Errorf("%d rows after a crash, want 1", n)
	}
	c.Stop()
	c.Stop()
	if err := db.Ping(); err == nil {
		t.Error("a stopped server answers")
	}
	c.Start()
	c.Start()
	if n := number(t, db, "SELECT count(*) FROM t"); n != 1 {
		t.Errorf("%d rows after a stop, want 1", n)
	}
	if n := number(t, db, "SELECT current_setting('max_connections')::int"); n != 20 {
		t.Errorf("max_connections = %d", n)
	}
}

func TestDurableCluster(t *testing.T) {
	t.Parallel()
	c := pgtest.StartCluster(t, pgtest.Options{Durable: true})
	var fsync string
	if err := open(t, c.URL()).QueryRow("SHOW fsync").Scan(&fsync); err != nil || fsync != "on" {
		t.Errorf("fsync = %q, %v", fsync, err)
	}
}

// TestServerOfTheEnvironment runs tests of this binary as several processes on
// one server: a template is built by one of them only.
func TestServerOfTheEnvironment(t *testing.T) {
	t.Parallel()
	if os.Getenv("ROOST_TEST_DATABASE_URL") != "" {
		t.Log("runs on it already")
		return
	}
	c := pgtest.StartCluster(t, pgtest.Options{})
	db := open(t, c.URL())
	mustExec(t, db, "CREATE DATABASE roost_test_1000000000_1_1")
	var wg sync.WaitGroup
	var builders atomic.Int32
	for range 2 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^(TestTemplateIsBuiltOnceAndCopied|TestDatabase)")
			cmd.Env = append(os.Environ(), "ROOST_TEST_DATABASE_URL="+c.URL())
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			builders.Add(int32(strings.Count(string(out), "builds: 1")))
		})
	}
	wg.Wait()
	if n := builders.Load(); n != 1 {
		t.Errorf("%d processes built the template, want 1", n)
	}
	if n := number(t, db, "SELECT count(*) FROM pg_database WHERE datname LIKE 'roost_tmpl_thousand_%'"); n != 1 {
		t.Errorf("%d templates, want 1", n)
	}
	if n := number(t, db, "SELECT count(*) FROM pg_database WHERE datname LIKE 'roost_test_%'"); n != 0 {
		t.Errorf("%d test databases are left", n)
	}
}

// recorder takes a Fatal instead of failing the test.
type recorder struct {
	testing.TB
	fatal string
}

type stop struct{}

func (r *recorder) Helper() {}

func (r *recorder) Fatal(args ...any) {
	r.fatal = fmt.Sprint(args...)
	panic(stop{})
}

func (r *recorder) run(f func()) {
	defer func() {
		if v := recover(); v != nil && v != any(stop{}) {
			panic(v)
		}
	}()
	f()
}
