package cache

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// owedMost is how many keys a process remembers to owe an invalidation.
	owedMost = 10_000
	// settleEvery is how often it tries to pay, when it is asked for anything.
	settleEvery = 50 * time.Millisecond
	// settleMost is how many invalidations it sends then, and settleProbe how many while Redis refuses writes.
	settleMost, settleProbe = 1000, 10
)

// debts are the invalidations that Redis has not taken from this process. The relay sends them too; until they are
// taken the process does not read the keys from Redis, so that its reads show the writes all the same.
type debts struct {
	mu       sync.Mutex
	versions map[string]int64
	// suspended is the number of the latest suspension, 0 without one; last the number of the latest ever.
	suspended, last int64

	some     atomic.Bool // there are debts, or a suspension: keeps the usual case free of the mutex
	settling sync.Mutex
	tried    time.Time // under settling
}

// add notes a debt. It suspends all reads of Redis when there are more than can be remembered.
func (d *debts) add(key string, version int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.some.Store(true)
	if _, ok := d.versions[key]; !ok && len(d.versions) >= owedMost {
		d.suspend()
		return
	}
	d.versions[key] = max(d.versions[key], version)
}

// suspend begins a suspension, or begins it anew.
func (d *debts) suspend() {
	d.some.Store(true)
	d.last++
	d.suspended = d.last
}

// owes reports whether Redis may have something old under a key.
func (d *debts) owes(key string) bool {
	if !d.some.Load() {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.versions[key]
	return ok || d.suspended != 0
}

// of reports which of the keys are owed, nil if none are, and whether Redis must not be read at all.
func (d *debts) of(keys []string) (owed []bool, suspended bool) {
	if !d.some.Load() {
		return nil, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	owed = make([]bool, len(keys))
	for i, key := range keys {
		_, owed[i] = d.versions[key]
	}
	return owed, d.suspended != 0
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
	d.some.Store(len(d.versions) > 0 || d.suspended != 0)
}

// Suspend has this process read nothing from Redis until Resume: for when there may be old entries that nobody here can
// name. The tier does so by itself when it owes more than 10,000 keys.
func (t *Tier) Suspend() {
	t.owed.mu.Lock()
	defer t.owed.mu.Unlock()
	t.owed.suspend()
}

// Suspension returns the number of the latest reason why this process reads nothing from Redis, 0 while it does.
func (t *Tier) Suspension() int64 {
	t.owed.mu.Lock()
	defer t.owed.mu.Unlock()
	return t.owed.suspended
}

// Resume ends the suspension, unless there is a later reason than that with the number. The caller knows that Redis has
// taken all invalidations up to then. It reports whether the suspension has ended.
func (t *Tier) Resume(number int64) bool {
	d := &t.owed
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.suspended > number {
		return false
	}
	d.suspended = 0
	d.some.Store(len(d.versions) > 0)
	return true
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
	most := settleMost
	if t.redis.refusing() {
		most = settleProbe
	}
	var all []Invalidation
	d.mu.Lock()
	for key, version := range d.versions {
		if len(all) == most {
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
