package cache

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roost/internal/admission"
	"roost/internal/faults"
)

// firstRead is the state of a request after the plain read of Redis.
type firstRead struct {
	values  []Value
	missing []miss
}

// miss is a key of a request that the plain read did not answer.
type miss struct {
	at   int  // index in Request.Keys
	away bool // its server is unreachable
}

// readAll looks up the keys of all requests in Redis, in one pipeline for each server.
func (t *Tier) readAll(ctx context.Context, reqs []*Request) []firstRead {
	t.SendPending(ctx)
	var keys []string
	for _, req := range reqs {
		keys = append(keys, req.Keys...)
	}
	of := t.lookup(ctx, keys)
	of.along = alongOf(reqs)
	// Looked up before Redis is asked: if a pending invalidation is sent while the answer is under way, the answer is still old.
	pending, none := t.pendingOf(ctx, keys)
	of.forgotten = t.pending.forgotten.Load()
	all := make([]readResult, len(keys))
	if !none {
		all = t.read(ctx, of, heldOf(reqs, len(keys)))
	}
	out := make([]firstRead, len(reqs))
	for i, req := range reqs {
		out[i].values, req.Copies = make([]Value, len(req.Keys)), nil
		hits, copied, until := 0, 0, int64(math.MaxInt64)
		for at := range req.Keys {
			s := all[at]
			if s.hit && (pending == nil || !pending[at]) {
				out[i].values[at] = s.value
				if s.copy != nil {
					copied++
					until = min(until, s.copy.until)
					if req.Copies == nil {
						req.Copies = make([]*Copy, len(req.Keys))
					}
					req.Copies[at] = s.copy
				} else {
					hits++
				}
				continue
			}
			out[i].missing = append(out[i].missing, miss{at, s.away})
		}
		req.Kind.count.hit.Add(float64(hits))
		req.Kind.count.copied.Add(float64(copied))
		if req.Copied = copied == len(req.Keys) && copied > 0; req.Copied {
			req.Until = processStart.Add(time.Duration(until))
		}
		all = all[len(req.Keys):]
		if pending != nil {
			pending = pending[len(req.Keys):]
		}
	}
	return out
}

// alongOf joins the requests' Along, and returns nil if no request has one.
func alongOf(reqs []*Request) (along func() []string) {
	for _, req := range reqs {
		if before := along; before == nil {
			along = req.Along
		} else if req.Along != nil {
			along = func() []string { return append(before(), req.Along()...) }
		}
	}
	return along
}

// heldOf concatenates the requests' Held, and returns nil if no request holds anything.
func heldOf(reqs []*Request, keys int) []int64 {
	var held []int64
	at := 0
	for _, req := range reqs {
		if req.Held != nil {
			if held == nil {
				held = make([]int64, keys)
			}
			copy(held[at:], req.Held)
		}
		at += len(req.Keys)
	}
	return held
}

// fetch reads the missing keys of a request. It joins fetches that other readers of this process have begun.
func (t *Tier) fetch(ctx context.Context, req *Request, missing []miss) error {
	for len(missing) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		keys, away := make([]string, len(missing)), make([]bool, len(missing))
		for i, m := range missing {
			keys[i], away[i] = req.Keys[m.at], m.away
		}
		all, made, led := t.flights.enter(keys, away)
		t.lead(ctx, req, led)
		var again []miss
		for i, fl := range all {
			if err := fl.wait(ctx); err != nil {
				return err
			}
			switch {
			case fl.err == errAbandoned:
				again = append(again, missing[i])
			case fl.err != nil:
				return fl.err
			default:
				req.Values[missing[i].at] = fl.value
				if !made[i] {
					req.Kind.count.shared.Inc()
				}
			}
		}
		missing = again
	}
	return nil
}

// lead fetches the keys of flights. The flights end in any case, also when the context ends or the loader panics.
func (t *Tier) lead(ctx context.Context, req *Request, led []*flight) {
	if len(led) == 0 {
		return
	}
	defer t.abandon(ctx, led)
	if !t.follow(ctx, led) {
		return
	}
	t.flights.start(led)
	pending := led
	for len(pending) > 0 && ctx.Err() == nil {
		pending = t.round(ctx, req, pending)
	}
}

// follow waits for fetches of the same keys that are already under way in this process. It waits no longer than it would for another
// process, so that a fetch that hangs does not block its successors. It reports whether the caller's context is still alive.
func (t *Tier) follow(ctx context.Context, led []*flight) bool {
	var enough <-chan time.Time
	for _, fl := range led {
		if fl.after == nil {
			continue
		}
		if enough == nil {
			timer := time.NewTimer(t.pace.fallback)
			defer timer.Stop()
			enough = timer.C
		}
		resume := admission.FromContext(ctx).Pause()
		select {
		case <-fl.after.done:
			fl.after = nil
		case <-enough:
			for _, fl := range led {
				fl.after = nil
			}
		case <-ctx.Done():
		}
		resume()
		if ctx.Err() != nil {
			return false
		}
	}
	return true
}

