package cache

import (
	"context"
	"sync"
	"testing"
	"time"
)

// A waker receives what other nodes publish, and stops at once, whether nothing is published or messages never end.
func TestWakerHearsAndStops(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		r := open(t, url)
		heard := make(chan struct{}, 1)
		listener := NewWaker(r, func() {
			select {
			case heard <- struct{}{}:
			default:
			}
		})
		other := r
		if url != "" {
			other = open(t, url)
		}
		talker := NewWaker(other, func() {})
		for _, w := range []*Waker{listener, talker} {
			if err := w.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		stop := func(w *Waker) {
			t.Helper()
			ctx, cancel := context.WithTimeout(context.Background(), quiet/2)
			defer cancel()
			if err := w.Stop(ctx); err != nil {
				t.Errorf("stop: %v", err)
			}
		}
		ended := make(chan struct{})
		var talk sync.WaitGroup
		talk.Go(func() {
			for {
				select {
				case <-ended:
					return
				case <-time.After(time.Millisecond):
					talker.Grown()
				}
			}
		})
		for range 10 { // the first is for its own start
			select {
			case <-heard:
			case <-time.After(patience):
				t.Fatal("no wake-up arrives")
			}
		}
		stop(listener)
		close(ended)
		talk.Wait()
		stop(talker)
	})
}
