package cache

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/lifecycle"
)

const (
	// maxPending is how many pending invalidations a process remembers for each server.
	maxPending = 10_000
	// sendPendingEvery is the shortest time between two attempts to send them.
	sendPendingEvery = 50 * time.Millisecond
	// maxSendPending is how many of them one attempt sends, maxSendWhileRefused how many while a server refuses writes.
	maxSendPending, maxSendWhileRefused = 1000, 10
)

// pendingInvalidation is an invalidation that Redis has not taken. epoch is the log's epoch that the version belongs to; server is the
// key's server, nil if it was not known.
type pendingInvalidation struct {
	version, epoch int64
	server         *shard
}

// pendingInvalidations holds the invalidations that Redis has not taken from this process. Until it has, the process reads these keys
// from SQL. If there are more than maxPending for one server, it reads nothing from that server. The relay sends them too.
type pendingInvalidations struct {
	mu    sync.Mutex
	byKey map[string]pendingInvalidation
	count map[*shard]int // size of byKey, by server
	// suspended maps the servers from which nothing is read to the number of the latest reason. The server nil means all.
	suspended map[*shard]int64
	last      int64 // the number of the latest reason

	// forgotten counts the reasons not to use an entry that have ended. A copy that was confirmed before may be older than the write that
	// was the reason.
	forgotten atomic.Int64

	any      atomic.Bool // whether anything is pending or suspended; spares reads the mutex
	some     lifecycle.Wake
	sending  sync.Mutex
	lastSent time.Time // under sending
}

// init makes the maps.
func (d *pendingInvalidations) init() {
	d.byKey, d.count, d.suspended = map[string]pendingInvalidation{}, map[*shard]int{}, map[*shard]int64{}
}

// clear drops all pending invalidations and suspensions.
func (d *pendingInvalidations) clear() {
	d.init()
	d.any.Store(false)
}

// add notes an invalidation that a server has not taken. Beyond maxPending it suspends the server instead.
func (d *pendingInvalidations) add(key string, version, epoch int64, server *shard) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begin()
	old, ok := d.byKey[key]
	if !ok && (d.suspended[server] != 0 || d.count[server] >= maxPending) {
		d.suspend(server)
		return
	}
	if ok {
		d.count[old.server]--
	}
	if ok && old.epoch == epoch {
		version = max(old.version, version)
	}
	d.byKey[key] = pendingInvalidation{version, epoch, server}
	d.count[server]++
}

// begin notes that something is pending or suspended from now on.
func (d *pendingInvalidations) begin() {
	if !d.any.Swap(true) {
		d.some.Signal()
	}
}

// suspend notes a reason to read nothing from a server, or from all servers if it is nil.
func (d *pendingInvalidations) suspend(server *shard) {
	d.begin()
	d.last++
	d.suspended[server] = d.last
}

// remove drops a pending invalidation.
func (d *pendingInvalidations) remove(key string) {
	d.forgotten.Add(1)
	if d.count[d.byKey[key].server]--; d.count[d.byKey[key].server] == 0 {
		delete(d.count, d.byKey[key].server)
	}
	delete(d.byKey, key)
}

func (d *pendingInvalidations) len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.byKey)
}

// sent drops invalidations that Redis has taken, unless a newer one of the same key is pending by now.
func (d *pendingInvalidations) sent(sent []Invalidation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range sent {
		if pending, ok := d.byKey[i.Key]; ok && pending.epoch == i.Epoch && pending.version <= i.Version {
			d.remove(i.Key)
		}
	}
	d.any.Store(len(d.byKey)+len(d.suspended) > 0)
}

// pick returns some of the pending invalidations, at most limit.
func (d *pendingInvalidations) pick(limit int) (all []Invalidation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, pending := range d.byKey {
		if len(all) == limit {
			break
		}
		all = append(all, Invalidation{Key: key, Version: pending.version, Epoch: pending.epoch})
	}
	return all
}

// Unsettled reports whether invalidations are pending or reads are suspended.
func (t *Tier) Unsettled() bool { return t.pending.any.Load() }

// WhenUnsettled returns what is signalled when Unsettled becomes true. Only one goroutine may wait for it.
func (t *Tier) WhenUnsettled() lifecycle.Wake { return t.pending.some }

// Suspend makes this process read nothing from Redis until Resume. It is for old entries whose keys are not known. It returns the number
// of this reason. Reads of a server are also suspended, without a call, when more than 10,000 invalidations for it are pending.
func (t *Tier) Suspend() (number int64) {
	t.pending.mu.Lock()
	defer t.pending.mu.Unlock()
	t.pending.suspend(nil)
	return t.pending.last
}

// Suspension returns the number of the latest reason why this process reads nothing from some or all servers. It returns 0 if the process
// reads from all of them.
func (t *Tier) Suspension() (number int64) {
	if !t.pending.any.Load() {
		return 0
	}
	t.pending.mu.Lock()
	defer t.pending.mu.Unlock()
	for _, n := range t.pending.suspended {
		number = max(number, n)
	}
	return number
}

// Resume ends the suspensions whose latest reason has the number or a lower one. By then Redis must have taken all invalidations from
// before that reason.
func (t *Tier) Resume(number int64) {
	d := &t.pending
	d.mu.Lock()
	defer d.mu.Unlock()
	for server, n := range d.suspended {
		if n <= number {
			d.forgotten.Add(1)
			delete(d.suspended, server)
		}
	}
	d.any.Store(len(d.byKey)+len(d.suspended) > 0)
}

// SendPending sends some of the pending invalidations, unless another call is doing so. Every read calls it; a process without reads
// must call it itself.
func (t *Tier) SendPending(ctx context.Context) {
	d := &t.pending
	if !d.any.Load() || !d.sending.TryLock() {
		return
	}
	defer d.sending.Unlock()
	if time.Since(d.lastSent) < sendPendingEvery {
		return
	}
	d.lastSent = time.Now()
	limit := maxSendPending
	if t.redis.refusing() {
		limit = maxSendWhileRefused
	}
	all := d.pick(limit)
	left, _ := t.invalidateOnce(ctx, Announcement{}, all)
	open := make(map[string]bool, len(left))
	for _, i := range left {
		open[i.Key] = true
	}
	d.sent(slices.DeleteFunc(all, func(i Invalidation) bool { return open[i.Key] }))
}

// pendingOf reports which of the keys must not be read from Redis. It returns nil if all may be read, and none is true if none may be.
func (t *Tier) pendingOf(ctx context.Context, keys []string) (pending []bool, none bool) {
	d := &t.pending
	if !d.any.Load() {
		return nil, false
	}
	pending = make([]bool, len(keys))
	d.mu.Lock()
	for i, key := range keys {
		_, pending[i] = d.byKey[key]
	}
	only := t.redis.only
	none = d.suspended[nil] != 0 || only != nil && d.suspended[only] != 0
	servers := make(map[*shard]bool, len(d.suspended))
	for s := range d.suspended {
		servers[s] = true
	}
	d.mu.Unlock()
	if none || len(servers) == 0 {
		return pending, none
	}
	for _, g := range t.redis.groups(ctx, keys) {
		for _, at := range g.at {
			pending[at] = pending[at] || servers[g.shard]
		}
	}
	return pending, false
}
