package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"roost/internal/errs"
)

// A database that cannot do its work for now is distinguished from one that refuses a statement.
func TestFailures(t *testing.T) {
	t.Parallel()
	code := func(c pqerror.Code) error { return fmt.Errorf("do it: %w", &pq.Error{Code: c}) }
	for _, c := range []struct {
		name                   string
		err                    error
		unavailable, noWrites  bool
		retryable, lockTimeout bool
	}{
		{"nothing", nil, false, false, false, false},
		{"a standby", code("25006"), true, true, false, false},
		{"not the primary", fmt.Errorf("connect: %w", ErrNotPrimary), true, true, false, false},
		{"a lock_timeout", code("55P03"), true, false, false, true},
		{"a statement that was ended", code("57014"), true, false, false, false},
		{"a server that is stopped", code("57P01"), true, false, false, false},
		{"a server that crashed", code("57P02"), true, false, false, false},
		{"a server that starts", code("57P03"), true, false, false, false},
		{"a database that was dropped", code("57P04"), true, false, false, false},
		{"an idle session that was ended", code("57P05"), true, false, false, false},
		{"no connection left", code("53300"), true, false, false, false},
		{"no room left", code("53100"), true, true, false, false},
		{"a broken connection", code("08006"), true, false, false, false},
		{"a deadlock", code("40P01"), false, false, true, false},
		{"a serialization failure", code("40001"), false, false, true, false},
		{"a unique key", code("23505"), false, false, false, false},
		{"an unknown table", code("42P01"), false, false, false, false},
		{"a wrong password", code("28P01"), false, false, false, false},
		{"something that is not supported", code("0A000"), false, false, false, false},
		{"nobody listens", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, true, false, false, false},
		{"a bad connection", driver.ErrBadConn, true, false, false, false},
		{"a deadline", context.DeadlineExceeded, true, false, false, false},
		{"a client that left", context.Canceled, false, false, false, false},
		{"no permit", errs.Busy("the database", comeBack), true, false, false, false},
		{"no rows", sql.ErrNoRows, false, false, false, false},
	} {
		if got := IsUnavailable(c.err); got != c.unavailable {
			t.Errorf("%s: unavailable: %t", c.name, got)
		}
		if got := TakesNoWrites(c.err); got != c.noWrites {
			t.Errorf("%s: takes no writes: %t", c.name, got)
		}
		if got := IsRetryable(c.err); got != c.retryable {
			t.Errorf("%s: retryable: %t", c.name, got)
		}
		if got := IsLockTimeout(c.err); got != c.lockTimeout {
			t.Errorf("%s: lock timeout: %t", c.name, got)
		}
	}
}
