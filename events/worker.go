package events

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"roost/internal/lifecycle"
)

// worker is the goroutine of a node that looks after one part of a group.
type worker struct {
	g      *Group
	part   int
	wake   lifecycle.Wake
	looked atomic.Int64
}

// A turn is how long a node keeps a part that has work, before others may have it. Both figures are in
// polls: a turn, and how long the part must have been idle before it is given back early.
const (
	turnPolls = 20
	idlePolls = 5
	// restShare of a poll is how long a node keeps off a part after its turn.
	restShare = 8
)

func (w *worker) run(ctx context.Context) {
	lifecycle.Poll{
		Look:  func(ctx context.Context, _ bool) (bool, error) { return w.turn(ctx) },
		Every: w.g.cfg.Poll, Retry: retryEvery, Rest: w.g.cfg.Poll / restShare, Wake: w.wake,
		Warning: "a consumer group waits", Attrs: []any{"group", w.g.cfg.Name, "part", w.part},
	}.Run(ctx)
}

// turn takes the part if it is free and there is something to do, works for a while, and gives it back.
// It reports whether there is more.
func (w *worker) turn(ctx context.Context) (more bool, err error) {
	w.looked.Store(time.Now().UnixNano())
	defer func() {
		if p := recover(); p != nil {
			more, err = false, fmt.Errorf("panic: %v", p)
		}
	}()
	todo, err := w.todo(ctx)
	if err != nil || !todo {
		return false, err
	}
	// Not to be cut off by a stop: nobody would know whether the part was taken, and it would stay so.
	l, err := w.take(context.WithoutCancel(ctx))
	if err != nil || l == nil {
		return false, err
	}
	// The lease is given back even when the group stops or a batch panicked.
	defer func() { err = errors.Join(err, l.release(context.WithoutCancel(ctx))) }()
	more, err = w.serve(ctx, l)
	if errors.Is(err, errLost) {
		return false, nil
	}
	return more, err
}

// serve works until the turn is over or nothing came for a while.
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

// todo reports whether the part is free and has unread or waiting events, without writing anything.
func (w *worker) todo(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, w.g.cfg.Lease)
	defer cancel()
	var position, head int64
	var free, due bool
	now, args := w.g.leaseNow([]any{w.g.cfg.Name, w.g.clock.Now(), w.part, w.g.key(w.part), w.g.owner})
	err := scan(ctx, w.g.db, "SELECT position, owner IN ('', $5) OR leased_until <= "+now+", "+headOf(w.g.db)+", EXISTS("+w.g.dueRows("1")+`)
		FROM group_parts WHERE id = $4`, args, &position, &free, &head, &due)
	if err != nil {
		return false, fmt.Errorf("read the position: %w", err)
	}
	return free && (due || head > position), nil
}

// take takes the lease of the part, or returns nil if it is not free. It never waits for somebody who works on the part.
func (w *worker) take(ctx context.Context) (*lease, error) {
	ctx, cancel := context.WithTimeout(ctx, w.g.cfg.Lease)
	defer cancel()
	skip := ""
	if w.g.db.IsPostgres() {
		skip = " FOR UPDATE SKIP LOCKED"
	}
	now, args := w.g.leaseNow([]any{w.g.owner, w.g.key(w.part)})
	until, args := w.g.leaseEnd(args)
	rows, err := w.g.db.QueryContext(ctx, "UPDATE group_parts SET owner = $1, leased_until = "+until+` WHERE id = (SELECT id FROM group_parts
		WHERE id = $2 AND (owner IN ('', $1) OR leased_until <= `+now+")"+skip+") RETURNING position, (SELECT epoch FROM log_heads WHERE id = 1)", args...)
	if err != nil {
		return nil, fmt.Errorf("take a lease: %w", err)
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return nil, rows.Err()
	}
	l := &lease{g: w.g, part: w.part}
	if err := rows.Scan(&l.position, &l.epoch); err != nil {
		return nil, fmt.Errorf("take a lease: %w", err)
	}
	l.seen = l.position
	return l, rows.Close()
}
