package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Invalidation says that a transaction has left a row at a version.
type Invalidation struct {
	Kind    *Kind
	Key     string
	Version int64
	// Epoch is that of the log of which the transaction is part, as of before its commit; 0 is the current one.
	Epoch int64
}

// Intent is the announcement of a transaction. The zero Intent is none.
type Intent struct {
	id    string
	keys  []string
	epoch int64
}

// Intend announces, before a transaction commits, that it changes rows of which not even a moment's
// stale read is allowed: until Invalidate or Withdraw, at most for IntentFor, reads of the keys go to
// SQL and nothing is filled. The transaction must end within that time. On an error some keys are not
// announced: the write may go on, with the window between commit and invalidation that others have.
func (t *Tier) Intend(ctx context.Context, keys ...string) (Intent, error) {
	in := Intent{id: t.tokens.next(), keys: keys, epoch: t.Epoch()}
	replies := t.do(ctx, t.scripts.intend, keys, func(int) (int64, []any) {
		return in.epoch, []any{in.id, ms(IntentFor), ms(floorFor)}
	})
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
	t.do(ctx, t.scripts.invalidate, in.keys, func(int) (int64, []any) { return in.epoch, []any{0, in.id, ms(floorFor)} })
}

// Invalidate makes sure, after a commit and before it is acknowledged, that nothing older than the
// versions is served from now on, and ends the intent. Repeating it is harmless: an entry that is not
// older stays. It tries for up to a second, but only once a server that is away or has refused everything for that
// long. On an error some keys may be stale on other nodes until their invalidation is repeated from the log; this node
// reads them from SQL until Redis has taken it.
func (t *Tier) Invalidate(ctx context.Context, in Intent, all ...Invalidation) error {
	for _, key := range in.keys {
		if !slices.ContainsFunc(all, func(i Invalidation) bool { return i.Key == key }) {
			all = append(all, Invalidation{Key: key, Epoch: in.epoch}) // ends the intent, no more
		}
	}
	for _, i := range all {
		if i.Version < 0 || i.Version > MaxVersion {
			return fmt.Errorf("cache: %s has version %d", i.Key, i.Version)
		}
	}
	// Whoever waits for this may leave; what is committed must be told all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invalidateTimeout)
	defer cancel()
	left, err := t.invalidateOnce(ctx, in, all)
	for len(left) > 0 && ctx.Err() == nil && !errors.Is(err, errHopeless) {
		select {
		case <-time.After(tryEvery):
		case <-ctx.Done():
		}
		left, err = t.invalidateOnce(ctx, in, left)
	}
	t.owe(ctx, left)
	if len(left) > 0 {
		return fmt.Errorf("%d of %d invalidations not taken by Redis: %w", len(left), len(all), err)
	}
	return nil
}

// owe notes what Redis has not taken.
func (t *Tier) owe(ctx context.Context, left []Invalidation) {
	keys := make([]string, len(left))
	for at, i := range left {
		keys[at] = i.Key
		if i.Kind != nil {
			i.Kind.count.unsent.Inc()
		}
	}
	for _, g := range t.redis.groups(context.WithoutCancel(ctx), keys) {
		for _, at := range g.at {
			t.owed.add(keys[at], left[at].Version, cmp.Or(left[at].Epoch, t.Epoch()), g.shard)
		}
	}
}

// errHopeless marks errors of servers that need not be asked again now: they are away, or have refused all
// invalidations for a while.
var errHopeless = errors.New("redis is not asked again")

// invalidateOnce sends INVALIDATE and returns what Redis did not take, with the last error. It is errHopeless if trying
// again is of no use for any of them.
func (t *Tier) invalidateOnce(ctx context.Context, in Intent, all []Invalidation) (left []Invalidation, err error) {
	now, hope := time.Now(), false
	for i, r := range t.invalidations(ctx, in, all) {
		if r.err == nil {
			continue
		}
		left, err = append(left, all[i]), r.err
		hope = hope || !errors.Is(r.err, ErrDown) && !(r.from != nil && r.from.refuses(invalidateTimeout, now))
	}
	if len(left) > 0 && !hope {
		err = errors.Join(errHopeless, err)
	}
	return left, err
}

// invalidations sends INVALIDATE.
func (t *Tier) invalidations(ctx context.Context, in Intent, all []Invalidation) []reply {
	keys := make([]string, len(all))
	for i := range all {
		keys[i] = all[i].Key
	}
	current := t.Epoch()
	replies := t.do(ctx, t.scripts.invalidate, keys, func(i int) (int64, []any) {
		return cmp.Or(all[i].Epoch, current), []any{all[i].Version, in.id, ms(floorFor)}
	})
	now := time.Now()
	for i, r := range replies {
		if r.from != nil && !unusable(r.err) && r.word != "current" && r.word != "unkept" { // those write nothing
			r.from.wrote(r.err == nil, now)
		}
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
