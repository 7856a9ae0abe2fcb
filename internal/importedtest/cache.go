package importedtest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// unused is how long a file of the cache is kept that nobody asks for.
const unused = 48 * time.Hour

// cacheDir is shared by the test processes of a user.
func cacheDir() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("roost-test-cache-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return dir, nil
}

// keep is the imported SQLite file of a data set, made by whoever comes first. Its name tells the content
// of the data set and of the importing program, which includes the schema.
func keep(dataset string) (path string, err error) {
	bin, err := program()
	if err != nil {
		return "", err
	}
	data, err := sumOf(filepath.Join(dataset, "*"))
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	path = filepath.Join(cache, fmt.Sprintf("imported-%s-%s.db", strings.TrimPrefix(filepath.Base(bin), "fill-"), data))
	now := time.Now()
	if err := os.Chtimes(path, now, now); err == nil {
		return path, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := sweep(cache, bin, now); err != nil {
		return "", err
	}
	draft, err := os.MkdirTemp(cache, "draft-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	file := filepath.Join(draft, "roost.db")
	if _, err := Fill("-file", file, "-dir", dataset); err != nil {
		return "", err
	}
	// A log that was not taken into the file would be lost by copying it.
	if _, err := os.Stat(file + "-wal"); err == nil {
		return "", errors.New("import the data set: SQLite left a write-ahead log")
	}
	return path, os.Rename(file, path)
}

// sweep removes what nobody used for a while, and drafts of killed processes. It runs under the lock.
func sweep(cache, bin string, now time.Time) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		info, err := e.Info()
		path := filepath.Join(cache, e.Name())
		if err != nil || path == bin || e.Name() == "lock" {
			continue
		}
		if now.Sub(info.ModTime()) > unused || strings.HasPrefix(e.Name(), "draft-") {
			errs = append(errs, os.RemoveAll(path))
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
