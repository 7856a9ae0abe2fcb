package accounts

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"roost/internal/lifecycle"
)

const (
	// touchBatch is how many sessions one transaction writes.
	touchBatch = 256
	// maxPending is the most sessions that wait to be written. A use beyond it is dropped; the session's next use is noted again.
	maxPending = 8192
	// touchEvery is how often the sessions that wait are written.
	touchEvery = time.Second
	// touchTimeout is how long one transaction may take.
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

// NewToucher returns a toucher. Used may be called before it starts.
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
	if len(t.pending) < maxPending {
		t.pending[s.ID.ID] = struct{}{}
	}
}

func (t *Toucher) run(ctx context.Context) {
	const warning = "the last use of sessions was not written"
	lifecycle.Steadily(touchEvery, warning, t.flush).Run(ctx)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), touchEvery)
	defer cancel()
	if err := t.flush(last); err != nil {
		slog.WarnContext(last, warning, "error", err)
	}
}

// flush writes the sessions that wait. A batch that fails is dropped, and the sessions' next use is noted again.
func (t *Toucher) flush(ctx context.Context) error {
	for {
		batch := t.take()
		if len(batch) == 0 {
			return nil
		}
		bounded, cancel := context.WithTimeout(ctx, touchTimeout)
		err := t.accounts.Touch(bounded, batch)
		cancel()
		if err != nil {
			return fmt.Errorf("note the use of %d sessions: %w", len(batch), err)
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
