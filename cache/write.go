package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Invalidation names a row that a transaction has changed, and the version at which it left the row.
type Invalidation struct {
	Kind    *Kind
	Key     string
	Version int64
	// Data is the row at exactly Version, in the encoding of its kind, if the writer has read it; "" otherwise. It must be read from the
	// primary, and Invalidate be called at once: the time until then is added to the time for which it may be served. An entry that holds an
	// older row then holds this one. In all other cases, and if Data is longer than MaxData, it changes nothing. It needs a Kind.
	Data string
	// Epoch is the number of the log's epoch from before the transaction's commit; 0 means the current one.
	Epoch int64
}

// Announcement identifies an announced transaction. The zero Announcement announces nothing.
type Announcement struct {
	id    string
	keys  []string
	epoch int64
}

// Announce announces a transaction before it commits, so that its rows are not served stale even for a moment. Until Invalidate or
// Withdraw, and at most for AnnouncementTTL, reads of the keys go to SQL and nothing is filled. The transaction must end within that
// time. On an error some keys are not announced: the write may go on, and these keys may be read stale between commit and
// invalidation.
func (t *Tier) Announce(ctx context.Context, keys ...string) (Announcement, error) {
	in := Announcement{id: t.tokens.next(), keys: keys, epoch: t.Epoch()}
	replies := t.do(ctx, t.scripts.intend, keys, func(int) (int64, []any) {
		return in.epoch, []any{in.id, ms(AnnouncementTTL), ms(minVersionTTL)}
	})
	var errs []error
	for i, r := range replies {
		if r.err != nil {
			errs = append(errs, fmt.Errorf("announce a change of %s: %w", keys[i], r.err))
		}
	}
	return in, errors.Join(errs...)
}

// Withdraw ends the announcement of a transaction that has not committed. If Redis does not answer, the announcement expires.
func (t *Tier) Withdraw(ctx context.Context, in Announcement) {
	t.do(ctx, t.scripts.invalidate, in.keys, func(int) (int64, []any) { return in.epoch, []any{0, in.id, ms(minVersionTTL)} })
}

// Invalidate ensures that nothing older than the versions is served from now on, and ends the announcement. Entries with older rows lose
// them, or get the Data of their Invalidation instead. It runs after the commit and
// before the write is acknowledged. Repeating it is harmless: entries at the version or above stay. It tries for up to a second,
// but only once if the server is unreachable or has refused everything for a second. On an error some keys may be stale on other
// nodes until their invalidation is repeated from the log; this node reads them from SQL until Redis has taken it.
func (t *Tier) Invalidate(ctx context.Context, in Announcement, all ...Invalidation) error {
	for _, key := range in.keys {
		if !slices.ContainsFunc(all, func(i Invalidation) bool { return i.Key == key }) {
			all = append(all, Invalidation{Key: key, Epoch: in.epoch}) // ends the announcement, no more
		}
	}
	for _, i := range all {
		if i.Version < 0 || i.Version > MaxVersion {
			return fmt.Errorf("cache: %s is invalidated at version %d, outside 0 to %d", i.Key, i.Version, int64(MaxVersion))
		}
	}
	// The caller may leave, but the transaction is committed and its rows must be invalidated.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invalidateTimeout)
	defer cancel()
	left, err := t.invalidateOnce(ctx, in, all)
	for len(left) > 0 && ctx.Err() == nil && !errors.Is(err, errNoRetry) {
		select {
		case <-time.After(tryEvery):
		case <-ctx.Done():
		}
		left, err = t.invalidateOnce(ctx, in, left)
	}
	t.addPending(ctx, left)
	if len(left) > 0 {
		return fmt.Errorf("%d of %d invalidations not taken by Redis: %w", len(left), len(all), err)
	}
	return nil
}

// addPending notes invalidations that Redis has not taken.
func (t *Tier) addPending(ctx context.Context, left []Invalidation) {
	keys := make([]string, len(left))
	for at, i := range left {
		keys[at] = i.Key
		if i.Kind != nil {
			i.Kind.count.unsent.Inc()
		}
	}
	for _, g := range t.redis.groups(context.WithoutCancel(ctx), keys) {
		for _, at := range g.at {
			t.pending.add(keys[at], left[at].Version, cmp.Or(left[at].Epoch, t.Epoch()), g.shard)
			if t.noteDrop != nil {
				t.noteDrop(keys[at])
			}
		}
	}
}

// errNoRetry marks an error after which another attempt is of no use: the servers are unreachable, or have refused all invalidations
// for a while.
var errNoRetry = errors.New("another attempt would not help")

// invalidateOnce sends INVALIDATE and returns the invalidations that Redis did not take, with the last error. That is errNoRetry if
// another attempt is of no use for any of them.
func (t *Tier) invalidateOnce(ctx context.Context, in Announcement, all []Invalidation) (left []Invalidation, err error) {
	now, hope := time.Now(), false
	for i, r := range t.invalidations(ctx, in, all) {
		if r.err == nil {
			continue
		}
		left, err = append(left, all[i]), r.err
		hope = hope || !errors.Is(r.err, ErrDown) && !(r.from != nil && r.from.refuses(invalidateTimeout, now))
	}
	if len(left) > 0 && !hope {
		err = errors.Join(errNoRetry, err)
	}
	return left, err
}

// invalidations sends INVALIDATE and counts the outcomes.
func (t *Tier) invalidations(ctx context.Context, in Announcement, all []Invalidation) []reply {
	keys := make([]string, len(all))
	for i := range all {
		keys[i] = all[i].Key
	}
	current := t.Epoch()
	replies := t.do(ctx, t.scripts.invalidate, keys, func(n int) (int64, []any) {
		i, args := all[n], []any{all[n].Version, in.id, ms(minVersionTTL)}
		if i.Kind != nil && i.Data != "" && len(i.Data) <= MaxData {
			args = append(args, i.Data, ms(i.Kind.lifetime(Value{Version: i.Version})))
		}
		return cmp.Or(i.Epoch, current), args
	})
	now := time.Now()
	for i, r := range replies {
		if r.from != nil && !unusable(r.err) && r.word != "current" && r.word != "unkept" { // these replies write nothing
			r.from.wrote(r.err == nil, now)
		}
		k := all[i].Kind
		if k == nil || r.err != nil {
			continue
		}
		switch r.word {
		case "dropped":
			k.count.dropped.Inc()
		case "updated":
			k.count.updated.Inc()
		case "current":
			k.count.current.Inc()
		default:
			k.count.raised.Inc()
		}
	}
	return replies
}
