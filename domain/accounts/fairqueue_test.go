package accounts

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"roost/internal/errs"
)

// queueRig serves a queue with one permit step by step.
type queueRig struct {
	t       *testing.T
	queue   *fairQueue
	results chan acquired
	release func() // returns the permit that is out
}

// acquired is the result of one acquire.
type acquired struct {
	from    origin
	release func()
	err     error
}

// newQueueRig starts with its permit out.
func newQueueRig(t *testing.T, maxWaiting, maxPerAddress int) *queueRig {
	r := &queueRig{t: t, queue: newFairQueue(1, maxWaiting, maxPerAddress), results: make(chan acquired, 1000)}
	release, err := r.queue.acquire(t.Context(), origin{"first", "first"})
	if err != nil {
		t.Fatal(err)
	}
	r.release = release
	return r
}

// enqueue starts an acquire, and returns when it waits or has been refused.
func (r *queueRig) enqueue(ctx context.Context, from origin) {
	before := r.queue.stats()
	go func() {
		release, err := r.queue.acquire(ctx, from)
		r.results <- acquired{from, release, err}
	}()
	for r.queue.stats() == before {
		runtime.Gosched()
	}
}

// next passes the permit on and returns which attempt got it.
func (r *queueRig) next() origin {
	r.t.Helper()
	r.release()
	got := <-r.results
	if got.err != nil {
		r.t.Fatalf("%v was refused: %v", got.from, got.err)
	}
	r.release = got.release
	return got.from
}

// refused returns the next attempt that was refused, and the kind of its error.
func (r *queueRig) refused() (origin, errs.Kind) {
	r.t.Helper()
	got := <-r.results
	if got.err == nil {
		r.t.Fatalf("%v got a permit", got.from)
	}
	return got.from, errs.KindOf(got.err)
}

// An attempt with an address and an account of its own is served after a few others, however many attempts wait for
// another address or another account.
func TestFairQueueIsFair(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]func(i int) origin{
		"one address, one account":    func(int) origin { return origin{"flood", "victim"} },
		"one address, many accounts":  func(i int) origin { return origin{"flood", fmt.Sprint("account", i)} },
		"many addresses, one account": func(i int) origin { return origin{fmt.Sprint("address", i), "victim"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const flooding, honest = 200, 20
			r := newQueueRig(t, 1000, 1000)
			for i := range flooding {
				r.enqueue(t.Context(), flood(i))
			}
			for i := range honest {
				r.enqueue(t.Context(), origin{"home", "ada"})
				position := 1
				for r.next().account != "ada" {
					position++
				}
				if position > 4 {
					t.Errorf("honest attempt %d was served as number %d, with %d others waiting", i, position, flooding)
				}
				r.enqueue(t.Context(), flood(flooding+i)) // the flood goes on
			}
		})
	}
}

// The attempts of one address are served in the order of their arrival, all of them, and leave nothing behind.
func TestFairQueueKeepsOrder(t *testing.T) {
	t.Parallel()
	r := newQueueRig(t, 1000, 1000)
	var want []origin
	for i := range 50 {
		want = append(want, origin{"office", fmt.Sprint("worker", i)})
		r.enqueue(t.Context(), want[i])
	}
	for i, from := range want {
		if got := r.next(); got != from {
			t.Fatalf("number %d is %v, want %v", i, got, from)
		}
	}
	r.release()
	q := r.queue
	if q.free != 1 || q.stats() != (queueStats{}) || len(q.rotation[byAddress].flows)+len(q.rotation[byAccount].flows) != 0 {
		t.Errorf("in the end %d permits are free, %+v, and flows are left", q.free, q.stats())
	}
}

// Beyond the bound of one address attempts get RATE_LIMITED. Beyond that of the queue the longest flow loses a waiter.
func TestFairQueueIsBounded(t *testing.T) {
	t.Parallel()
	r := newQueueRig(t, 10, 8)
	for range 8 {
		r.enqueue(t.Context(), origin{"flood", "victim"})
	}
	r.enqueue(t.Context(), origin{"flood", "victim"})
	if from, kind := r.refused(); from.address != "flood" || kind != errs.RateLimited {
		t.Errorf("beyond the bound of its address %v got %s", from, kind)
	}
	r.enqueue(t.Context(), origin{"home", "victim"}) // the owner of the account that is attacked
	r.enqueue(t.Context(), origin{"office", "bob"})
	r.enqueue(t.Context(), origin{"cafe", "eve"})
	if from, kind := r.refused(); from.address != "flood" || kind != errs.Unavailable {
		t.Errorf("%v was turned away with %s, not the flood", from, kind)
	}
	for range 4 {
		r.enqueue(t.Context(), origin{"flood2", "victim"})
		if _, kind := r.refused(); kind != errs.Unavailable {
			t.Errorf("beyond the bound of the queue an attempt got %s", kind)
		}
	}
	served := map[string]int{}
	for range 10 {
		served[r.next().address]++
	}
	if served["home"] != 1 || served["office"] != 1 || served["cafe"] != 1 || served["flood"]+served["flood2"] != 7 {
		t.Errorf("served were %v", served)
	}
	if got := r.queue.stats(); got != (queueStats{0, 1, 5}) {
		t.Errorf("counted: %+v", got)
	}
}

// An attempt that is cancelled leaves the queue.
func TestFairQueueCancelled(t *testing.T) {
	t.Parallel()
	r := newQueueRig(t, 10, 10)
	ctx, cancel := context.WithCancel(t.Context())
	r.enqueue(ctx, origin{"gone", "gone"})
	r.enqueue(t.Context(), origin{"home", "ada"})
	cancel()
	if got := <-r.results; !errors.Is(got.err, context.Canceled) {
		t.Errorf("the cancelled attempt got %v", got.err)
	}
	if got := r.next(); got.account != "ada" {
		t.Errorf("%v was served", got)
	}
	r.release()
	if r.queue.free != 1 {
		t.Errorf("%d permits are free", r.queue.free)
	}
}
