package accounts

import (
	"testing"
	"time"
)

// The first refusals of an address are immediate, later ones come at a rate, and none is delayed for longer than the
// bound. After a pause there is a burst again. Other addresses are not delayed.
func TestPacer(t *testing.T) {
	t.Parallel()
	p, now := newPacer(), time.Now()
	for i := range refusalBurst {
		if d := p.delay("flood", now); d != 0 {
			t.Fatalf("refusal %d is delayed by %s", i, d)
		}
	}
	for i := 1; i <= 10*refusalRate; i++ {
		want := min(time.Duration(i)*time.Second/refusalRate, maxRefusalDelay)
		if d := p.delay("flood", now); d != want {
			t.Fatalf("refusal %d after the burst is delayed by %s, want %s", i, d, want)
		}
	}
	if d := p.delay("home", now); d != 0 {
		t.Errorf("another address is delayed by %s", d)
	}
	if d := p.delay("flood", now.Add(maxRefusalDelay)); d != time.Second/refusalRate {
		t.Errorf("after the last refusal the next is delayed by %s", d)
	}
	later := now.Add(time.Minute)
	for i := range refusalBurst {
		if d := p.delay("flood", later); d != 0 {
			t.Fatalf("after a pause refusal %d is delayed by %s", i, d)
		}
	}
	if d := p.delay("flood", later); d == 0 {
		t.Error("after a pause the burst has no end")
	}
}
