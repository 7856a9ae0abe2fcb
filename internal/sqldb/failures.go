package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"roost/internal/errs"
)

// IsRetryable reports whether a second attempt of a transaction may succeed, because the first failed with a deadlock, a
// serialization failure, a prepared statement that PostgreSQL has lost, or a busy SQLite file.
func IsRetryable(err error) bool {
	if _, lost := errors.AsType[*lostError](err); lost {
		return true
	}
	if pq.As(err, pqerror.TRDeadlockDetected, pqerror.TRSerializationFailure) != nil {
		return true
	}
	return isSQLite(err, sqlite3.SQLITE_BUSY)
}

// IsUnavailable reports whether a statement failed because the database cannot do any such work now, and not because of the
// statement itself: the database cannot be reached, takes no writes or has no room, or no permit or lock came in time.
func IsUnavailable(err error) bool {
	if err == nil {
		return false
	}
	if errs.Is(err, errs.Unavailable) || TakesNoWrites(err) || IsLockTimeout(err) || isSQLite(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_NOMEM) {
		return true
	}
	if e := pq.As(err); e != nil {
		return slices.Contains(unavailableClasses, e.Code.Class())
	}
	if errors.Is(err, context.Canceled) {
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	msg := err.Error()
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sql.ErrConnDone) ||
		strings.Contains(msg, "connection refused") || strings.Contains(msg, "bad connection") ||
		strings.Contains(msg, "connection reset") || strings.Contains(msg, "broken pipe") || strings.HasSuffix(msg, "EOF")
}

// unavailableClasses are connections that failed (08), a server that has no memory, disk space or connection left (53),
// that is stopped, starts or ended the statement (57), and failures of its system (58).
var unavailableClasses = []pqerror.Class{"08", "53", "57", "58"}

// TakesNoWrites reports whether a statement failed because the database takes no writes at all: PostgreSQL is a standby,
// read-only or out of disk space, SQLite's disk is full, fails or is read-only.
func TakesNoWrites(err error) bool {
	return errors.Is(err, ErrNotPrimary) || pq.As(err, pqerror.ReadOnlySQLTransaction, pqerror.DiskFull) != nil || isDiskFailure(err)
}

// isDiskFailure reports whether SQLite cannot write, or not even read, its file.
func isDiskFailure(err error) bool {
	return isSQLite(err, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
}

// IsLockTimeout reports whether PostgreSQL ended a statement because it did not get a lock in its lock_timeout.
func IsLockTimeout(err error) bool { return pq.As(err, pqerror.LockNotAvailable) != nil }

// isSQLite reports whether an error of SQLite has one of the primary codes.
func isSQLite(err error, codes ...int) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && slices.Contains(codes, e.Code()&0xff)
}
