package price

import (
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time that the process takes while a function runs. The node and the test's own client are in
// it; PostgreSQL and Redis are not.
func cpu(t testing.TB, f func()) time.Duration {
	t.Helper()
	before := used(t)
	f()
	return used(t) - before
}

func used(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
