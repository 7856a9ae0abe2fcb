package cache

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxOwed is how many invalidations that one server has not taken a process remembers.
	maxOwed = 10_000
	// settleEvery is the least time between two tries to send them.
	settleEvery = 50 * time.Millisecond
	// settleMost is how many a try sends, and settleProbe how many while a server refuses writes.
	settleMost, settleProbe = 1000, 10
)

// debt is an invalidation that Redis has not taken: its version, the epoch of the log that this belongs to, and the server
// that the key was on, nil if none was known.
type debt struct {
	version, epoch int64
	server         *shard
}

// debts are the invalidations that Redis has not taken from this process. Until it has, the process reads these keys from
// SQL. When there are more than maxOwed for one server, it reads nothing from that server. The relay sends them too.
type debts struct {
	mu    sync.Mutex
	owed  map[string]debt
	count map[*shard]int // of owed, by server
	// suspended are the servers of which nothing is read, by the number of the latest reason; nil means all servers.
	suspended map[*shard]int64
	last      int64 // number of the latest reason ever

	some     atomic.Bool // there are debts or suspensions: keeps the usual case free of the mutex
	settling sync.Mutex
	tried    time.Time // under settling
}

// start makes the maps.
func (d *debts) start() {
	d.owed, d.count, d.suspended = map[string]debt{}, map[*shard]int{}, map[*shard]int64{}
}

// forget drops all debts and suspensions.
func (d *debts) forget() {
	d.start()
	d.some.Store(false)
}

// add notes a debt to a server. It suspends the server when there are more than can be remembered.
func (d *debts) add(key string, version, epoch int64, server *shard) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.some.Store(true)
	old, ok := d.owed[key]
	if !ok && (d.suspended[server] != 0 || d.count[server] >= maxOwed) {
		d.suspend(server)
		return
	}
	if ok {
		d.count[old.server]--
	}
	if ok && old.epoch == epoch {
		version = max(old.version, version)
	}
	d.owed[key] = debt{version, epoch, server}
	d.count[server]++
}

// suspend notes a reason to read nothing from a server, or from all if it is nil.
func (d *debts) suspend(server *shard) {
	d.some.Store(true)
	d.last++
	d.suspended[server] = d.last
}

// remove forgets a debt.
func (d *debts) remove(key string) {
	if d.count[d.owed[key].server]--; d.count[d.owed[key].server] == 0 {
		delete(d.count, d.owed[key].server)
	}
	delete(d.owed, key)
}

func (d *debts) len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.owed)
}

// paid takes away what was sent, if nothing newer is owed by now.
func (d *debts) paid(sent []Invalidation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range sent {
		if owed, ok := d.owed[i.Key]; ok && owed.epoch == i.Epoch && owed.version <= i.Version {
			d.remove(i.Key)
		}
	}
	d.some.Store(len(d.owed)+len(d.suspended) > 0)
}

// pick returns up to most of the debts.
func (d *debts) pick(most int) (all []Invalidation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, owed := range d.owed {
		if len(all) == most {
			break
		}
		all = append(all, Invalidation{Key: key, Version: owed.version, Epoch: owed.epoch})
	}
	return all
}

// Suspend has this process read nothing from Redis until Resume, because there may be old entries whose keys nobody has
// named. It returns the number of this reason. Reads of a server are also suspended, without a call, when more than
// 10,000 invalidations for it are pending.
func (t *Tier) Suspend() (number int64) {
	t.owed.mu.Lock()
	defer t.owed.mu.Unlock()
	t.owed.suspend(nil)
	return t.owed.last
}

// Suspension returns the number of the latest reason for which this process reads nothing from some or all servers, 0
// if it reads from all.
func (t *Tier) Suspension() (number int64) {
	if !t.owed.some.Load() {
		return 0
	}
	t.owed.mu.Lock()
	defer t.owed.mu.Unlock()
	for _, n := range t.owed.suspended {
		number = max(number, n)
	}
	return number
}

// Resume ends the suspensions whose latest reason is not above the number. By then Redis must have taken all
// invalidations from before that reason.
func (t *Tier) Resume(number int64) {
	d := &t.owed
	d.mu.Lock()
	defer d.mu.Unlock()
	for server, n := range d.suspended {
		if n <= number {
			delete(d.suspended, server)
		}
	}
	d.some.Store(len(d.owed)+len(d.suspended) > 0)
}

// Settle sends some of the invalidations that Redis has not taken, unless another call does. Every read calls it; a
// process without reads has to.
func (t *Tier) Settle(ctx context.Context) {
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
	all := d.pick(most)
	left, _ := t.invalidateOnce(ctx, Intent{}, all)
	open := make(map[string]bool, len(left))
	for _, i := range left {
		open[i.Key] = true
	}
	d.paid(slices.DeleteFunc(all, func(i Invalidation) bool { return open[i.Key] }))
}

// owedOf reports which of the keys must not be read from Redis, nil if all may be, and whether none may be.
func (t *Tier) owedOf(ctx context.Context, keys []string) (owed []bool, none bool) {
	d := &t.owed
	if !d.some.Load() {
		return nil, false
	}
	owed = make([]bool, len(keys))
	d.mu.Lock()
	for i, key := range keys {
		_, owed[i] = d.owed[key]
	}
	only := t.redis.only
	none = d.suspended[nil] != 0 || only != nil && d.suspended[only] != 0
	servers := make(map[*shard]bool, len(d.suspended))
	for s := range d.suspended {
		servers[s] = true
	}
	d.mu.Unlock()
	if none || len(servers) == 0 {
		return owed, none
	}
	for _, g := range t.redis.groups(ctx, keys) {
		for _, at := range g.at {
			owed[at] = owed[at] || servers[g.shard]
		}
	}
	return owed, false
}
