package ops

import (
	"context"
	"fmt"
	"sync/atomic"

	"roost/bench/load"
)

// minChanges is the least part of the writes that must change something. A write that changes nothing costs less.
const minChanges = 0.9

// Writes watches whether the writes of an operation change a server's data.
type Writes struct {
	server Server
	op     Operation
	before int64
	asked  atomic.Int64
}

// Watch begins to watch. The operation must be the only one that writes.
func Watch(ctx context.Context, s Server, op Operation) (*Writes, error) {
	w := &Writes{server: s, op: op}
	var err error
	w.before, err = w.revisions(ctx)
	return w, err
}

// Count counts the requests of some traffic.
func (w *Writes) Count(t load.Traffic) load.Traffic {
	source := t.Source
	t.Source = func(i, n int) load.Source {
		next := source(i, n)
		return func(buf []byte) []byte {
			w.asked.Add(1)
			return next(buf)
		}
	}
	return t
}

// Check fails if too few of the writes have changed anything.
func (w *Writes) Check(ctx context.Context) error {
	if !w.op.Writes {
		return nil
	}
	now, err := w.revisions(ctx)
	if err != nil {
		return err
	}
	asked, changed := w.asked.Load(), now-w.before
	if float64(changed) < minChanges*float64(asked)-float64(w.op.Settles) {
		return fmt.Errorf("%s: of %d writes only %d changed anything", w.server.Name, asked, changed)
	}
	return nil
}

// revisions is how many changes of reactions there were.
func (w *Writes) revisions(ctx context.Context) (n int64, err error) {
	if w.op.Writes {
		err = w.server.DB.QueryRowContext(ctx, "SELECT coalesce(sum(revision), 0)::bigint FROM "+tweetCounts+" AS s").Scan(&n)
	}
	return n, err
}
