package sqldb

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// While no permit comes back, those who wait are refused within the time of stall, and others at once; subscriptions wait on. A permit
// that comes back ends that.
func TestStalledDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimit(2, maxWait)
		l.stall = maxStall
		first, second := take(t, l), take(t, l)
		socket := make(chan error, 1)
		go func() {
			p, err := l.acquire(Patient(request(t.Context())))
			p.release()
			socket <- err
		}()
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				start := time.Now()
				if _, err := l.acquire(request(t.Context())); err == nil || time.Since(start) >= maxStall {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			})
		}
		all.Wait()
		start := time.Now()
		if _, err := l.acquire(goingOn(t.Context())); err == nil || time.Since(start) > 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		first.release()
		if err := <-socket; err != nil {
			t.Error(err)
		}
		take(t, l).release()
		if got := l.load().Refused; got != [refusals]int64{Stalled: 6} {
			t.Errorf("refused %v", got)
		}
		second.release()
	})
}

// A database that is slow, but answers, lets requests wait for their whole time.
func TestSlowDatabaseIsNotStalled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimit(1, maxWait)
		l.stall = maxStall
		held := take(t, l)
		got := make(chan error, 8)
		for range 8 {
			go func() {
				p, err := l.acquire(goingOn(t.Context()))
				if err == nil {
					<-time.After(maxStall * 6 / 10)
				}
				p.release()
				got <- err
			}()
		}
		synctest.Wait()
		held.release()
		served := 0
		for range 8 {
			if <-got == nil {
				served++
			}
		}
		if refused := l.load().Refused; served != 7 || refused != [refusals]int64{WaitedInVain: 1} {
			t.Errorf("%d were served, refused %v", served, refused)
		}
	})
}

// In a small pool a few slow statements are silent for as long, so only the time of each wait counts there.
func TestSmallPoolsDoNotStall(t *testing.T) {
	t.Parallel()
	for permits, want := range map[int]time.Duration{1: 0, stallPermits - 1: 0, stallPermits: maxStall, permitsOf(32): maxStall} {
		if got := stallOf(permits); got != want {
			t.Errorf("%d permits stall after %v, want %v", permits, got, want)
		}
	}
}
