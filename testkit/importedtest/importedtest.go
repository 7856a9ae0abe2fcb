// Package importedtest opens databases for tests, into which the whole data set of package dataset has been imported.
//
// [Postgres] and [SQLite] return copies of databases that are filled once on each machine and kept in the temporary directory,
// until the data set or the code of the import changes. On a server that the environment names (see package pgtest), Postgres
// fills a database once for each test binary. The import runs in a program of its own (./fill), built without the race detector.
package importedtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"roost/domain/imports"
	"roost/testkit/dataset"
	"roost/testkit/pgtest"
)

// Figures are what an import took.
type Figures struct {
	Report imports.Report
	// MaxRSS is the peak of resident memory of the importing process, in bytes.
	MaxRSS int64
}

// template is the name of the imported database on a PostgreSQL server.
const template = "imported"

// Postgres returns the URL of a database of the test's own with the imported data.
func Postgres(t testing.TB) string {
	t.Helper()
	dir := dataset.Dir(t)
	if pgtest.Private() {
		return pgtest.FromSaved(t, template, func(to string) error {
			return withKept(postgres, dir, func(kept string, _ Figures) error {
				return pgtest.CopyDir(filepath.Join(kept, dataName), to)
			})
		})
	}
	return pgtest.FromTemplate(t, template, func(url string) error {
		_, err := Fill("-url", url, "-dir", dir)
		return err
	})
}

// SQLite returns the path of a database file of the test's own with the imported data.
func SQLite(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), fileName)
	err := withKept(sqlite, dataset.Dir(t), func(kept string, _ Figures) error {
		return copyFile(filepath.Join(kept, fileName), path)
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Fill runs ./fill with arguments: -url or -file, and -dir.
func Fill(args ...string) (f Figures, err error) {
	bin, err := program()
	if err != nil {
		return f, err
	}
	var out, trouble bytes.Buffer
	cmd := exec.Command(bin, args...)
	cmd.Stdout, cmd.Stderr = &out, &trouble
	if err := cmd.Run(); err != nil {
		return f, fmt.Errorf("import the data set: %w: %s", err, strings.TrimSpace(trouble.String()))
	}
	if err := json.Unmarshal(out.Bytes(), &f); err != nil {
		return f, fmt.Errorf("import the data set: %w", err)
	}
	return f, nil
}

// program builds ./fill once in a process, into the cache directory under the name of its content.
var program = sync.OnceValues(func() (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	draft, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(draft) }()
	bin := filepath.Join(draft, "fill")
	// -trimpath makes equal programs of equal sources, wherever they are.
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", bin,
		"roost/testkit/importedtest/fill")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the importing program: %w: %s", err, out)
	}
	sum, err := sumOf(bin)
	if err != nil {
		return "", err
	}
	kept := filepath.Join(cache, "fill-"+sum)
	if err := os.Rename(bin, kept); err != nil {
		return "", err
	}
	return kept, nil
})

// copyFile copies a file to a new one.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
