package live

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/dbtest"
	"roost/internal/sqldb"
)

// Whoever watches counts reads them again when the node has skipped events.
func TestSkippingCountsIsTold(t *testing.T) {
	t.Parallel()
	h := start(t, everybody)
	s := h.SubscribeCounts([]int64{7, 8})
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s.push(State{TweetID: 7, Revision: 3}) // not the last one any more
	h.SkipTo(70_000)
	got, err := s.Next(ctx)
	if err != nil || len(got) != 2 || !got[0].Unknown || !got[1].Unknown {
		t.Errorf("got %+v, %v", got, err)
	}
	h.Observe([]events.Event{events.ReactionSet{TweetID: 8, LikeCount: 1, Revision: 1}})
	if got, err := s.Next(ctx); err != nil || len(got) != 1 || got[0] != (State{TweetID: 8, Likes: 1, Revision: 1}) {
		t.Errorf("afterwards came %+v, %v", got, err)
	}
}

// tailed is a log and a hub that is fed from it when the test says so.
type tailed struct {
	db     *sqldb.DB
	client *ent.Client
	now    *clock.Fake
	hub    *Hub
	tail   *Tail
}

func newTailed(t *testing.T, watch sqldb.Watch) *tailed {
	t.Helper()
	db := dbtest.Open(t, sqldb.Config{File: dbtest.File(t), Watch: watch})
	l := &tailed{db: db, client: ent.NewClient(ent.Driver(db.Driver)), now: clock.NewFake(time.Now()), hub: start(t, everybody)}
	l.tail = NewTail(l.hub, events.NewReader(db))
	return l
}

func (l *tailed) post(t *testing.T, tweets ...int64) {
	t.Helper()
	for _, id := range tweets {
		if err := events.Append(t.Context(), l.client, l.now.Now(), events.TweetPosted{TweetID: id, AuthorID: 1}); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *tailed) catchUp(t *testing.T) {
	t.Helper()
	if err := l.tail.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// While nobody waits for anything events are not even read; who comes then misses nothing that is still to
// happen, whatever they wait for.
func TestNobodyWatchesTheLog(t *testing.T) {
	t.Parallel()
	var reads atomic.Int64
	l := newTailed(t, func(_ context.Context, _ sqldb.Querier, query string, _ []any) {
		if strings.Contains(query, "payload") && strings.HasPrefix(query, "SELECT") {
			reads.Add(1)
		}
	})
	for position, watch := range []func() (unwatch func()){
		func() func() { return l.hub.SubscribeHome(5).Close },
		func() func() { return l.hub.SubscribeCounts([]int64{7}).Close },
		func() func() { return l.hub.WatchSession(9).Close },
	} {
		l.post(t, 11)
		l.catchUp(t)
		if at := l.hub.Position(); at != int64(2*position+1) || reads.Load() != int64(position) {
			t.Errorf("nobody watches: at %d after %d reads", at, reads.Load())
		}
		unwatch := watch()
		l.post(t, 12)
		l.catchUp(t)
		if at := l.hub.Position(); at != int64(2*position+2) || reads.Load() != int64(position+1) {
			t.Errorf("somebody watches: at %d after %d reads", at, reads.Load())
		}
		unwatch()
	}
	l.post(t, 13)
	l.catchUp(t)
	s := l.hub.SubscribeHome(5)
	defer s.Close()
	l.post(t, 14)
	l.catchUp(t)
	if got := collect(t, s, 1); got[0].TweetID != 14 {
		t.Errorf("who came after tweet 13 is told of %+v", got)
	}
}

// A node that slept for longer than events are kept says that some are missing, and goes on with the rest.
func TestTailBehindRetention(t *testing.T) {
	t.Parallel()
	l := newTailed(t, nil)
	s := l.hub.SubscribeHome(5)
	defer s.Close()
	l.post(t, 11)
	l.catchUp(t)
	l.post(t, 12, 13)
	l.now.Add(events.DefaultKeep + time.Hour)
	l.post(t, 14, 15)
	if n, err := events.NewCleaner(l.client, l.db, l.now, 0).Clean(t.Context()); err != nil || n != 3 {
		t.Fatalf("%d events were removed: %v", n, err)
	}
	l.catchUp(t)
	for i, got := range collect(t, s, 3) {
		// The reset stands for what waited before it, too.
		if want := []Change{{Reset: Rebuilt}, {TweetID: 14, AuthorID: 1}, {TweetID: 15, AuthorID: 1}}[i]; got != want {
			t.Errorf("change %d is %+v, want %+v", i, got, want)
		}
	}
}
