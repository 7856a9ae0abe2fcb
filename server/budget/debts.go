package budget

import (
	"hash/maphash"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"roost/internal/gcra"
)

// key names the caller who has a debt. Unused fields are zero.
type key struct {
	kind    Kind
	user    int64
	network netip.Prefix
}

// String returns the key in the store.
func (k key) String() string {
	switch k.kind {
	case User:
		return "user:" + strconv.FormatInt(k.user, 10)
	case Address:
		return "address:" + k.network.String()
	}
	return "users:" + k.network.String()
}

// debt is a caller's debt, as a node has it.
type debt struct {
	key  key
	rate gcra.Rate // set with the first spending

	mu   sync.Mutex
	ends time.Duration // when the debt ends, by Budgets.now
	// unreported are the points that were spent since the last report, the last of them at last. underWay are the points of a report that
	// has not been answered, and answered is closed when it is.
	unreported, underWay int64
	last                 time.Duration
	answered             chan struct{}
}

// now returns the debt at a time.
func (d *debt) now(at time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at(at)
}

// at is now under the lock.
func (d *debt) at(at time.Duration) time.Duration { return max(0, d.ends-at) }

// parts is how many locks there are for all debts.
const parts = 16

// debts are the debts of the callers that the node has seen last.
type debts struct {
	seed  maphash.Seed
	parts [parts]struct {
		mu    sync.Mutex
		known *simplelru.LRU[key, *debt]
	}
}

func (a *debts) init() {
	a.seed = maphash.MakeSeed()
	for i := range a.parts {
		a.parts[i].known, _ = simplelru.NewLRU[key, *debt](MaxKeys/parts, nil) // fails for sizes below 1 only
	}
}

// of returns the debt of a caller.
func (a *debts) of(k key) *debt {
	p := &a.parts[maphash.Comparable(a.seed, k)%parts]
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.known.Get(k)
	if !ok {
		d = &debt{key: k}
		p.known.Add(k, d)
	}
	return d
}

// find returns the debt of a caller, nil if the node has none.
func (a *debts) find(k key) *debt {
	p := &a.parts[maphash.Comparable(a.seed, k)%parts]
	p.mu.Lock()
	defer p.mu.Unlock()
	d, _ := p.known.Get(k)
	return d
}

// len returns how many debts are known.
func (a *debts) len() (n int) {
	for i := range a.parts {
		p := &a.parts[i]
		p.mu.Lock()
		n += p.known.Len()
		p.mu.Unlock()
	}
	return n
}
