package cache

import (
	"strings"
	"sync/atomic"
	"testing"

	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

// A subscription that is silent is checked, and the answer wakes nobody: each message is one wake-up.
func TestWakerSleepsThroughItsOwnChecks(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r := open(t, server.URL())
	var woken atomic.Int64
	w := NewWaker(r, func() { woken.Add(1) })
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	testtime.Until(t, "the subscription", w.subscribed.Load)
	before := woken.Load()
	if reply, err := server.Do("CONFIG RESETSTAT"); err != nil || reply != "OK" {
		t.Fatalf("reset the counters: %q, %v", reply, err)
	}
	testtime.Until(t, "a check of the subscription", func() bool {
		stats, err := server.Do("INFO commandstats")
		return err == nil && strings.Contains(stats, "cmdstat_ping")
	})
	for i := range int64(3) {
		w.Grown()
		testtime.Until(t, "a wake-up", func() bool { return woken.Load() > before+i })
	}
	if n := woken.Load() - before; n != 3 {
		t.Errorf("3 messages wake %d times", n)
	}
}

// A waker that cannot receive anything wakes by itself, five times a second; one that can does not.
func TestWakerReplacesWhatItCannotReceive(t *testing.T) {
	t.Parallel()
	r := open(t, redistest.Start(t).URL())
	woken := 0
	w := NewWaker(r, func() {})
	poll := w.replace(r, func() { woken++ })
	for round, subscribed := range []bool{false, true, false} {
		w.subscribed.Store(subscribed)
		before := woken
		if _, err := poll.Look(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if (woken > before) == subscribed {
			t.Errorf("round %d: subscribed %v, woken %v", round, subscribed, woken > before)
		}
		if pace := poll.Pace(); (pace == deafEvery) == subscribed {
			t.Errorf("round %d: subscribed %v, the pace is %s", round, subscribed, pace)
		}
	}
}
