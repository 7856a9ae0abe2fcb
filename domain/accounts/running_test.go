package accounts

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"roost/internal/admission"
)

// Attempts that wait for a permit, and refusals that are delayed, do not count as running requests, so a flood of them does
// not close the gate to other requests.
func TestWaitingAttemptsDoNotRun(t *testing.T) {
	t.Parallel()
	refused := newPacer()
	refused.delay("flood", time.Now().Add(time.Hour)) // so that the next one is delayed as long as possible
	busy := newFairQueue(0, 10, 10)
	for name, wait := range map[string]func(ctx context.Context){
		"for a permit":  func(ctx context.Context) { _, _ = busy.acquire(ctx, origin{"flood", "victim"}) },
		"for a refusal": func(ctx context.Context) { refused.wait(ctx, "flood") },
	} {
		gate := admission.New(admission.Config{Running: 1, Wait: 3 * time.Second})
		ticket, err := gate.Enter(t.Context(), netip.Prefix{}, admission.Request)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(admission.With(t.Context(), ticket))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			wait(ctx)
		}()
		// The ticket is never given back: only a pause lets another request in.
		other, err := gate.Enter(t.Context(), netip.Prefix{}, admission.Request)
		if err != nil {
			t.Errorf("a request beside an attempt that waits %s: %v", name, err)
		}
		other.Leave()
		cancel()
		<-ended
		if running := gate.Load().Running; running != 1 {
			t.Errorf("after the wait %s %d requests run, want 1", name, running)
		}
	}
}
