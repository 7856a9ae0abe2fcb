package cache

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// fill stores the rows that were read under leases, and ends the flights whose fill was accepted. The versions of all other rows are
// published before the rows are returned. Otherwise a fill of an older version, under way elsewhere, could be served later. It
// returns the flights that must ask again.
func (t *Tier) fill(ctx context.Context, k *Kind, f *fetching, values []Value) (again []*flight) {
	var rest []unfilled
	for i, fl := range f.free {
		rest = append(rest, unfilled{fl, values[len(f.leased)+i], f.reason[i]})
	}
	var filling []unfilled
	var keys []string
	for i, fl := range f.leased {
		if len(values[i].Data) > MaxData {
			rest = append(rest, unfilled{fl, values[i], k.count.uncached})
			continue
		}
		filling, keys = append(filling, unfilled{fl, values[i], k.count.filled}), append(keys, fl.key)
	}
	replies := t.do(ctx, t.scripts.fill, keys, func(i int) (int64, []any) {
		v := filling[i].value
		return filling[i].epoch, []any{filling[i].token, v.Version, v.Data, ms(k.lifetime(v))}
	})
	for i, x := range filling {
		r := replies[i]
		switch {
		case r.err != nil && unusable(r.err):
			x.away, x.counter = true, k.count.away
			rest = append(rest, x)
		case r.err != nil:
			x.counter = k.count.uncached
			rest = append(rest, x)
		case r.word == "filled":
			x.token = ""
			x.counter.Inc()
			t.flights.finish(x.flight, x.value, nil)
		default:
			x.token = ""
			if r.word == "old" {
				k.count.oldVersion.Inc()
			} else {
				k.count.lostLease.Inc()
			}
			if time.Since(x.born) < t.pace.fallback || r.word == "old" && x.isBehind() {
				again = append(again, x.flight)
				continue
			}
			x.counter = k.count.fallback
			rest = append(rest, x)
		}
	}
	return append(again, t.publish(ctx, k, rest)...)
}

// isBehind counts that SQL returned a version below the entry's minimum version. It reports whether to read again.
func (fl *flight) isBehind() bool {
	fl.behind++
	return fl.behind <= maxRereads
}

// unfilled is a value that was read from SQL and not cached.
type unfilled struct {
	*flight
	value   Value
	counter prometheus.Counter
}

// publish sends INVALIDATE with the versions read and completes the flights. If Redis is unreachable it completes them without
// sending. It returns the flights whose version turns out to be below the entry's minimum version; they must ask again.
func (t *Tier) publish(ctx context.Context, k *Kind, all []unfilled) (again []*flight) {
	var publishing []*flight
	var send []Invalidation
	for _, x := range all {
		// The version of a value from another epoch means nothing in this one.
		if !x.away && x.epoch == t.Epoch() {
			publishing = append(publishing, x.flight)
			send = append(send, Invalidation{Kind: k, Key: x.key, Version: x.value.Version, Epoch: x.epoch})
		}
	}
	behind := map[*flight]bool{}
	if len(send) > 0 {
		for i, r := range t.invalidations(ctx, Announcement{}, send) {
			if len(r.fields) != 1 {
				continue
			}
			if minVersion, ok := valueOf(r.fields[0].(string), ""); ok && minVersion.Version > send[i].Version {
				behind[publishing[i]] = publishing[i].isBehind()
			}
		}
	}
	t.release(ctx, publishing)
	for _, x := range all {
		if behind[x.flight] {
			again = append(again, x.flight)
			continue
		}
		x.counter.Inc()
		t.flights.finish(x.flight, x.value, nil)
	}
	return again
}
