package cache

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// fill stores what was read under leases and ends the flights whose fill was accepted. What was read
// without one, or came too late for it, is told to Redis before it is returned: else a fill of an older
// version, under way elsewhere, could be served after it.
func (t *Tier) fill(ctx context.Context, k *Kind, f *fetching, values []Value) (again []*flight) {
	var tell []told
	for i, fl := range f.free {
		tell = append(tell, told{fl, values[len(f.leased)+i], f.reason[i]})
	}
	var filling []told
	var keys []string
	for i, fl := range f.leased {
		if len(values[i].Data) > MaxData {
			tell = append(tell, told{fl, values[i], k.count.uncached})
			continue
		}
		filling, keys = append(filling, told{fl, values[i], k.count.filled}), append(keys, fl.key)
	}
	replies := t.do(ctx, t.scripts.fill, keys, func(i int) (int64, []any) {
		v := filling[i].value
		return filling[i].epoch, []any{filling[i].token, v.Version, v.Data, ms(k.lives(v))}
	})
	for i, x := range filling {
		r := replies[i]
		switch {
		case r.err != nil && unusable(r.err):
			x.away, x.why = true, k.count.away
			tell = append(tell, x)
		case r.err != nil:
			x.why = k.count.uncached
			tell = append(tell, x)
		case r.word == "filled":
			x.token = ""
			x.why.Inc()
			t.flights.finish(x.flight, x.value, nil)
		default:
			x.token = ""
			if r.word == "old" {
				k.count.oldVersion.Inc()
			} else {
				k.count.lostLease.Inc()
			}
			if time.Since(x.born) < t.pace.escape || r.word == "old" && x.isBehind() {
				again = append(again, x.flight)
				continue
			}
			x.why = k.count.escaped
			tell = append(tell, x)
		}
	}
	return append(again, t.tell(ctx, k, tell)...)
}

// isBehind counts a value that is older than what Redis has been told, and says whether to read again.
func (fl *flight) isBehind() bool {
	fl.behind++
	return fl.behind <= behindMost
}

// told is a value that was not filled.
type told struct {
	*flight
	value Value
	why   prometheus.Counter
}

// tell sends INVALIDATE with the version read, and ends the flights. Without Redis they end so. It gives
// back those that turn out to be behind.
func (t *Tier) tell(ctx context.Context, k *Kind, all []told) (again []*flight) {
	var telling []*flight
	var send []Invalidation
	for _, x := range all {
		// The version of a value from another epoch means nothing in this one.
		if !x.away && x.epoch == t.Epoch() {
			telling = append(telling, x.flight)
			send = append(send, Invalidation{Kind: k, Key: x.key, Version: x.value.Version, Epoch: x.epoch})
		}
	}
	behind := map[*flight]bool{}
	if len(send) > 0 {
		for i, r := range t.invalidations(ctx, Intent{}, send) {
			if len(r.fields) != 1 {
				continue
			}
			if floor, ok := valueOf(r.fields[0].(string), ""); ok && floor.Version > send[i].Version {
				behind[telling[i]] = telling[i].isBehind()
			}
		}
	}
	t.release(ctx, telling)
	for _, x := range all {
		if behind[x.flight] {
			again = append(again, x.flight)
			continue
		}
		x.why.Inc()
		t.flights.finish(x.flight, x.value, nil)
	}
	return again
}
