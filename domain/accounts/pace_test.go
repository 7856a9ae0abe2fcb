package accounts

import (
	"testing"
	"time"
)

// Refusals of an address come at once up to a burst, then at their rate, and none waits for longer than it may. After
// a rest there is a burst again. Other addresses do not wait.
func TestPace(t *testing.T) {
	t.Parallel()
	p, now := newPace(), time.Now()
	for i := range refusalBurst {
		if wait := p.due("flood", now); wait != 0 {
			t.Fatalf("refusal %d waits for %s", i, wait)
		}
	}
	for i := 1; i <= 10*refusalRate; i++ {
		want := min(time.Duration(i)*time.Second/refusalRate, refusalWait)
		if wait := p.due("flood", now); wait != want {
			t.Fatalf("refusal %d after the burst waits for %s, want %s", i, wait, want)
		}
	}
	if wait := p.due("home", now); wait != 0 {
		t.Errorf("another address waits for %s", wait)
	}
	if wait := p.due("flood", now.Add(refusalWait)); wait != time.Second/refusalRate {
		t.Errorf("when the last is answered the next waits for %s", wait)
	}
	rested := now.Add(time.Minute)
	for i := range refusalBurst {
		if wait := p.due("flood", rested); wait != 0 {
			t.Fatalf("after a rest refusal %d waits for %s", i, wait)
		}
	}
	if wait := p.due("flood", rested); wait == 0 {
		t.Error("after a rest there is no end of the burst")
	}
}
