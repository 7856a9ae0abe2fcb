package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"roost/internal/reqstats"
)

// run is the link's goroutine.
func (l *link) run() {
	timer := time.NewTimer(sweepEvery)
	defer timer.Stop()
	l.lastRead = time.Now()
	for {
		if l.untracked {
			l.pause()
			return
		}
		if l.gather() {
			b := l.take()
			l.lastRead = time.Now()
			l.exchange(b)
			continue
		}
		every := sweepEvery
		if time.Since(l.lastRead) > idleFrom {
			every = sweepIdle
		}
		timer.Reset(every)
		select {
		case <-l.wake:
		case <-timer.C:
			if time.Since(l.lastRead) > idleAfter && l.retire() {
				return
			}
			l.exchange(nil)
		case <-l.of.closed:
			l.end()
			return
		}
	}
}

// take returns the batch that gathered until now, which no reader can join from now on.
func (l *link) take() *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.next
	l.next = nil
	return b
}

// retire ends the link's work, unless a reader has come meanwhile. It reports whether it did.
func (l *link) retire() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next != nil {
		return false
	}
	l.active = false
	l.disconnect()
	return true
}

// pause ends the link's work for offFor, because the server cannot report changes.
func (l *link) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next != nil {
		l.next.fail(errNoCopies)
		l.next = nil
	}
	l.pauseTo = time.Now().Add(offFor)
	l.active, l.untracked = false, false
	l.disconnect()
}

// end ends the link's work for good. Readers that wait look their keys up without copies.
func (l *link) end() {
	if b := l.take(); b != nil {
		b.fail(errNoCopies)
	}
	l.disconnect()
}

func (b *batch) fail(err error) {
	b.err = err
	close(b.done)
}

// drop makes all copies of the server unusable.
func (l *link) drop() { l.begin(l.usable.Load().epoch) }

// begin makes all copies of the server unusable, and begins a generation of entries of an epoch.
func (l *link) begin(epoch int64) *usableCopies {
	if l.of.without.generations {
		return l.usable.Load()
	}
	next := &usableCopies{l.of.copies.generation(), epoch}
	l.usable.Store(next)
	l.of.copies.note("")
	l.of.metrics.lost.Inc()
	return next
}

func (l *link) disconnect() {
	l.drop()
	l.setConnected(false)
	if l.client != nil {
		_ = l.client.Close() // what it holds is dropped
		l.client = nil
	}
}

func (l *link) setConnected(is bool) {
	switch {
	case is && !l.connected:
		l.of.metrics.tracking.Inc()
	case !is && l.connected:
		l.of.metrics.tracking.Dec()
	}
	l.connected = is
}

// exchange sends a barrier with the keys that the batch asks for, handles the reports that arrive before the answers, and adopts the
// answers. Without a batch it only handles reports.
func (l *link) exchange(b *batch) {
	if l.moved.Swap(false) {
		l.disconnect()
	}
	var x *barrierAnswers
	err := l.of.redis.asked(context.Background(), &l.shard.breaker, func(ctx context.Context) (err error) {
		x, err = l.ask(ctx, b)
		if away(err) && !timedOut(err) && !l.untracked {
			x, err = l.ask(ctx, b) // the connection was lost: the next one begins without copies
		}
		if l.untracked {
			return nil // it has answered
		}
		return err
	})
	switch {
	case l.untracked:
		err = errNoCopies
	case err != nil:
		l.setConnected(false)
	default:
		if err = l.check(b, x); err != nil {
			l.disconnect() // a new connection may lead to another server
		}
	}
	if b == nil {
		return
	}
	l.of.metrics.readers.Add(float64(b.readers))
	if err != nil {
		b.fail(err)
		return
	}
	l.adopt(b, x)
	close(b.done)
}

