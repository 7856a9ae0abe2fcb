package cache

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// errNoServerEpoch is returned for a server whose epoch cannot be read, so that it cannot be used.
var errNoServerEpoch = errors.New("it is not a primary, or hides its replication id (INFO replication)")

// scanCount is how many keys Redis examines for one SCAN.
const scanCount = 1000

// Clear removes every entry. When it returns nil, nothing that was read from SQL before the call is served or filled any more. It is for
// writes that do not name their rows, such as a bulk import: call it after the commit, and again from the relay until it
// succeeds. It takes as long as the servers need to scan all their keys; ctx bounds it.
//
// Removing the entries is enough. A row that was read before the call is in an entry that exists when the scan begins, or will be
// filled under a lease that such an entry holds. SCAN returns every key that exists throughout the scan; other entries have been
// removed in the meantime.
func (t *Tier) Clear(ctx context.Context) error {
	all, err := t.redis.servers(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := t.clear(ctx, s); err != nil {
			return fmt.Errorf("clear the cache of %s: %w", s.name(), err)
		}
	}
	t.redis.coherence.forget()
	return nil
}

// errServerChanged is returned if another server took over during a scan. Entries from before it took over count as absent, but
// entries that were filled since then do not.
var errServerChanged = errors.New("another server took over")

func (t *Tier) clear(ctx context.Context, s *shard) error {
	before, err := t.fence(ctx, s)
	if err != nil {
		return err
	}
	if err := t.scanKeys(ctx, s, scanCount, func(keys []string) error { return t.unlink(ctx, s, keys) }); err != nil {
		return err
	}
	after, err := t.fence(ctx, s)
	if err == nil && before != after {
		err = errServerChanged
	}
	return err
}

// scanKeys calls each with the keys of all entries of a server, about size keys at a time. An error of each ends the scan.
func (t *Tier) scanKeys(ctx context.Context, s *shard, size int, each func(keys []string) error) error {
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		var keys []string
		if err := t.redis.asked(ctx, &s.breaker, func(ctx context.Context) (err error) {
			keys, cursor, err = s.client.Scan(ctx, cursor, EntryPrefix+"*", int64(size)).Result()
			return err
		}); err != nil {
			return err
		}
		if err := each(keys); err != nil {
			return err
		}
	}
	return nil
}

// Drop removes entries, and the copies of them in this process. That is safe at any time, as eviction does the same. On an error some
// entries may remain until their TTL ends.
func (t *Tier) Drop(ctx context.Context, keys ...string) error {
	groups := t.redis.groups(ctx, keys)
	errs := make(chan error, len(groups))
	eachGroup(groups, func(g group) {
		mine := make([]string, len(g.at))
		for i, at := range g.at {
			mine[i] = keys[at]
		}
		if g.shard == nil {
			errs <- ErrDown
		} else {
			errs <- t.unlink(ctx, g.shard, mine)
		}
	})
	close(errs)
	if c := t.redis.copies; c != nil { // Redis does not report keys that it does not have
		for _, key := range keys {
			c.drop(key)
		}
	}
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// unlink removes keys with one command each, so that it works on a cluster.
func (t *Tier) unlink(ctx context.Context, s *shard, keys []string) error {
	for len(keys) > t.redis.batch {
		if err := t.unlink(ctx, s, keys[:t.redis.batch]); err != nil {
			return err
		}
		keys = keys[t.redis.batch:]
	}
	if len(keys) == 0 {
		return nil
	}
	defer t.redis.coherence.changing(keys)()
	cmds := make([]*redis.IntCmd, len(keys))
	err := t.redis.pipeline(ctx, s, func(p redis.Pipeliner) {
		for i, key := range keys {
			cmds[i] = p.Unlink(ctx, key)
		}
	})
	for _, cmd := range cmds {
		if err == nil {
			err = cmd.Err()
		}
	}
	return err
}

// fence reads a server's part of the fence, its replication id.
func (t *Tier) fence(ctx context.Context, s *shard) (fence string, err error) {
	if t.redis.Embedded() {
		return embeddedFence, nil
	}
	err = t.redis.asked(ctx, &s.breaker, func(ctx context.Context) error {
		info, err := s.client.Info(ctx, "replication").Result()
		fence = fenceOf(info)
		return err
	})
	if err == nil && fence == "" {
		err = errNoServerEpoch
	}
	return fence, err
}

// Probe checks every server: it must be a primary, accept scripts, and return the same replication id to commands and to scripts. It
// loads the scripts. A server that is unreachable is no error.
func (t *Tier) Probe(ctx context.Context) error {
	all, err := t.redis.servers(ctx)
	if err != nil {
		return nil
	}
	for _, s := range all {
		if err := t.probe(ctx, s); err != nil {
			return fmt.Errorf("redis %s cannot be used as a cache: %w", s.name(), err)
		}
	}
	return nil
}

func (t *Tier) probe(ctx context.Context, s *shard) error {
	if err := t.loadScripts(ctx, s); err != nil {
		return ignoreAway(err)
	}
	if t.redis.Embedded() {
		return nil
	}
	fence, err := t.fence(ctx, s)
	if err != nil {
		return ignoreAway(err)
	}
	var got any
	if err := t.redis.asked(ctx, &s.breaker, func(ctx context.Context) (err error) {
		got, err = s.client.Eval(ctx, probeText, nil).Result()
		return err
	}); err != nil {
		return ignoreAway(err)
	}
	if got != fence {
		return fmt.Errorf("scripts see the replication id %v, commands %s", got, fence)
	}
	return nil
}

// loadScripts loads the scripts on a server, so that their first uses take one round trip.
func (t *Tier) loadScripts(ctx context.Context, s *shard) error {
	return t.redis.pipeline(ctx, s, func(p redis.Pipeliner) {
		for _, script := range []script{t.scripts.lease, t.scripts.fill, t.scripts.invalidate, t.scripts.intend, t.scripts.release} {
			p.ScriptLoad(ctx, script.text)
		}
	})
}

func ignoreAway(err error) error {
	if err != errNoServerEpoch && unusable(err) {
		return nil
	}
	return err
}

const probeText = `return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')`