// abandon ends the flights that have no result, and releases their leases.
func (t *Tier) abandon(ctx context.Context, led []*flight) {
	t.release(ctx, led)
	for _, fl := range led {
		t.flights.finish(fl, Value{}, errAbandoned)
	}
}

// release returns unused leases. If Redis does not answer, they expire.
func (t *Tier) release(ctx context.Context, led []*flight) {
	var keys, held []string
	var epochs []int64
	for _, fl := range led {
		if !fl.ended && fl.token != "" {
			keys, held, epochs = append(keys, fl.key), append(held, fl.token), append(epochs, fl.epoch)
			fl.token = ""
		}
	}
	if len(keys) > 0 {
		t.do(context.WithoutCancel(ctx), t.scripts.release, keys, func(i int) (int64, []any) { return epochs[i], []any{held[i]} })
	}
}

// fetching groups flights by what they may do in a round.
type fetching struct {
	leased, waiting []*flight
	free            []*flight            // without a lease: they read SQL and publish the version, but do not fill
	reason          []prometheus.Counter // for each of free, the metric of why it has no lease
}

func (f *fetching) unleased(fl *flight, why prometheus.Counter) {
	f.free, f.reason = append(f.free, fl), append(f.reason, why)
}

// round asks for leases, reads SQL for the flights that got one and those that go without, and fills. It returns the flights that must
// ask again.
func (t *Tier) round(ctx context.Context, req *Request, pending []*flight) (again []*flight) {
	f := t.ask(ctx, req.Kind, pending)
	keys := make([]string, 0, len(f.leased)+len(f.free))
	for _, fl := range append(f.leased[:len(f.leased):len(f.leased)], f.free...) {
		keys = append(keys, fl.key)
	}
	if len(keys) > 0 {
		values, err := t.load(ctx, req, keys)
		if err != nil && ctx.Err() != nil {
			return nil // the reader left: others may try
		}
		if err != nil {
			t.fail(ctx, req.Kind, f, err)
		} else {
			faults.At("cache.before-fill")
			// The rows are read now: readers that wait for them get them even if this caller leaves.
			again = t.fill(context.WithoutCancel(ctx), req.Kind, f, values)
		}
	}
	if len(f.waiting) > 0 {
		req.Kind.count.waits.Add(float64(len(f.waiting)))
		resume := admission.FromContext(ctx).Pause()
		select {
		case <-time.After(t.pause(time.Since(f.waiting[0].born))):
		case <-ctx.Done():
		}
		resume()
	}
	return append(again, f.waiting...)
}

// ask sends LEASE for all flights. Flights whose key hits end here.
func (t *Tier) ask(ctx context.Context, k *Kind, pending []*flight) *fetching {
	f := &fetching{}
	var asking []*flight
	var keys []string
	names := make([]string, len(pending))
	epoch := t.Epoch() // rows read from now on belong to this epoch: in a later one the database may be another
	for i, fl := range pending {
		names[i], fl.epoch = fl.key, epoch
	}
	unsent, none := t.pendingOf(ctx, names)
	for i, fl := range pending {
		if fl.away || none || unsent != nil && unsent[i] {
			f.unleased(fl, k.count.away)
			continue
		}
		fl.token = t.tokens.next()
		asking, keys = append(asking, fl), append(keys, fl.key)
	}
	if len(keys) == 0 {
		return f
	}
	lease := ms(t.leaseFor())
	replies := t.do(ctx, t.scripts.lease, keys, func(i int) (int64, []any) { return epoch, []any{asking[i].token, lease, ms(minVersionTTL)} })
	for i, fl := range asking {
		r := replies[i]
		if r.err != nil || r.word != "leased" {
			fl.token = ""
		}
		switch {
		case r.err != nil && unusable(r.err):
			fl.away = true
			f.unleased(fl, k.count.away)
		case r.err != nil:
			f.unleased(fl, k.count.uncached) // Redis is full, read-only or lacks replicas
		case r.word == "leased":
			f.leased = append(f.leased, fl)
		case r.word == "busy" && time.Since(fl.born) < t.pace.fallback:
			f.waiting = append(f.waiting, fl)
		case r.word == "busy":
			f.unleased(fl, k.count.fallback)
		case r.word == "hit" && len(r.fields) == 2:
			t.finishHit(k, fl, f, r)
		default:
			f.unleased(fl, k.count.announced)
		}
	}
	return f
}

func (t *Tier) finishHit(k *Kind, fl *flight, f *fetching, r reply) {
	version, _ := r.fields[0].(string)
	data, _ := r.fields[1].(string)
	v, ok := valueOf(version, data)
	if !ok {
		f.unleased(fl, k.count.uncached)
		return
	}
	k.count.hit.Inc()
	t.flights.finish(fl, v, nil)
}

// fail ends the flights of a round whose SQL failed.
func (t *Tier) fail(ctx context.Context, k *Kind, f *fetching, err error) {
	all := append(f.leased[:len(f.leased):len(f.leased)], f.free...)
	k.count.failed.Add(float64(len(all)))
	t.release(ctx, f.leased)
	for _, fl := range all {
		t.flights.finish(fl, Value{}, err)
	}
}
