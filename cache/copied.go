package cache

import (
	"context"
	"math"
	"time"
)

// usableNow says which copies a read may use. copies is nil if it may use none.
type usableNow struct {
	copies     *copies
	generation uint64
	// confirmed reports that the copies are right in the read's moment. Otherwise they are once a barrier was taken.
	confirmed bool
}

// fromCopies answers requests from copies in the process, without their keys' names: those of which every key has a copy. It returns the
// others. If a barrier is needed and a copy is missing, it leaves all requests to a read that takes the barrier together with the keys that
// are missing.
func (t *Tier) fromCopies(ctx context.Context, reqs []*Request) (rest []*Request) {
	if !anyIDs(reqs) {
		return reqs
	}
	of := t.lookup(ctx, nil)
	// Looked up before the copies, as by other reads. Which keys are pending is found by their names.
	if t.pending.any.Load() {
		return reqs
	}
	of.forgotten = t.pending.forgotten.Load()
	now := t.redis.coherence.copiesFor(of)
	if now.copies == nil {
		return reqs
	}
	rest = now.look(reqs)
	if !now.confirmed {
		if len(rest) > 0 || !t.redis.coherence.settle(ctx, of) {
			return reqs
		}
		if now = t.redis.coherence.copiesFor(of); now.copies == nil {
			return reqs
		}
		rest = now.look(reqs) // the barrier confirms what is still a copy
	}
	for _, req := range reqs {
		if req.Copies != nil {
			req.answered()
		}
	}
	return rest
}

// anyIDs reports whether the keys of a request have IDs. It forgets what an earlier call of Load has found.
func anyIDs(reqs []*Request) (any bool) {
	for _, req := range reqs {
		req.Copies = nil
		any = any || req.Count > 0
	}
	return any
}

// look sets the Copies of the requests that have all of them, and returns the other requests.
func (n usableNow) look(reqs []*Request) (rest []*Request) {
	now := monotonic(time.Now())
	for _, req := range reqs {
		if !n.lookAll(req, now) {
			req.Copies = nil
			rest = append(rest, req)
		}
	}
	return rest
}

func (n usableNow) lookAll(req *Request, now int64) bool {
	if req.Count == 0 {
		return false
	}
	if req.Copies == nil {
		req.Copies = make([]*Copy, req.Count)
	}
	for i := range req.Copies {
		if req.Copies[i] = n.copies.getID(req.ID(i), n.generation, now); req.Copies[i] == nil {
			return false
		}
	}
	return true
}

// answered sets the results of a request of which every key has a copy.
func (r *Request) answered() {
	until := int64(math.MaxInt64)
	for _, c := range r.Copies {
		until = min(until, c.until)
	}
	r.Values, r.Err, r.Missing, r.Left = nil, nil, 0, 0
	r.Copied, r.Until = true, processStart.Add(time.Duration(until))
	r.Kind.count.copied.Add(float64(len(r.Copies)))
}

// Len returns the number of keys.
func (r *Request) Len() int { return max(len(r.Keys), r.Count) }

// nameAll has the keys of requests named.
func nameAll(reqs []*Request) {
	for _, req := range reqs {
		if req.Name != nil && req.Keys == nil {
			req.Name()
		}
	}
}

// Unconfirmed returns the copy of a key, which may be out of date, or nil.
func (t *Tier) Unconfirmed(id ID) *Copy {
	if t.bypassed {
		return nil
	}
	now := t.redis.coherence.copiesFor(lookup{epoch: t.Epoch()})
	if now.copies == nil {
		return nil
	}
	return now.copies.getID(id, now.generation, math.MinInt64)
}
