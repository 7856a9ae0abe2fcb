package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Invalidation says that a transaction has left a row at a version.
type Invalidation struct {
	Kind    *Kind
	Key     string
	Version int64
}

// Intent is the announcement of a transaction. The zero Intent is none.
type Intent struct {
	id   string
	keys []string
}

// Intend announces, before a transaction commits, that it changes rows of which not even a moment's
// stale read is allowed: until Invalidate or Withdraw, at most for IntentFor, reads of the keys go to
// SQL and nothing is filled. The transaction must end within that time. On an error some keys are not
// announced: the write may go on, with the window between commit and invalidation that others have.
func (t *Tier) Intend(ctx context.Context, keys ...string) (Intent, error) {
	in := Intent{id: t.tokens.next(), keys: keys}
	replies := t.do(ctx, t.scripts.intend, keys, func(int) []any { return []any{in.id, ms(IntentFor), ms(floorFor)} })
	var errs []error
	for i, r := range replies {
		if r.err != nil {
			errs = append(errs, fmt.Errorf("announce a write of %s: %w", keys[i], r.err))
		}
	}
	return in, errors.Join(errs...)
}

// Withdraw ends an intent whose transaction has not committed. What does not arrive ends by itself.
func (t *Tier) Withdraw(ctx context.Context, in Intent) {
	t.do(ctx, t.scripts.invalidate, in.keys, func(int) []any { return []any{0, in.id, ms(floorFor)} })
}

// Invalidate makes sure, after a commit and before it is acknowledged, that nothing older than the
// versions is served from now on, and ends the intent. Repeating it is harmless: an entry that is not
// older stays. It tries as long as Redis answers, at most a second. On an error some keys may be stale
// until the relay has repeated their invalidation; this node reads them from SQL until then.
func (t *Tier) Invalidate(ctx context.Context, in Intent, all ...Invalidation) error {
	for _, key := range in.keys {
		if !slices.ContainsFunc(all, func(i Invalidation) bool { return i.Key == key }) {
			all = append(all, Invalidation{Key: key}) // ends the intent, no more
		}
	}
	for _, i := range all {
		if i.Version < 0 || i.Version > MaxVersion {
			return fmt.Errorf("cache: %s has version %d", i.Key, i.Version)
		}
	}
	// Whoever waits for this may leave; what is committed must be told all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invalidateWithin)
	defer cancel()
	left, err := t.invalidateOnce(ctx, in, all)
	for len(left) > 0 && ctx.Err() == nil && !errors.Is(err, ErrDown) {
		select {
		case <-time.After(tryEvery):
		case <-ctx.Done():
		}
		left, err = t.invalidateOnce(ctx, in, left)
	}
	for _, i := range left {
		t.owed.add(i.Key, i.Version)
		if i.Kind != nil {
			i.Kind.count.unsent.Inc()
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("%d of %d invalidations not taken by Redis: %w", len(left), len(all), err)
	}
	return nil
}

// invalidateOnce sends INVALIDATE and gives back what did not arrive, with its last error.
func (t *Tier) invalidateOnce(ctx context.Context, in Intent, all []Invalidation) (left []Invalidation, err error) {
	for i, r := range t.invalidations(ctx, in, all) {
		if r.err != nil {
			left, err = append(left, all[i]), r.err
		}
	}
	return left, err
}

// invalidations sends INVALIDATE.
func (t *Tier) invalidations(ctx context.Context, in Intent, all []Invalidation) []reply {
	keys := make([]string, len(all))
	for i := range all {
		keys[i] = all[i].Key
	}
	replies := t.do(ctx, t.scripts.invalidate, keys, func(i int) []any { return []any{all[i].Version, in.id, ms(floorFor)} })
	for i, r := range replies {
		k := all[i].Kind
		if k == nil || r.err != nil {
			continue
		}
		switch r.word {
		case "dropped":
			k.count.dropped.Inc()
		case "current":
			k.count.current.Inc()
		default:
			k.count.floor.Inc()
		}
	}
	return replies
}

const (
	// owedMost is how many keys a node remembers to owe an invalidation.
	owedMost = 10_000
	// settleEvery is how often it tries to pay, when it is asked for anything.
	settleEvery = 50 * time.Millisecond
	// settleMost is how many invalidations it sends then.
	settleMost = 1000
	// forgottenFor is how long a node that could not remember all reads nothing from Redis once it
	// answers: the relay has repeated everything by then.
	forgottenFor = 3 * time.Second
)

// debts are the invalidations that this node could not send. The relay sends them too; until they are
// sent the node itself does not read the keys from Redis, so that who wrote through it sees the write.
type debts struct {
	mu       sync.Mutex
	versions map[string]int64
	// forgot says that there are more than versions holds; until is when they are settled, zero while
	// versions are not.
	forgot bool
	until  time.Time

	some     atomic.Bool // there are debts: keeps the usual case free of the mutex
	settling sync.Mutex
	tried    time.Time // under settling
}

func (d *debts) add(key string, version int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.some.Store(true)
	if _, ok := d.versions[key]; !ok && len(d.versions) >= owedMost {
		d.forgot, d.until = true, time.Time{}
		return
	}
	d.versions[key] = max(d.versions[key], version)
}

// owes reports whether Redis may have something old under a key.
func (d *debts) owes(key string) bool {
	if !d.some.Load() {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.versions[key]
	return ok || d.forgot
}

func (d *debts) len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.versions)
}

// paid takes away what was sent, if nothing newer is owed by now.
func (d *debts) paid(sent []Invalidation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range sent {
		if v, ok := d.versions[i.Key]; ok && v <= i.Version {
			delete(d.versions, i.Key)
		}
	}
	if len(d.versions) > 0 {
		return
	}
	now := time.Now()
	switch {
	case d.forgot && d.until.IsZero():
		d.until = now.Add(forgottenFor)
	case d.forgot && now.After(d.until):
		d.forgot = false
	}
	d.some.Store(d.forgot)
}

// settle pays some debts, if there are any and nobody else does.
func (t *Tier) settle(ctx context.Context) {
	d := &t.owed
	if !d.some.Load() || !d.settling.TryLock() {
		return
	}
	defer d.settling.Unlock()
	if time.Since(d.tried) < settleEvery {
		return
	}
	d.tried = time.Now()
	var all []Invalidation
	d.mu.Lock()
	for key, version := range d.versions {
		if len(all) == settleMost {
			break
		}
		all = append(all, Invalidation{Key: key, Version: version})
	}
	d.mu.Unlock()
	left, _ := t.invalidateOnce(ctx, Intent{}, all)
	open := make(map[string]bool, len(left))
	for _, i := range left {
		open[i.Key] = true
	}
	d.paid(slices.DeleteFunc(all, func(i Invalidation) bool { return open[i.Key] }))
}
