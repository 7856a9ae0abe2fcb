package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"roost/bench/rig"
)

const (
	// idleFor is how long an idle node is measured.
	idleFor = time.Minute
	// settleFor is how long the node is left alone first: it rests when the log has not grown for 10 s.
	settleFor = 15 * time.Second
)

// idle prints what a node and its stores need while nobody asks anything, and what the stores need without the node.
func idle(ctx context.Context, s *Settings) (err error) {
	r, err := rig.New(ctx, rig.Config{Progress: say, Small: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.Baseline.Stop(); err != nil {
		return err
	}
	settle, measured := settleFor, idleFor
	if s.short {
		settle, measured = s.Warm, s.Duration
	}
	say("leaving the node alone for %s", settle+measured)
	if err := wait(ctx, settle); err != nil {
		return err
	}
	with, err := whileIdle(ctx, r.Roost, measured)
	if err != nil {
		return err
	}
	if err := r.Roost.Stop(); err != nil {
		return err
	}
	say("measuring the stores without the node for %s", measured)
	without, err := storesAlone(ctx, r, measured)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	second := measured.Seconds()
	perSecond := func(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000/second) }
	_, _ = fmt.Fprint(t, "a second of\tnode\tPostgreSQL\tRedis\tstatements\tRedis commands\t\n")
	_, _ = fmt.Fprintf(t, "an idle node\t%s\t%s\t%s\t%.2f\t%.2f\t\n", perSecond(with.Server), perSecond(with.Postgres), perSecond(with.Redis),
		float64(with.statements)/second, float64(with.commands)/second)
	_, _ = fmt.Fprintf(t, "the stores alone\t\t%s\t\t\t\t\n", perSecond(without.Postgres))
	return t.Flush()
}

// idleUsage is what was used between two readings.
type idleUsage struct {
	rig.Usage
	statements, commands int64
}

// whileIdle reads what a target uses in a time.
func whileIdle(ctx context.Context, t *rig.Target, d time.Duration) (u idleUsage, err error) {
	before, err := readIdle(ctx, t)
	if err != nil {
		return u, err
	}
	if err := wait(ctx, d); err != nil {
		return u, err
	}
	after, err := readIdle(ctx, t)
	if err != nil {
		return u, err
	}
	return idleUsage{after.Usage.Sub(before.Usage), after.statements - before.statements, after.commands - before.commands}, nil
}

// readIdle reads what a target and its stores have used and done so far. Each transaction counts as one statement. Its own two
// statements are among them, and PostgreSQL may count those of the last second later.
func readIdle(ctx context.Context, t *rig.Target) (u idleUsage, err error) {
	const query = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
	if err := t.DB.QueryRowContext(ctx, query).Scan(&u.statements); err != nil {
		return u, fmt.Errorf("count transactions: %w", err)
	}
	if u.commands, err = t.RedisCommands(ctx); err != nil {
		return u, err
	}
	u.Usage, err = t.Usage()
	return u, err
}

// storesAlone reads what PostgreSQL uses in a time.
func storesAlone(ctx context.Context, r *rig.Rig, d time.Duration) (u rig.Usage, err error) {
	before, err := r.Usage()
	if err != nil {
		return u, err
	}
	if err := wait(ctx, d); err != nil {
		return u, err
	}
	after, err := r.Usage()
	return after.Sub(before), err
}

// wait returns when a time has passed, or when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
