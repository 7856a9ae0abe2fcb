package live

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"roost/ent"
	"roost/ent/migrations"
	"roost/events"
	"roost/internal/clock"
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

// A node that slept for longer than events are kept says that some are missing, and goes on with the rest.
func TestTailBehindRetention(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := sqldb.Open(ctx, sqldb.Config{File: filepath.Join(t.TempDir(), "roost.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := migrations.CreateSQLite(ctx, db.Driver); err != nil {
		t.Fatal(err)
	}
	client := ent.NewClient(ent.Driver(db.Driver))
	now := clock.NewFake(time.Now())
	post := func(tweets ...int64) {
		t.Helper()
		for _, id := range tweets {
			if err := events.Append(ctx, client, now.Now(), events.TweetPosted{TweetID: id, AuthorID: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	h := start(t, everybody)
	tail := NewTail(h, events.NewReader(db))
	catchUp := func() {
		t.Helper()
		if err := tail.catchUp(ctx); err != nil {
			t.Fatal(err)
		}
	}
	s := h.SubscribeHome(5)
	defer s.Close()
	post(11)
	catchUp()
	post(12, 13)
	now.Add(events.DefaultKeep + time.Hour)
	post(14, 15)
	if n, err := events.NewCleaner(client, db, now, 0).Clean(ctx); err != nil || n != 3 {
		t.Fatalf("%d events were removed: %v", n, err)
	}
	catchUp()
	for i, got := range collect(t, s, 3) {
		// The reset stands for what waited before it, too.
		if want := []Change{{Reset: Rebuilt}, {TweetID: 14, AuthorID: 1}, {TweetID: 15, AuthorID: 1}}[i]; got != want {
			t.Errorf("change %d is %+v, want %+v", i, got, want)
		}
	}
}
