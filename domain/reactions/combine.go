package reactions

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"roost/events"
	"roost/internal/admission"
	"roost/internal/errs"
	"roost/internal/moment"
	"roost/internal/reqstats"
)

const (
	// maxCombined is the most reactions that one transaction sets.
	maxCombined = 256
	// maxWaiting is how many reactions wait for a transaction of this node. More are refused as UNAVAILABLE.
	maxWaiting = 4 * maxCombined
	// combinedTimeout bounds one transaction.
	combinedTimeout = 10 * time.Second
	// waitingRetryAfter is when a caller who was refused may come back.
	waitingRetryAfter = time.Second
)

// combiner gathers the reactions of a node into transactions: while one commits, the next gathers. There is no timer, so a reaction that
// comes alone does not wait. It needs no goroutine: one of the callers, the leader, runs the transaction for all of its batch. The next
// leader is named when it has committed, and then takes what has come by then.
type combiner struct {
	// commit sets the reactions of a batch and stores the result of each. It calls committed once the next batch may begin; if it does
	// not, that is when it returns.
	commit func(ctx context.Context, batch []*setting, committed func())

	mu      sync.Mutex
	waiting []*setting // oldest first
	leader  *setting   // has yet to take its batch; is the oldest of those that wait
	busy    bool       // a transaction is under way
}

// setting is one call of Set. Its results belong to the leader of its batch until done is closed.
type setting struct {
	Key
	kind Kind
	// lead is closed when the caller is to lead a batch.
	lead chan struct{}
	done chan struct{}

	now Now
	err error
	// cost is what the transaction has cost. It counts for every caller.
	cost *reqstats.Stats
}

// set sets a reaction in a transaction with others. Cancelling ctx takes the reaction back only while it waits.
func (c *combiner) set(ctx context.Context, key Key, kind Kind) (Now, error) {
	s := &setting{Key: key, kind: kind, lead: make(chan struct{}), done: make(chan struct{})}
	if err := c.enqueue(s); err != nil {
		return Now{}, err
	}
	leads, err := c.wait(ctx, s)
	switch {
	case err != nil:
		return Now{}, err
	case leads:
		c.run(ctx)
	default:
		reqstats.From(ctx).Add(s.cost)
	}
	// The leader's moment has been renewed by the write. A copy that this request may use from an earlier moment can be older than it.
	moment.From(ctx).Renew()
	return s.now, s.err
}

// wait returns when the setting is done or is to lead. An error means that the caller has given up.
func (c *combiner) wait(ctx context.Context, s *setting) (leads bool, err error) {
	select {
	case <-s.lead:
		return true, nil
	default:
	}
	defer admission.FromContext(ctx).Pause()()
	select {
	case <-s.lead:
		return true, nil
	case <-s.done:
		return false, nil
	case <-ctx.Done():
		if c.leave(s) {
			return false, events.Unavailable(ctx.Err())
		}
		return true, nil
	}
}

// enqueue makes a setting wait, and names it as the leader if nothing is under way.
func (c *combiner) enqueue(s *setting) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) >= maxWaiting {
		return errs.Busy("setting reactions", waitingRetryAfter)
	}
	c.waiting = append(c.waiting, s)
	if !c.busy {
		c.name()
	}
	return nil
}

// leave is called when a caller gives up. It reports whether the caller may go: its reaction is not set, or others are about to set it,
// so that the outcome is unknown. A caller who is to lead must do so.
func (c *combiner) leave(s *setting) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leader == s {
		return false
	}
	if i := slices.Index(c.waiting, s); i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
	return true
}

// name names the next leader, if anybody waits. The caller holds the mutex.
func (c *combiner) name() {
	if c.busy = len(c.waiting) > 0; c.busy {
		c.leader = c.waiting[0]
		close(c.leader.lead)
	}
}

// take takes the leader's batch from those that wait. Of several reactions of one user to one tweet it has the first; the others follow in
// later batches.
func (c *combiner) take() []*setting {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = nil
	batch, keys := make([]*setting, 0, min(len(c.waiting), maxCombined)), make(map[Key]bool, min(len(c.waiting), maxCombined))
	rest := c.waiting[:0]
	for _, s := range c.waiting {
		if len(batch) == maxCombined || keys[s.Key] {
			rest = append(rest, s)
			continue
		}
		keys[s.Key] = true
		batch = append(batch, s)
	}
	clear(c.waiting[len(rest):])
	c.waiting = rest
	return batch
}

// errPanicked is the result of those whose leader panicked.
var errPanicked = errors.New("the transaction of this reaction and others panicked")

// run takes and commits the batch of a leader, who is the caller. The transaction goes on when the leader's request is cancelled.
func (c *combiner) run(ctx context.Context) {
	// Callers whose requests have arrived by now, such as those who got their answers at the same time, join before the batch is taken.
	runtime.Gosched()
	batch := c.take()
	shared, cost := reqstats.With(context.WithoutCancel(ctx))
	shared, cancel := context.WithTimeout(shared, combinedTimeout)
	passOn := sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.name()
	})
	ended := false
	defer func() {
		cancel()
		passOn()
		reqstats.From(ctx).Add(cost)
		for _, s := range batch {
			if !ended {
				s.now, s.err = Now{}, errPanicked
			}
			s.cost = cost
			close(s.done)
		}
	}()
	c.commit(shared, batch, passOn)
	ended = true
}
