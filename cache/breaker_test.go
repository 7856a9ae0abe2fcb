package cache

import (
	"sync"
	"testing"
	"time"
)

func TestBreaker(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var b breaker
	fail := func() (changed, open bool) {
		t.Helper()
		if !b.allow(now) {
			t.Fatal("a closed breaker refuses")
		}
		return b.report(broken, now)
	}
	// A success in between begins the count again.
	fail()
	fail()
	b.report(answered, now)
	fail()
	if changed, open := fail(); changed || open {
		t.Error("it opens after two failures in a row")
	}
	if changed, open := fail(); !changed || !open {
		t.Error("it does not open after three failures in a row")
	}
	if b.allow(now) || b.allow(now.Add(probeEvery-1)) {
		t.Error("an open breaker allows a call at once")
	}
	// One probe at a time.
	now = now.Add(probeEvery)
	if !b.allow(now) || b.allow(now) || b.allow(now.Add(time.Hour)) {
		t.Error("it does not allow one probe, or allows several")
	}
	if changed, open := b.report(broken, now); changed || !open {
		t.Error("a failed probe changes it")
	}
	if b.allow(now.Add(probeEvery - 1)) {
		t.Error("after a failed probe it does not wait")
	}
	now = now.Add(probeEvery)
	// A probe without an outcome makes room for the next.
	if !b.allow(now) {
		t.Fatal("no second probe")
	}
	b.abandon()
	if !b.allow(now) {
		t.Fatal("an abandoned probe blocks the next")
	}
	if changed, open := b.report(answered, now); !changed || open {
		t.Error("a good probe does not close it")
	}
	for range 10 {
		if !b.allow(now) {
			t.Error("closed again it refuses")
		}
	}
}

// However many ask an open breaker at once, one may try.
func TestOneProbeOfMany(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var b breaker
	for range breakAfter {
		b.report(broken, now)
	}
	allowed := make(chan struct{}, 100)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if b.allow(now.Add(probeEvery)) {
				allowed <- struct{}{}
			}
		})
	}
	all.Wait()
	if len(allowed) != 1 {
		t.Errorf("%d of 100 may try", len(allowed))
	}
}
