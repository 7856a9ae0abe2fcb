package sqldb

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A backup that is made while another process writes holds a prefix of what was written, at least all of what was committed before.
func TestBackupOfALiveDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	live := filepath.Join(dir, "live.db")
	db, err := Open(t.Context(), Config{File: live})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	write := func(n int) {
		if _, err := db.Writer().ExecContext(context.Background(), "INSERT INTO pairs VALUES (?, ?)", n, -n); err != nil {
			t.Error(err)
		}
	}
	if _, err := db.Writer().ExecContext(t.Context(), "CREATE TABLE pairs (a INTEGER PRIMARY KEY, b INTEGER)"); err != nil {
		t.Fatal(err)
	}
	const before = 500
	for n := range before {
		write(n)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := before; ; n++ {
			select {
			case <-stop:
				return
			default:
				write(n)
			}
		}
	}()
	copied := filepath.Join(dir, "copy.db")
	if err := Backup(t.Context(), live, copied, unstamped); err != nil {
		t.Error(err)
	}
	close(stop)
	<-stopped
	info, err := os.Stat(copied)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the mode of the copy is %v", info.Mode())
	}
	left, _ := filepath.Glob(copied + "?*")
	if len(left) > 0 {
		t.Errorf("beside the copy are %q", left)
	}
	restored, err := sql.Open("sqlite", fileURL(copied, "mode=ro"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = restored.Close() }()
	var n, last, wrong int
	if err := restored.QueryRowContext(t.Context(), "SELECT count(*), max(a), count(CASE WHEN b <> -a THEN 1 END) FROM pairs").
		Scan(&n, &last, &wrong); err != nil {
		t.Fatal(err)
	}
	if n < before || last != n-1 || wrong > 0 {
		t.Errorf("the copy has %d rows up to %d, %d of them wrong", n, last, wrong)
	}
}

// A backup replaces no file, and leaves none behind when it fails.
func TestBackupReplacesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := filepath.Join(dir, "good.db")
	db, err := Open(t.Context(), Config{File: good})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	taken, running := file("taken.db", "precious"), file("running.db.partial", "half")
	for _, c := range []struct{ from, to, want string }{
		{filepath.Join(dir, "none.db"), filepath.Join(dir, "a.db"), "no such file"},
		{good, taken, "exists; name a new file"},
		{good, strings.TrimSuffix(running, ".partial"), "another backup is being written"},
		{good, filepath.Join(dir, "no", "such", "b.db"), "no such file"},
		{file("garbage.db", strings.Repeat("this is not a database. ", 400)), filepath.Join(dir, "c.db"), "not a database"},
	} {
		err := Backup(t.Context(), c.from, c.to, unstamped)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s to %s: %v, want %q", c.from, c.to, err, c.want)
		}
	}
	for path, want := range map[string]string{taken: "precious", running: "half"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", path, got, err)
		}
	}
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		switch f.Name() {
		case "good.db", "taken.db", "running.db.partial", "garbage.db":
		default:
			t.Errorf("%s was left behind", f.Name())
		}
	}
}

// unstamped leaves a copy as it is.
func unstamped(context.Context, *sql.DB) error { return nil }
