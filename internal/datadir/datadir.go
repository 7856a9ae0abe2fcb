// Package datadir manages the directory in which an embedded Roost keeps its data. One process at a time can use the directory.
// For this the process takes a file lock, which the kernel releases when the process ends, however it ends.
package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// lockName is the file that is locked; it holds the process id of the owner.
const lockName = "lock"

// errHeld is what lockFile returns when another process has the lock.
var errHeld = errors.New("held by another process")

// InUseError is the error of Open when another process has the directory.
type InUseError struct {
	Dir string
	// PID is the process that has it, 0 if that is not known.
	PID int
}

// Error names the directory and the process, and what the operator can do.
func (e *InUseError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("the data directory %s is in use; stop that roost or use another --data-dir", e.Dir)
	}
	return fmt.Sprintf("the data directory %s is in use by pid %d; stop that roost or use another --data-dir", e.Dir, e.PID)
}

// Dir is a data directory that this process owns.
type Dir struct {
	path string
	lock *os.File
}

// Open opens a directory and locks it until Close or the end of the process. If the directory does not exist, Open makes it,
// readable by its owner only. If this process or another one has locked the directory, Open fails at once with an InUseError.
func Open(dir string) (*Dir, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the data directory %s: %w", dir, err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, private)
	if err != nil {
		return nil, fmt.Errorf("open the data directory %s: %w", path, err)
	}
	if err := lockFile(f); err != nil {
		if errors.Is(err, errHeld) {
			err = &InUseError{Dir: path, PID: owner(f)}
		} else {
			err = fmt.Errorf("lock the data directory %s: %w", path, err)
		}
		return nil, errors.Join(err, f.Close())
	}
	if err := sign(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data directory %s: %w", path, err), f.Close())
	}
	if err := narrow(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Dir{path: path, lock: f}, nil
}

// private is the mode of every file: only the owner may read and write it.
const private = 0o600

// companions are the suffixes of the files that SQLite keeps for a database. SQLite creates them with the database's mode.
var companions = []string{"-wal", "-shm", "-journal"}

// Database returns the path of an SQLite database in the directory. Only the owner may read it, whatever the directory's
// mode and the umask: an absent file is created with mode 0600, an existing one and its companions are changed to it, and
// Database fails if that is not permitted. Call it before SQLite opens the file, because closing a file drops the locks
// that the process has on it.
func (d *Dir) Database(name string) (string, error) {
	path := filepath.Join(d.path, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, private)
	if err != nil {
		return "", fmt.Errorf("open the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return "", fmt.Errorf("open the database: %w", err)
	}
	if err := narrow(path); err != nil {
		return "", err
	}
	for _, suffix := range companions {
		if err := narrow(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return path, nil
}

// narrow changes the mode of a file so that only its owner may read and write it.
func narrow(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&^private == 0 {
		return nil
	}
	if err := os.Chmod(path, private); err != nil {
		return fmt.Errorf("others may read %s (mode %o), and its mode cannot be changed; run chmod 600 on it as its owner: %w",
			path, info.Mode().Perm(), err)
	}
	return nil
}

// sign writes this process's id over an earlier owner's.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func owner(f *os.File) int {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil {
		return 0
	}
	return pid
}

// Path returns the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

// Close releases the directory. The file of the lock stays. If it were removed, two processes could hold locks on two files
// that had the same name.
func (d *Dir) Close() error {
	unlockFile(d.lock)
	if err := d.lock.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("release the data directory: %w", err)
	}
	return nil
}