// barrierAnswers are what Redis returned to a barrier.
type barrierAnswers struct {
	began   time.Time
	before  *usableCopies // the copies to which the answers belong, unless copies were dropped since
	sent    bool          // whether a command of the call was sent
	info    *redis.StringCmd
	entries []*redis.SliceCmd
	lives   []*redis.DurationCmd // nil for a key that is exempt
	last    redis.Cmder          // of the commands that were added last
}

// ask sends the commands of a batch, in one pipeline for each Redis.batch keys. INFO is the barrier: it is answered after all reports of
// changes that were made before it was sent. It also contains the role and the replication id, because a server that was demoted or
// promoted reports nothing about that.
func (l *link) ask(ctx context.Context, b *batch) (x *barrierAnswers, err error) {
	x = &barrierAnswers{began: time.Now(), before: l.usable.Load()}
	if l.client == nil {
		l.client = l.of.redis.dedicated(l.shard, l.connect)
		_ = l.client.RegisterPushNotificationHandler("invalidate", handler(l.report), true) // fails only if there is one
	}
	clear(l.reported)
	l.asking = x
	var keys []string
	if b != nil {
		keys = b.keys
	}
	x.entries, x.lives = make([]*redis.SliceCmd, len(keys)), make([]*redis.DurationCmd, len(keys))
	for from := 0; from == 0 || from < len(keys); from += l.of.redis.batch {
		last := min(from+l.of.redis.batch, len(keys))
		pipe := l.client.Pipeline()
		x.info = pipe.Info(ctx, "replication")
		if from == 0 {
			l.barrier = x.info
		}
		for i := from; i < last; i++ {
			if l.hot.exempt(keys[i], x.began) {
				pipe.Do(ctx, "client", "caching", "no") // the next command is not tracked
				x.entries[i] = pipe.HMGet(ctx, keys[i], "e", "v", "d")
				x.last = x.entries[i]
				continue
			}
			x.entries[i], x.lives[i] = pipe.HMGet(ctx, keys[i], "e", "v", "d"), pipe.PTTL(ctx, keys[i])
			x.last = x.lives[i]
		}
		if b == nil {
			l.of.metrics.sweeps.Inc()
		} else {
			l.of.metrics.barriers.Inc()
		}
		_, err := pipe.Exec(ctx)
		x.sent = true
		if err != nil && x.info.Err() != nil {
			return x, x.info.Err()
		}
		// An error of the connection also fails the last command, one that Redis returns for a command fails only that one.
		if last > 0 && away(x.last.Err()) {
			return x, x.last.Err()
		}
	}
	return x, nil
}

// arrived notes to which server a new connection leads. If that is not the server of the link, other connections may write where the link
// does not look: no copy is used until the link leads there, too.
func (r *Redis) arrived(ctx context.Context, conn *redis.Conn) error {
	info, err := conn.Info(context.WithValue(ctx, reqstats.Key{}, nil), "replication").Result() // no work of a request
	if err != nil || r.only == nil {
		return nil //nolint:nilerr // the connection's first command will fail, or its user may not ask
	}
	replid := fenceOf(info)
	r.only.replid.Store(&replid)
	if t, ok := r.coherence.(*tracked); ok && !t.without.fence {
		if l := t.link(r.only); l.replid.Load() != nil && *l.replid.Load() != replid {
			l.drop()
			l.moved.Store(true)
		}
	}
	return nil
}

// errElsewhere is returned while the link leads to another server than the newest of the other connections.
var errElsewhere = fmt.Errorf("copies are of another server: %w", ErrDown)

// isElsewhere reports whether the other connections lead to another server than the link. The id of the newest connection may be that
// of the same server before it became a primary, so one of them asks again.
func (l *link) isElsewhere(ctx context.Context, replid string) bool {
	newest := l.shard.replid.Load()
	if newest == nil || *newest == replid {
		return false
	}
	var info *redis.StringCmd
	if err := l.of.redis.pipeline(ctx, l.shard, func(p redis.Pipeliner) { info = p.Info(ctx, "replication") }); err != nil {
		return true
	}
	now := fenceOf(info.Val())
	l.shard.replid.CompareAndSwap(newest, &now)
	return now != replid
}

