package events

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

// worker works on one partition of a group, in a goroutine of the node.
type worker struct {
	g         *Group
	partition int
	wake      lifecycle.Wake
	looked    atomic.Int64
	// undone means that the last look has failed, or left work that this node or another one was to do.
	undone bool
}

const (
	// turnPolls is how long a node keeps a partition that has work before another node may take it, in polls.
	turnPolls = 20
	// idlePolls is how long a partition must be idle before the node releases it early, in polls.
	idlePolls = 5
	// restShare divides a poll: the result is how long a node leaves a partition to others after its turn.
	restShare = 8
)

func (w *worker) run(ctx context.Context) {
	lifecycle.Poll{
		Look: func(ctx context.Context, woken bool) (more bool, err error) {
			if !woken && w.rests() {
				w.looked.Store(time.Now().UnixNano())
				return false, nil
			}
			w.undone = true
			return w.turn(ctx)
		},
		Pace: func() time.Duration {
			if w.rests() {
				return w.g.lookout.rest(w.g.cfg.Poll)
			}
			return w.g.cfg.Poll
		},
		Retry: retryEvery, Rest: w.g.cfg.Poll / restShare, Wake: w.wake,
		Warning: "a consumer group waits", Attrs: []any{"group", w.g.cfg.Name, "partition", w.partition},
	}.Run(ctx)
}

// rests reports whether the lookout has just seen that there is nothing to do.
func (w *worker) rests() bool { return !w.undone && w.g.lookout.idle() }

// turn takes the partition if it is free and there is something to do, works for a while, and releases it. It reports whether
// there is more to do.
func (w *worker) turn(ctx context.Context) (more bool, err error) {
	w.looked.Store(time.Now().UnixNano())
	defer func() {
		if p := recover(); p != nil {
			more, err = false, fmt.Errorf("panic: %v", p)
		}
	}()
	free, todo, err := w.todo(ctx)
	w.undone = err != nil || todo
	if err != nil || !todo || !free {
		return false, err
	}
	// A stop must not cancel this: a partition that was taken unnoticed would stay taken until the lease ends.
	l, err := w.take(context.WithoutCancel(ctx))
	if err != nil || l == nil {
		return false, err
	}
	// The lease is released even when the group stops or a batch panics.
	defer func() { err = errors.Join(err, l.release(context.WithoutCancel(ctx))) }()
	more, err = w.serve(ctx, l)
	if errors.Is(err, errLost) {
		return false, nil
	}
	return more, err
}

// serve works until the turn is over or the partition was idle for idlePolls.
func (w *worker) serve(ctx context.Context, l *lease) (more bool, err error) {
	turn := min(turnPolls*w.g.cfg.Poll, w.g.cfg.Lease/3)
	began := time.Now()
	busy := began
	for ctx.Err() == nil && time.Since(began) < turn {
		w.looked.Store(time.Now().UnixNano())
		if more, err = l.step(ctx); err != nil {
			return false, err
		}
		if more {
			busy = time.Now()
			continue
		}
		if time.Since(busy) >= idlePolls*w.g.cfg.Poll {
			return false, nil
		}
		lifecycle.Pause(ctx, w.wake, min(w.g.cfg.Poll, turn-time.Since(began)))
	}
	return more, nil
}

// todo reports whether the partition is free, and whether it has events to read or to retry. It writes nothing.
func (w *worker) todo(ctx context.Context) (free, todo bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.g.cfg.Lease)
	defer cancel()
	var position, head int64
	var due bool
	now, args := w.g.leaseNow([]any{w.g.cfg.Name, w.g.clock.Now(), w.partition, w.g.key(w.partition), w.g.owner})
	err = sqldb.ScanOne(ctx, w.g.db, "SELECT position, owner IN ('', $5) OR leased_until <= "+now+", "+headOf(w.g.db)+`,
		EXISTS(`+w.g.dueRows("1")+`) FROM group_partitions WHERE id = $4`, args, &position, &free, &head, &due)
	if err != nil {
		return false, false, fmt.Errorf("read the position: %w", err)
	}
	return free, due || head > position, nil
}

// take takes the lease of the partition, or returns nil if the partition is not free. It never waits for its owner.
func (w *worker) take(ctx context.Context) (*lease, error) {
	ctx, cancel := context.WithTimeout(ctx, w.g.cfg.Lease)
	defer cancel()
	skip := ""
	if w.g.db.IsPostgres() {
		skip = " FOR UPDATE SKIP LOCKED"
	}
	now, args := w.g.leaseNow([]any{w.g.owner, w.g.key(w.partition)})
	until, args := w.g.leaseEnd(args)
	l := &lease{g: w.g, partition: w.partition}
	err := sqldb.ScanOne(ctx, w.g.db, "UPDATE group_partitions SET owner = $1, leased_until = "+until+`
		WHERE id = (SELECT id FROM group_partitions WHERE id = $2 AND (owner IN ('', $1) OR leased_until <= `+now+")"+skip+`)
		RETURNING position, (SELECT epoch FROM log_heads WHERE id = 1)`, args, &l.position, &l.epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("take a lease: %w", err)
	}
	l.seen = l.position
	return l, nil
}
