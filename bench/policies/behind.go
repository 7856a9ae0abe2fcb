package policies

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// flushEvery is how often write-behind writes rows; tests of schedules set their own.
	flushEvery = 50 * time.Millisecond
	// maxBuffered is the most changes that the buffer holds. Writers wait while it is full.
	maxBuffered = 10_000
)

// behind is write-behind. A write is acknowledged when the cache and the buffer have it.
type behind struct {
	*plain
	locks locks

	mu      sync.Mutex
	waiting map[int64][]int64 // changes by key, in order
	writing map[int64][]int64 // those on their way
	n       int
	room    sync.Cond // of mu: the buffer was flushed

	ctx    context.Context // of the flusher
	cancel context.CancelFunc
	done   chan struct{}
	failed error // of the flusher; before done is closed
}

func openBehind(n node) (Policy, error) {
	p, err := openPlain(n)
	if err != nil {
		return nil, err
	}
	b := &behind{plain: p, waiting: map[int64][]int64{}, done: make(chan struct{})}
	b.room.L = &b.mu
	b.ctx, b.cancel = context.WithCancel(context.Background())
	go b.run()
	return b, nil
}

// run flushes until the node stops.
func (b *behind) run() {
	defer close(b.done)
	tick := time.NewTicker(b.node.flush)
	defer tick.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-tick.C:
			if err := b.flush(b.ctx); err != nil && b.ctx.Err() == nil {
				b.failed = err
			}
		}
	}
}

// flush writes the buffered changes. Those that fail are buffered again.
func (b *behind) flush(ctx context.Context) error {
	b.mu.Lock()
	all, n := b.waiting, b.n
	b.waiting, b.writing, b.n = map[int64][]int64{}, all, 0
	b.mu.Unlock()
	if n == 0 {
		return nil
	}
	err := b.table.writeAll(ctx, all)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writing = nil
	if err != nil {
		for key, later := range b.waiting {
			all[key] = append(all[key], later...)
		}
		b.waiting, b.n = all, b.n+n
	}
	b.room.Broadcast()
	return err
}

// Read reads the cache, then this node's buffer, then SQL.
func (b *behind) Read(ctx context.Context, key int64) (int64, error) {
	if change, ok, err := b.get(ctx, key); ok || err != nil {
		return change, err
	}
	l := b.locks.of(key)
	l.Lock()
	defer l.Unlock()
	if change, ok, err := b.get(ctx, key); ok || err != nil {
		return change, err
	}
	if change, ok := b.buffered(key); ok {
		return change, b.set(ctx, key, change)
	}
	return b.fill(ctx, key)
}

// buffered returns the last change of a key that is not written to SQL yet.
func (b *behind) buffered(key int64) (int64, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, all := range []map[int64][]int64{b.waiting, b.writing} {
		if changes := all[key]; len(changes) > 0 {
			return changes[len(changes)-1], true
		}
	}
	return 0, false
}

// Write changes the cache and the buffer.
func (b *behind) Write(ctx context.Context, key, change int64) error {
	l := b.locks.of(key)
	l.Lock()
	defer l.Unlock()
	if err := b.set(ctx, key, change); err != nil {
		return err
	}
	if err := b.betweenSteps(ctx, key); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.n >= maxBuffered && b.ctx.Err() == nil {
		b.room.Wait()
	}
	if err := b.ctx.Err(); err != nil {
		return err
	}
	b.waiting[key] = append(b.waiting[key], change)
	b.n++
	return nil
}

// Stop writes the rest of the buffer and stops the node.
func (b *behind) Stop(ctx context.Context) error {
	b.end()
	return errors.Join(b.failed, b.flush(ctx), b.client.Close())
}

// Die stops the node and loses the buffer.
func (b *behind) Die() error {
	b.end()
	return b.client.Close()
}

// end stops the flusher and unblocks writers that wait for it.
func (b *behind) end() {
	b.cancel()
	<-b.done
	b.mu.Lock()
	b.room.Broadcast()
	b.mu.Unlock()
}