// check returns an error if the server is not a primary, or if the other connections lead to another one. If it is another one than
// before, or if the batch is of another epoch, the copies are dropped.
func (l *link) check(b *batch, x *barrierAnswers) error {
	replid := fenceOf(x.info.Val())
	if l.of.without.fence {
		replid = "none"
	}
	if replid == "" {
		return errNoServerEpoch
	}
	if !l.of.without.fence && l.isElsewhere(context.Background(), replid) {
		return errElsewhere
	}
	epoch := l.usable.Load().epoch
	if b != nil {
		epoch = b.epoch
	}
	if last := l.replid.Load(); last == nil || *last != replid || epoch != l.usable.Load().epoch {
		l.replid.Store(&replid)
		complete := l.usable.Load() == x.before // the answers came after the id, and no copy was dropped meanwhile
		if next := l.begin(epoch); complete {
			x.before = next
		}
	}
	return nil
}

// adopt makes copies of the entries that were asked for. A key that was reported after the barrier's answer is not adopted: the
// report may have come after the key's answer. Neither is anything adopted if a new generation has begun since the barrier was sent.
func (l *link) adopt(b *batch, x *barrierAnswers) {
	l.of.metrics.asked.Add(float64(len(b.keys)))
	fence := fenceOf(x.info.Val()) + epochSuffix(b.epoch)
	b.results = make([]readResult, len(b.keys))
	for i, key := range b.keys {
		if err := x.entries[i].Err(); err != nil {
			l.of.redis.noteMoved(context.Background(), err)
			continue
		}
		r := &b.results[i]
		r.value, r.hit = entryOf(x.entries[i].Val(), fence)
		if x.lives[i] == nil && !l.of.without.exemption {
			l.of.metrics.exempt.Inc()
			continue
		}
		ttl := time.Minute
		if x.lives[i] != nil {
			ttl = x.lives[i].Val()
		}
		if r.hit && ttl > 0 && (!l.reported[key] || l.of.without.order) && l.usable.Load() == x.before {
			l.of.metrics.adopted.Inc()
			l.of.copies.put(key, r.value, x.before.generation, monotonic(x.began.Add(ttl)))
		}
	}
}

// report handles a report of Redis: that keys have changed or, without keys, that all have. go-redis calls it in the order in which
// reports and answers arrive, in the goroutine that waits for the answers.
func (l *link) report(keys []any) {
	if len(keys) == 0 {
		l.drop()
		return
	}
	l.of.metrics.undone.Add(float64(len(keys)))
	for _, k := range keys {
		if key, ok := k.(string); ok {
			if l.barrier.Val() != "" { // otherwise the call's reads come after the change
				l.reported[key] = true
			}
			if hits, ok := l.of.copies.drop(key); ok {
				l.hot.dropped(key, hits, time.Now(), l.of.hotAfter)
			}
		}
	}
}

// connect prepares a new connection: it drops all copies of the server, because reports of the last connection may have been lost,
// and makes Redis report changes.
func (l *link) connect(ctx context.Context, conn *redis.Conn) error {
	l.drop()
	hello, err := conn.Do(ctx, "hello").Result()
	if err == nil {
		err = l.of.redis.canTrack(hello)
	}
	if err == nil {
		err = conn.Do(ctx, "client", "tracking", "on", "optout").Err()
	}
	if err == nil {
		l.setConnected(true)
		if !l.asking.sent {
			l.asking.before = l.usable.Load() // the barrier and all reads are sent on this connection
		}
		return nil
	}
	if answer := redis.Error(nil); away(err) && !errors.Is(err, errCannotTrack) || errors.As(err, &answer) && away(answer) {
		return err // it may answer the next time
	}
	l.untracked = true
	if l.warned {
		return err
	}
	l.warned = true
	slog.WarnContext(ctx, "redis does not report changes of keys, so rows are not kept in the process; this is tried again every minute",
		"server", l.shard.name(), "error", err)
	return err
}
