package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"roost/bench/load"
	"roost/bench/ops"
	"roost/bench/report"
)

const (
	// Writes a second in the rows with writes.
	growthTweets, growthReactions = 50, 500
	// writers are the connections of each kind of writes.
	writers = 8
	// few and many viewers.
	fewViewers, manyViewers = 2_000, 20_000
)

// growthGroup is a group of viewers whose pages are measured.
type growthGroup struct {
	name    string
	viewers []ops.Viewer
}

// growth measures home pages of viewers who follow few people and many, and of few viewers and many, without writes and with them.
func (b *bench) growth(ctx context.Context) (*report.Growth, error) {
	out := &report.Growth{Tweets: growthTweets, Reactions: growthReactions}
	groups, err := b.growthGroups(ctx)
	if err != nil {
		return nil, err
	}
	authors := groups[len(groups)-1].viewers
	for _, writes := range []bool{false, true} {
		end := func() error { return nil }
		if writes {
			if end, err = b.write(ctx, authors); err != nil {
				return nil, err
			}
		}
		for _, g := range groups {
			say("growth, %s, writes: %v", g.name, writes)
			row, err := b.grown(ctx, g)
			if err != nil {
				return nil, errors.Join(err, end())
			}
			row.Writes = writes
			out.Rows = append(out.Rows, row)
		}
		if err := end(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// growthGroups draws the groups, the largest last.
func (b *bench) growthGroups(ctx context.Context) ([]growthGroup, error) {
	db := b.rig.Roost.DB
	few, err := ops.DrawFollowing(ctx, db, 25, 35, b.Viewers)
	if err != nil {
		return nil, err
	}
	// Those who follow most: in the data that tests import up to 1,801 people.
	many, err := ops.DrawFollowing(ctx, db, 1, 1<<30, max(b.Viewers/16, 1))
	if err != nil {
		return nil, err
	}
	all, err := ops.DrawMany(ctx, db, manyViewers)
	if err != nil {
		return nil, err
	}
	return []growthGroup{{report.FewFollowed, few}, {report.ManyFollowed, many}, {report.FewViewers, all[:min(fewViewers, len(all))]},
		{report.ManyViewers, all}}, nil
}

// write has random users tweet and react until end is called.
func (b *bench) write(ctx context.Context, users []ops.Viewer) (end func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 2)
	const forever = 24 * time.Hour
	for rate, traffic := range map[float64]load.Traffic{growthTweets: ops.TweetsOf(users), growthReactions: b.world.ReactionsOf(users)} {
		pool, err := load.NewPool(ctx, b.rig.Roost.Addr, writers, traffic)
		if err != nil {
			cancel()
			return nil, err
		}
		go func() {
			_, err := pool.Open(ctx, rate, forever)
			if ctx.Err() != nil {
				err = nil // it was to end
			}
			done <- errors.Join(err, pool.Close())
		}()
	}
	return func() error {
		cancel()
		return errors.Join(<-done, <-done)
	}, nil
}

// grown measures a closed loop of a group's pages, after each of its viewers has read a page twice.
func (b *bench) grown(ctx context.Context, g growthGroup) (row report.GrowthRow, err error) {
	row.Name, row.Viewers = g.name, len(g.viewers)
	for range 2 {
		pool, err := load.NewPool(ctx, b.rig.Roost.Addr, b.Connections, b.world.PassOf(g.viewers))
		if err != nil {
			return row, err
		}
		_, err = pool.Pass(ctx, len(g.viewers))
		if err := errors.Join(err, pool.Close()); err != nil {
			return row, err
		}
	}
	pool, err := load.NewPool(ctx, b.rig.Roost.Addr, b.Connections, b.world.HomesOf(g.viewers).Roost)
	if err != nil {
		return row, err
	}
	defer func() { _ = pool.Close() }()
	before, err := b.copiesOf(ctx)
	if err != nil {
		return row, err
	}
	w, err := openWindow(ctx, b.rig.Roost, b.Duration, nil)
	if err != nil {
		return row, err
	}
	r, err := pool.Closed(ctx, 2*b.Duration)
	used, usedErr := w.close()
	after, afterErr := b.copiesOf(ctx)
	if err := errors.Join(err, usedErr, afterErr); err != nil {
		return row, err
	}
	pages := float64(r.Latency.Count())
	row.PerSecond = pages / r.Elapsed.Seconds()
	row.Micros = float64(used.All()) / float64(time.Microsecond) / pages
	if reads := after.reads - before.reads; reads > 0 {
		row.Copies = (after.copied - before.copied) / reads
	}
	row.MiB = after.bytes / (1 << 20)
	return row, nil
}

// copiesUse is what a node's metrics say about its copies.
type copiesUse struct{ reads, copied, bytes float64 }

// copiesOf reads the metrics of Roost.
func (b *bench) copiesOf(ctx context.Context) (u copiesUse, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.rig.Roost.Admin+"/metrics", nil)
	if err != nil {
		return u, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if !strings.HasPrefix(name, "roost_cache_reads_total{") && name != "roost_copies_bytes" {
			continue
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return u, fmt.Errorf("a metric: %w", err)
		}
		switch {
		case name == "roost_copies_bytes":
			u.bytes = n
		case strings.Contains(name, `outcome="copy"`):
			u.copied += n
			u.reads += n
		default:
			u.reads += n
		}
	}
	return u, lines.Err()
}
