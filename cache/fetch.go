package cache

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roost/internal/admission"
	"roost/internal/faults"
)

// found is what a request has after the plain read.
type found struct {
	values  []Value
	missing []miss
}

// miss is a key of a request that was not found.
type miss struct {
	at   int
	away bool // its server was not there
}

// hits reads the keys of all requests at once.
func (t *Tier) hits(ctx context.Context, reqs []*Request) []found {
	t.Settle(ctx)
	var keys []string
	for _, req := range reqs {
		keys = append(keys, req.Keys...)
	}
	// Before Redis is asked: a debt that is paid while the answer is under way says that the answer is old.
	owed, none := t.owedOf(ctx, keys)
	all := make([]seen, len(keys))
	if !none {
		all = t.read(ctx, keys, heldOf(reqs, len(keys)))
	}
	out := make([]found, len(reqs))
	for i, req := range reqs {
		out[i].values = make([]Value, len(req.Keys))
		hits := 0
		for at := range req.Keys {
			s := all[at]
			if s.hit && (owed == nil || !owed[at]) {
				out[i].values[at] = s.value
				hits++
				continue
			}
			out[i].missing = append(out[i].missing, miss{at, s.away})
		}
		req.Kind.count.hit.Add(float64(hits))
		all = all[len(req.Keys):]
		if owed != nil {
			owed = owed[len(req.Keys):]
		}
	}
	return out
}

// heldOf joins what the requests hold; nil if they hold nothing.
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

// fetch answers the keys of a request that are missing.
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

// lead answers flights. Whatever happens to it, they end.
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

// follow waits for the fetches that readers of the process have under way for the same keys, but no longer than
// for those of other processes: one that stands still must not hold up who comes after it. It reports whether the
// caller is still there.
func (t *Tier) follow(ctx context.Context, led []*flight) bool {
	var enough <-chan time.Time
	for _, fl := range led {
		if fl.after == nil {
			continue
		}
		if enough == nil {
			timer := time.NewTimer(t.pace.escape)
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

// abandon ends what has no answer, and gives leases back.
func (t *Tier) abandon(ctx context.Context, led []*flight) {
	t.release(ctx, led)
	for _, fl := range led {
		t.flights.finish(fl, Value{}, errAbandoned)
	}
}

// release gives leases back. Without an answer of Redis they end by themselves.
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

// fetching sorts flights by what they may do in a round.
type fetching struct {
	leased, waiting []*flight
	free            []*flight            // without a lease: read SQL, tell Redis of it, do not fill
	reason          []prometheus.Counter // of free
}

func (f *fetching) unleased(fl *flight, why prometheus.Counter) {
	f.free, f.reason = append(f.free, fl), append(f.reason, why)
}

// round asks for leases, reads SQL for those that got one and those that need none, and fills. It gives
// back what must ask again.
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
			// From here the answer is there: who waits for it gets it also when this reader leaves.
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

// ask sends LEASE for all; hits end there.
func (t *Tier) ask(ctx context.Context, k *Kind, pending []*flight) *fetching {
	f := &fetching{}
	var asking []*flight
	var keys []string
	names := make([]string, len(pending))
	epoch := t.Epoch() // what is read from now on is not for a later one: the database may have been another
	for i, fl := range pending {
		names[i], fl.epoch = fl.key, epoch
	}
	owed, none := t.owedOf(ctx, names)
	for i, fl := range pending {
		if fl.away || none || owed != nil && owed[i] {
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
	replies := t.do(ctx, t.scripts.lease, keys, func(i int) (int64, []any) { return epoch, []any{asking[i].token, lease, ms(floorFor)} })
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
			f.unleased(fl, k.count.uncached) // full, read-only, without a quorum…
		case r.word == "leased":
			f.leased = append(f.leased, fl)
		case r.word == "busy" && time.Since(fl.born) < t.pace.escape:
			f.waiting = append(f.waiting, fl)
		case r.word == "busy":
			f.unleased(fl, k.count.escaped)
		case r.word == "hit" && len(r.fields) == 2:
			t.finishHit(k, fl, f, r)
		default:
			f.unleased(fl, k.count.held)
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

// fail ends a round whose SQL failed.
func (t *Tier) fail(ctx context.Context, k *Kind, f *fetching, err error) {
	all := append(f.leased[:len(f.leased):len(f.leased)], f.free...)
	k.count.failed.Add(float64(len(all)))
	t.release(ctx, f.leased)
	for _, fl := range all {
		t.flights.finish(fl, Value{}, err)
	}
}
