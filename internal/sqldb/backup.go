package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// partialSuffix is appended to the name of a backup that is not complete yet.
const partialSuffix = ".partial"

// Backup copies a SQLite database into the new file to, which only its owner may read. Another process may write to the
// database meanwhile. The copy is one consistent snapshot of everything that was committed when Backup began, without a
// separate write-ahead log. An existing file named to is never replaced. On an error no file is left behind; a killed process
// leaves the file to + ".partial", which the next run refuses to overwrite. stamp may change the copy before it gets its name.
func Backup(ctx context.Context, from, to string, stamp func(ctx context.Context, made *sql.DB) error) (err error) {
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s exists; name a new file", to)
	}
	partial := to + partialSuffix
	// SQLite treats an empty file like one that does not exist, and keeps its mode.
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists: another backup is being written, or one was killed; remove the file if none is running", partial)
	}
	if err != nil {
		return fmt.Errorf("make the backup: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(partial)) }()
	if err := copyInto(ctx, from, partial, stamp); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write the backup to disk: %w", err)
	}
	if err := os.Link(partial, to); err != nil {
		return fmt.Errorf("name the backup: %w", err)
	}
	return syncDir(filepath.Dir(to))
}

// copyInto copies the database, calls stamp with the copy, and checks the copy.
func copyInto(ctx context.Context, from, to string, stamp func(ctx context.Context, made *sql.DB) error) (err error) {
	source, err := sql.Open("sqlite", fileURL(from, "mode=rw&_pragma=busy_timeout(5000)"))
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if _, err := source.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	made, err := sql.Open("sqlite", fileURL(to, "mode=rw"))
	if err != nil {
		return fmt.Errorf("open the copy: %w", err)
	}
	defer func() { err = errors.Join(err, made.Close()) }()
	if err := stamp(ctx, made); err != nil {
		return err
	}
	var verdict string
	if err := made.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("the copy is damaged, as the database may be: %s", verdict)
	}
	return nil
}

// fileURL returns the URL of a file for the driver.
func fileURL(file, query string) string {
	return "file:" + (&url.URL{Path: file}).EscapedPath() + "?" + query
}

// syncDir makes a new name in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write the backup to disk: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
