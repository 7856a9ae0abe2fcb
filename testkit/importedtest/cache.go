package importedtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"roost/testkit/pgtest"
)

// A database takes some 300 MB, so few are kept: the last two of each kind if both kinds are used. Programs may be in use by a
// process that waits.
const (
	keptDatabases = 4
	programLife   = 6 * time.Hour
)

// cacheDir is shared by the test processes of a user.
func cacheDir() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("roost-test-cache-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return dir, nil
}

// store is a kind of databases.
type store string

const (
	postgres store = "postgres"
	sqlite   store = "sqlite"
)

// A kept import is a directory. It contains figures.json, and the file roost.db of SQLite or the data directory data of a
// stopped PostgreSQL server.
const (
	figuresName = "figures.json"
	fileName    = "roost.db"
	dataName    = "data"
)

// withKept calls use with the kept import of a data set and its figures. The first caller on the machine makes the import. Its
// name is a hash of the data set and of the importing program, which contains the schema. Other processes wait meanwhile.
func withKept(s store, dataset string, use func(dir string, f Figures) error) (err error) {
	bin, err := program()
	if err != nil {
		return err
	}
	data, err := sumOf(filepath.Join(dataset, "*"))
	if err != nil {
		return err
	}
	name := fmt.Sprintf("imported-%s-%s-%s", s, strings.TrimPrefix(filepath.Base(bin), "fill-"), data)
	if s == postgres {
		version, err := pgtest.Version()
		if err != nil {
			return err
		}
		name += fmt.Sprint("-", version)
	}
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(cache, "lock"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	kept := filepath.Join(cache, name)
	now := time.Now()
	err = os.Chtimes(kept, now, now)
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(sweep(cache, now), makeKept(s, kept, dataset))
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(kept, figuresName))
	if err != nil {
		return err
	}
	var f Figures
	if err := json.Unmarshal(text, &f); err != nil {
		return err
	}
	return use(kept, f)
}

// makeKept imports. The directory gets its name last, so that a half-made one is never taken.
func makeKept(s store, path, dataset string) (err error) {
	draft, err := os.MkdirTemp(filepath.Dir(path), "draft-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	var f Figures
	if s == postgres {
		err = pgtest.Save(template, filepath.Join(draft, dataName), func(url string) (err error) {
			f, err = Fill("-url", url, "-dir", dataset)
			return err
		})
	} else {
		f, err = fillFile(filepath.Join(draft, fileName), dataset)
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(draft, figuresName), text, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, path)
}

// fillFile imports into an SQLite file.
func fillFile(file, dataset string) (Figures, error) {
	f, err := Fill("-file", file, "-dir", dataset)
	if err != nil {
		return f, err
	}
	// A log that was not taken into the file would be lost by copying it.
	if _, err := os.Stat(file + "-wal"); err == nil {
		return f, errors.New("import the data set: SQLite left a write-ahead log")
	}
	return f, nil
}

// sweep makes room for one more database, and removes files that killed processes have left behind. It runs under the lock.
func sweep(cache string, now time.Time) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	var all []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			all = append(all, info)
		}
	}
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	var errs []error
	databases := 1
	for _, f := range all {
		name, age := f.Name(), now.Sub(f.ModTime())
		database := strings.HasPrefix(name, "imported-")
		if database {
			databases++
		}
		if database && databases > keptDatabases || strings.HasPrefix(name, "draft-") ||
			name != "lock" && age > programLife && !database {
			errs = append(errs, os.RemoveAll(filepath.Join(cache, name)))
		}
	}
	return errors.Join(errs...)
}

// lock waits until this process alone has the file.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f.Close, nil
}

// sumOf identifies the content of the files that match a pattern.
func sumOf(pattern string) (string, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		return "", fmt.Errorf("no files match %s", pattern)
	}
	h := sha256.New()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}
