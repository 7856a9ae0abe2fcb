package transport

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roost/internal/errs"
)

// members is a number of equal subscriptions that get to events.
type members struct {
	equals
	made  int
	fails bool          // to make an event
	takes time.Duration // to make one
}

// send is what a member sends for an event: "made" or, of another member, "shared".
func (m *members) send(ctx context.Context, key string) string {
	event, own := m.claim(key)
	if event != nil && !own {
		woken := make(chan struct{})
		payload, made := event.payloadOr(func() { close(woken) })
		if !made {
			select {
			case <-woken:
			case <-ctx.Done():
			}
			payload, _ = event.payloadOr(func() {})
		}
		if payload != nil {
			return string(payload)
		}
	}
	m.made++
	time.Sleep(m.takes)
	if own && m.fails {
		event.finish(nil)
	} else if own {
		event.finish([]byte("shared"))
	}
	return "made"
}

// Of equal subscriptions one makes an event, and the others wait for it; but not for long after it was made, not if it
// failed, and never for an event without a key or another one.
func TestOneOfEqualSubscriptionsMakesAnEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &members{takes: 10 * time.Millisecond}
		ctx := t.Context()
		expect := func(when, key, want string, made int) {
			t.Helper()
			if got := m.send(ctx, key); got != want || m.made != made {
				t.Errorf("%s: %s, %d made; want %s, %d", when, got, m.made, want, made)
			}
		}
		m.join(1)
		expect("the only member", "a", "made", 1)
		expect("the only member, again", "a", "made", 2)
		m.join(1)
		done := make(chan string)
		go func() { done <- m.send(ctx, "a") }()
		synctest.Wait()
		expect("the second waits for the first", "a", "shared", 3)
		if got := <-done; got != "made" {
			t.Errorf("the first: %s", got)
		}
		expect("the third comes later", "a", "shared", 3)
		expect("another event", "b", "made", 4)
		expect("an event without a key", "", "made", 5)
		expect("an event without a key, again", "", "made", 6)
		time.Sleep(shareFor)
		expect("much later", "a", "made", 7)

		m.fails = true
		expect("one fails", "c", "made", 8)
		m.fails = false
		expect("the others make what failed themselves", "c", "made", 9)

		m.takes = time.Hour
		go func() { done <- m.send(ctx, "d") }()
		synctest.Wait()
		gone, cancel := context.WithCancel(ctx)
		cancel()
		m.takes = 0
		began := time.Now()
		if got := m.send(gone, "d"); got != "made" || time.Since(began) != 0 {
			t.Errorf("a member that ends waits for another: %s", got)
		}
		<-done
		time.Sleep(shareFor)
		synctest.Wait()
		if len(m.events) != 0 {
			t.Errorf("%d events are kept", len(m.events))
		}
	})
}

// An event that is too long to be held for others is made by each.
func TestLongEventsAreNotShared(t *testing.T) {
	t.Parallel()
	e := &equals{}
	e.join(2)
	made := 0
	for range 2 {
		event, own := e.claim("a")
		if own {
			event.finish([]byte(strings.Repeat("x", maxShared+1)))
		}
		if payload, done := event.payloadOr(func() {}); payload == nil && done {
			made++
		}
	}
	if made != 2 {
		t.Errorf("made %d times", made)
	}
}

// What an owner has open may cost so much in sum, and each subscription's charge ends with it, in any order.
func TestBudgetOfSubscriptions(t *testing.T) {
	t.Parallel()
	s := newStreams(1000, 200)
	home, other := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	key := func(n byte) streamKey { return streamKey{operation: [32]byte{n}} }
	ada, bob, nobody := InitResult{UserID: 1}, InitResult{UserID: 2}, InitResult{}
	open := func(who InitResult, from netip.Prefix, n byte, points int, want errs.Kind) *openStream {
		t.Helper()
		st, err := s.open(who, from, key(n), points)
		switch {
		case want == "" && err == nil, want != "" && err != nil && err.Kind == want:
		default:
			t.Fatalf("want %q, got %v", want, err)
		}
		if err != nil && (err.Kind == errs.RateLimited) != (err.RetryAfter > 0) {
			t.Errorf("%v, after %v", err, err.RetryAfter)
		}
		return st
	}
	open(ada, home, 0, 1001, errs.QueryTooComplex)
	first := open(ada, home, 1, 700, "")
	second := open(ada, other, 2, 300, "") // from wherever
	open(ada, home, 1, 60, errs.RateLimited)
	open(bob, home, 2, 1000, "").close()
	first.close()
	open(ada, home, 3, 701, errs.RateLimited)
	third := open(ada, home, 2, 640, "")
	open(ada, home, 4, 61, errs.RateLimited)
	fourth := open(ada, home, 4, 1, "") // each costs 60 at least

	a, b, c := open(nobody, home, 1, 1, ""), open(nobody, home, 2, 60, ""), open(nobody, home, 3, 60, "")
	open(nobody, home, 4, 21, errs.RateLimited)
	d := open(nobody, other, 4, 60, "")
	for _, st := range []*openStream{second, third, fourth, a, b, c, d} {
		st.close()
	}
	if len(s.points) != 0 || len(s.equals) != 0 {
		t.Errorf("of what is closed remain %d charges and %d keys", len(s.points), len(s.equals))
	}
}
