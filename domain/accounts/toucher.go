package accounts

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"roost/internal/lifecycle"
)

const (
	// touchBatch is how many sessions one transaction writes.
	touchBatch = 256
	// touchPending bounds the sessions that wait; beyond it a use is not written, and the next request
	// tries again.
	touchPending = 8192
	// touchEvery is how often the waiting ones are written.
	touchEvery = time.Second
	// touchTimeout bounds the wait for a database that is busy or does not answer.
	touchTimeout = 5 * time.Second
)

// Toucher writes when sessions were last used, off the request path and in batches.
type Toucher struct {
	lifecycle.Loop
	accounts *Accounts
	mu       sync.Mutex
	pending  map[int64]struct{}
	writing  int // taken from pending, and perhaps not written yet
}

// NewToucher makes a toucher; Used may be called before it starts.
func NewToucher(a *Accounts) *Toucher {
	t := &Toucher{accounts: a, pending: map[int64]struct{}{}}
	t.Run = t.run
	return t
}

// Used notes that a session was used; it never blocks.
func (t *Toucher) Used(s *Session) {
	if !t.accounts.Stale(s) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) < touchPending {
		t.pending[s.ID.ID] = struct{}{}
	}
}

func (t *Toucher) run(ctx context.Context) {
	tick := time.NewTicker(touchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), touchEvery)
			defer cancel()
			t.flush(last)
			return
		case <-tick.C:
			t.flush(ctx)
		}
	}
}

// flush writes what waits. A failed batch is dropped: the sessions' next use is noted again.
func (t *Toucher) flush(ctx context.Context) {
	for {
		batch := t.take()
		if len(batch) == 0 {
			return
		}
		bounded, cancel := context.WithTimeout(ctx, touchTimeout)
		err := t.accounts.Touch(bounded, batch)
		cancel()
		if err != nil {
			slog.WarnContext(ctx, "the last use of sessions was not written", "sessions", len(batch), "error", err)
			return
		}
	}
}

func (t *Toucher) take() []int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var batch []int64
	for id := range t.pending {
		if len(batch) == touchBatch {
			break
		}
		batch = append(batch, id)
		delete(t.pending, id)
	}
	t.writing = len(batch)
	return batch
}
