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
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roost/internal/clock"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/dataset"
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
	_, err = Run(ctx, Options{DB: db, IDs: ids.NewGenerator(clock.Real{}, idlease.New(db)), Dir: c.Dir, ChunkLines: c.Chunk,
		Progress: func(p Progress) { fmt.Println(p.File, p.Lines) }})
	return errors.Join(err, db.Close())
}

// A process killed at any moment leaves a consistent database, and importing again ends as if nothing
// had happened.
func TestKilledImportGoesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store) {
		dir := t.TempDir()
		if err := dataset.Generate(dir, 3, 200, 1500, 200, 2500); err != nil {
			t.Fatal(err)
		}
		settings, err := json.Marshal(childSettings{Config: s.config, Dir: dir, Chunk: 40})
		if err != nil {
			t.Fatal(err)
		}
		kills, resumed := 0, false
		for !killAfter(t, string(settings), rand.IntN(30)) {
			kills++
			s.waitForLock(t)
			s.consistent(t)
			resumed = resumed || s.number(t, "SELECT count(*) FROM import_progress WHERE NOT complete") > 0
		}
		s.consistent(t)
		if kills < 2 || !resumed {
			t.Errorf("%d kills, in the middle of a file: %v", kills, resumed)
		}
		whole := newSQLite(t)
		o := whole.options(dir)
		o.ChunkLines = 1000
		whole.run(t, o)
		got, want := s.content(t), whole.content(t)
		equal(t, got, want)
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
	output := bufio.NewScanner(out)
	last := ""
	for range chunks {
		if !output.Scan() {
			if err := cmd.Wait(); err != nil {
				t.Fatalf("the import failed: %v: %s", err, last)
			}
			return true
		}
		last = output.Text()
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// It may have ended by itself just before.
	return cmd.Wait() == nil
}

// waitForLock returns once the server has noticed that the import is gone.
func (s *store) waitForLock(t *testing.T) {
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
func (s *store) lockImports(t *testing.T) *sql.Conn {
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

func (s *store) unlockImports(t *testing.T, conn *sql.Conn) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), "SELECT pg_advisory_unlock($1)", int64(sqldb.LockImport)); err != nil {
		t.Fatal(err)
	}
}

func TestSecondImportAtOnceIsRefused(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	conn := s.lockImports(t)
	o := s.options(writeFiles(t, map[string]string{"users.tsv": "id\tusername\tname\n1\tann\tAnn\n"}))
	o.LockWait = time.Millisecond
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), "(server process ") {
		t.Errorf("err %v", err)
	}
	s.unlockImports(t, conn)
	o.LockWait = 0
	// The import before returned its connection, and this one returns the lock.
	for range 2 {
		s.run(t, o)
	}
}

// A damaged file ends the import; what came before stays, and the mended file adds the rest.
func TestDamagedGzip(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store) {
		dir := small(t)
		path := filepath.Join(dir, "follows.tsv.gz")
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, whole[:len(whole)*2/3], 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), s.options(dir))
		if err == nil || !strings.Contains(err.Error(), "follows.tsv.gz is damaged behind line") {
			t.Fatalf("err %v", err)
		}
		s.consistent(t)
		had := r.Files[1].Inserted
		if had == 0 || had%7 != 0 || s.number(t, "SELECT count(*) FROM follows") != had {
			t.Errorf("%+v", r.Files[1])
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		r = s.run(t, s.options(dir))
		if f := r.Files[1]; f.Existing != had || f.Inserted+had != 400 {
			t.Errorf("%+v", f)
		}
		s.consistent(t)
	})
}

// An import that is called off can go on later.
func TestCancelledImportGoesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o := s.options(small(t))
		o.Progress = func(p Progress) {
			if strings.HasPrefix(p.File, "likes") {
				cancel()
			}
		}
		if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
			t.Fatalf("err %v", err)
		}
		s.consistent(t)
		o.Progress = nil
		r := s.run(t, o)
		if f := r.Files[3]; f.Resumed != 7 || f.Lines != 693 || !r.Files[0].Skipped {
			t.Errorf("%+v", f)
		}
		s.consistent(t)
	})
}
