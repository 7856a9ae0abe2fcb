package imports

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"roost/domain/imports"
	"roost/internal/clock"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/dataset"
	"roost/testkit/dbtest"
	"roost/testkit/importstest"
)

// childEnv makes the test binary import, with its value as settings, and print a line for each chunk.
const childEnv = "ROOST_TEST_IMPORT"

type childSettings struct {
	Config sqldb.Config
	Dir    string
	Chunk  int
}

func TestMain(m *testing.M) {
	if raw := os.Getenv(childEnv); raw != "" {
		if err := importAsChild(raw); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func importAsChild(raw string) error {
	var c childSettings
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := sqldb.Open(ctx, c.Config)
	if err != nil {
		return err
	}
	_, err = imports.Run(ctx, imports.Options{DB: db, IDs: ids.NewGenerator(clock.Real{}, idlease.New(db)), Dir: c.Dir, ChunkLines: c.Chunk,
		Progress: func(p imports.Progress) { fmt.Println(p.File, p.Lines) }})
	return errors.Join(err, db.Close())
}

// A process killed at any moment leaves a consistent database, and importing again ends as if nothing
// had happened.
func TestKilledImportGoesOn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		s := importstest.Open(t, c)
		dir := t.TempDir()
		if err := dataset.Generate(dir, 3, 200, 1500, 200, 2500); err != nil {
			t.Fatal(err)
		}
		settings, err := json.Marshal(childSettings{Config: s.Config, Dir: dir, Chunk: 40})
		if err != nil {
			t.Fatal(err)
		}
		kills, resumed := 0, false
		for !killAfter(t, string(settings), rand.IntN(30)) {
			kills++
			waitForLock(t, s)
			s.Consistent(t)
			resumed = resumed || s.Number(t, "SELECT count(*) FROM import_progress WHERE NOT complete") > 0
		}
		s.Consistent(t)
		if kills < 2 || !resumed {
			t.Errorf("%d kills, in the middle of a file: %v", kills, resumed)
		}
		whole := importstest.NewSQLite(t)
		o := whole.Options(dir)
		o.ChunkLines = 1000
		whole.Run(t, o)
		got, want := s.Content(t), whole.Content(t)
		importstest.Equal(t, got, want)
	})
}

// killAfter starts an import and kills it when it has reported some chunks, at whatever it does then. It
// reports whether the import was through before.
func killAfter(t *testing.T, settings string, chunks int) (through bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+settings)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reports := bufio.NewScanner(out)
	last := ""
	for range chunks {
		if !reports.Scan() {
			if err := cmd.Wait(); err != nil {
				t.Fatalf("the import failed: %v: %s", err, last)
			}
			return true
		}
		last = reports.Text()
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// It may have ended by itself just before.
	return cmd.Wait() == nil
}

// waitForLock returns once the server has noticed that the import is gone.
func waitForLock(t *testing.T, s *importstest.Store) {
	t.Helper()
	if !s.IsPostgres() {
		return
	}
	conn, err := s.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, q := range []string{"SELECT pg_advisory_lock($1)", "SELECT pg_advisory_unlock($1)"} {
		if _, err := conn.ExecContext(t.Context(), q, int64(sqldb.LockImport)); err != nil {
			t.Fatal(err)
		}
	}
}

// lockImports holds the lock of imports, as a running one does, until the connection is closed.
func lockImports(t *testing.T, s *importstest.Store) *sql.Conn {
	t.Helper()
	conn, err := s.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.ExecContext(t.Context(), "SELECT pg_advisory_lock($1)", int64(sqldb.LockImport)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func unlockImports(t *testing.T, s *importstest.Store, conn *sql.Conn) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), "SELECT pg_advisory_unlock($1)", int64(sqldb.LockImport)); err != nil {
		t.Fatal(err)
	}
}

func TestSecondImportAtOnceIsRefused(t *testing.T) {
	t.Parallel()
	s := importstest.NewPostgres(t)
	conn := lockImports(t, s)
	o := s.Options(importstest.Files(t, map[string]string{"users.tsv": "id\tusername\tname\n1\tann\tAnn\n"}))
	o.LockWait = time.Millisecond
	if _, err := imports.Run(t.Context(), o); !errors.Is(err, imports.ErrRunning) || !strings.Contains(err.Error(), "(server process ") {
		t.Errorf("err %v", err)
	}
	unlockImports(t, s, conn)
	o.LockWait = 0
	// The import before returned its connection, and this one returns the lock.
	for range 2 {
		s.Run(t, o)
	}
}
