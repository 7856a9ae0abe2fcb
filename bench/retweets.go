package main

import (
	"context"
	"errors"

	"roost/bench/layout"
	"roost/bench/ops"
	"roost/bench/report"
)

// retweets measures home pages on which a tenth of the entries are retweets, in a closed loop. Roost then has other stores, with
// the same data and the retweets, so that all other operations are measured without retweets.
func (b *bench) retweets(ctx context.Context) (m *report.Measurement, err error) {
	say("adding retweets to a copy of the database")
	op, sessions, err := b.world.HomeRetweets(ctx, b.rig.Second.DB)
	if err != nil {
		return nil, err
	}
	rdb, err := b.rig.Baseline.Redis()
	if err != nil {
		return nil, err
	}
	err = layout.FillRetweets(ctx, b.rig.Second.DB, rdb, sessions)
	if err := errors.Join(err, rdb.Close()); err != nil {
		return nil, err
	}
	if err := b.rig.Swap(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err == nil { // otherwise the log of this Roost explains why
			err = b.rig.Swap(ctx)
		}
	}()
	say("checking the answers of both with retweets against SQL")
	if err := ops.Check(ctx, b.world, []ops.Operation{op}, server(b.rig.Roost), server(b.rig.Baseline)); err != nil {
		return nil, err
	}
	return b.operation(ctx, op, report.Closed)
}
