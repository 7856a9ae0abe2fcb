package events_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"roost/events"
	"roost/internal/sqldb"
)

// sweptSequencer starts a sequencer, and returns how often it has looked for events of transactions that were open for
// long.
func (r *rig) sweptSequencer(t *testing.T) (sweeps *atomic.Int64) {
	t.Helper()
	sweeps = new(atomic.Int64)
	own := open(t, sqldb.Config{URL: r.url, MaxConns: 4, Watch: func(_ context.Context, _ sqldb.Querier, query string, _ []any) {
		if strings.Contains(query, "SELECT id FROM events WHERE seq") {
			sweeps.Add(1)
		}
	}})
	start(t, events.NewSequencer(own.db, func() {}))
	return sweeps
}

// numbered waits until every committed event has its number.
func (r *rig) numbered(t *testing.T) {
	t.Helper()
	until(t, "the numbers", func() bool { return r.int(t, "SELECT COUNT(*) FROM events WHERE seq IS NULL") == 0 })
}

// A writer that pauses between its INSERT and its COMMIT is numbered before every write that begins after that commit, however much
// was written and numbered meanwhile.
func TestStalledWriterComesBeforeThoseAfterIt(t *testing.T) {
	t.Parallel()
	r := onPostgres(t)
	sweeps := r.sweptSequencer(t)
	const rounds = 3
	for round := range int64(rounds) {
		stalled, err := r.client.Tx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := events.Append(t.Context(), stalled.Client(), r.clock.Now(), events.TweetPosted{TweetID: 7, AuthorID: 2 * round}); err != nil {
			t.Fatal(err)
		}
		for end := sweeps.Load() + 4; sweeps.Load() < end; {
			r.write(t, 0, 8)
			r.numbered(t)
		}
		if err := stalled.Commit(); err != nil {
			t.Fatal(err)
		}
		r.write(t, 2*round+1, 7)
		r.numbered(t)
	}
	log, err := r.reader.After(t.Context(), 0, 1<<60, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	all := log.Entries
	next := int64(0)
	for _, e := range all {
		if e.Aggregate != 7 {
			continue
		}
		ev, err := e.Event()
		if err != nil {
			t.Fatal(err)
		}
		if n := ev.(events.TweetPosted).AuthorID; n != next {
			t.Errorf("event %d of the aggregate was committed as number %d, and comes as number %d", e.Seq, n, next)
		}
		next++
	}
	if next != 2*rounds {
		t.Errorf("%d events of the aggregate, want %d", next, 2*rounds)
	}
}
