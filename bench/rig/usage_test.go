package rig

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestReadStat(t *testing.T) {
	t.Parallel()
	s, err := readStat("4242 (a) name (x) S 17 4242 4242 0 -1 4194560 1 2 3 4 500 600 7 8 20 0 1 0 99 0 0")
	if err != nil || s.pid != 4242 || s.parent != 17 || s.ended != 150*time.Millisecond {
		t.Errorf("%+v, %v", s, err)
	}
	for _, raw := range []string{"", "1 (x) S 17", "x (x) S 17 4242 4242 0 -1 4194560 1 2 3 4 500 600 7 8 20"} {
		if s, err := readStat(raw); err == nil {
			t.Errorf("%q is read as %+v", raw, s)
		}
	}
}

func TestReadPeak(t *testing.T) {
	t.Parallel()
	if n, err := readPeak("Name:\ta name\nVmPeak:\t  9 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 8 kB\n"); err != nil || n != 1234<<10 {
		t.Errorf("%d, %v", n, err)
	}
	for _, raw := range []string{"", "VmPeak:\t 9 kB\n", "Name:\tx\nVmHWM:\t many kB\n", "Name:\tx\nVmHWM:\t 9 MB\n"} {
		if n, err := readPeak(raw); err == nil {
			t.Errorf("%q is read as %d", raw, n)
		}
	}
}

func TestFilesThatCannotBe(t *testing.T) {
	t.Parallel()
	if err := Files(16); err != nil {
		t.Error(err)
	}
	if err := Files(1 << 40); err == nil {
		t.Error("a trillion files may be open")
	}
}

// The clock of a process counts what it does.
func TestProcessClock(t *testing.T) {
	t.Parallel()
	before, err := processClock(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	now := before
	for deadline := time.Now().Add(20 * time.Second); now < before+5*time.Millisecond; {
		if time.Now().After(deadline) {
			t.Fatalf("the clock stands at %v", now)
		}
		if now, err = processClock(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	family, err := familyTime(os.Getpid())
	if err != nil || family < now {
		t.Errorf("with children %v, %v; alone %v", family, err, now)
	}
}

func TestFatalIsAnError(t *testing.T) {
	t.Parallel()
	x := &tb{ctx: t.Context()}
	var order []int
	x.Cleanup(func() { order = append(order, 1) })
	x.Cleanup(func() { order = append(order, 2); x.Fatal("second") })
	if err := x.protect(func() { x.Fatalf("first %d", 1) }); err == nil || err.Error() != "first 1" {
		t.Errorf("protect gives %v", err)
	}
	if err := x.close(); err == nil || err.Error() != "second" || len(order) != 2 || order[0] != 2 {
		t.Errorf("close gives %v after %v", err, order)
	}
	defer func() {
		if v := recover(); v == nil {
			t.Error("another panic is taken for a failure")
		}
	}()
	_ = x.protect(func() { panic(errors.New("a bug")) })
}
