package live

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"roost/domain/timelines"
	"roost/events"
	"roost/testkit/testtime"
)

const patience = testtime.Patience

// everybody is an audience of all who are asked about.
func everybody(_ context.Context, _ timelines.Ends, viewers []int64) ([]int64, error) {
	return viewers, nil
}

func start(t *testing.T, audience Audience) *Hub {
	t.Helper()
	h := New(audience)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

// carrier returns a function that puts events behind each other into the log and carries them to the hub.
func carrier(t *testing.T, h *Hub) func(all ...events.Event) {
	seq := h.Position()
	return func(all ...events.Event) {
		t.Helper()
		for _, e := range all {
			seq++
			h.Carry(t.Context(), []events.Entry{entry(t, int64(seq), e)})
		}
	}
}

// collect waits until so many changes have come. Their positions must grow; they are left out of the result.
func collect(t *testing.T, s *HomeSubscription, n int) (all []Change) {
	t.Helper()
	last := s.From
	defer func() {
		for i := range all {
			if all[i].At <= last {
				t.Errorf("change %d is at position %d, after one at %d", i, all[i].At, last)
			}
			last, all[i].At = all[i].At, 0
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for len(all) < n {
		got, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("%d of %d changes came: %v", len(all), n, err)
		}
		all = append(all, got...)
	}
	return all
}

func TestChangesComeInOrder(t *testing.T) {
	t.Parallel()
	h := start(t, everybody)
	carry := carrier(t, h)
	a, b := h.SubscribeHome(1), h.SubscribeHome(1)
	defer a.Close()
	var want []Change
	for i := range int64(homeBuffer) {
		if i%5 == 4 {
			carry(events.TweetDeleted{TweetID: i - 1, AuthorID: 2})
			want = append(want, Change{TweetID: i - 1, AuthorID: 2, Deleted: true})
			continue
		}
		carry(events.TweetPosted{TweetID: i, AuthorID: 2})
		want = append(want, Change{TweetID: i, AuthorID: 2})
	}
	for _, s := range []*HomeSubscription{a, b} {
		if got := collect(t, s, len(want)); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	}
	b.Close()
	carry(events.TweetPosted{TweetID: 999, AuthorID: 2})
	collect(t, a, 1)
	if len(b.queue) != 0 {
		t.Error("a closed subscription gets events")
	}
}

// Only those whom the audience names get an event; follows concern the follower alone.
func TestOnlyTheAudienceIsTold(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ context.Context, of timelines.Ends, viewers []int64) ([]int64, error) {
		return []int64{of.AuthorID + 1}, nil
	})
	carry := carrier(t, h)
	told, other := h.SubscribeHome(11), h.SubscribeHome(12)
	defer told.Close()
	defer other.Close()
	carry(events.TweetPosted{TweetID: 1, AuthorID: 10}, events.UserFollowed{FollowerID: 11, FolloweeID: 12})
	carry(events.TweetPosted{TweetID: 2, AuthorID: 11})
	if got := collect(t, other, 1); !reflect.DeepEqual(got, []Change{{TweetID: 2, AuthorID: 11}}) {
		t.Errorf("the second viewer is told %v", got)
	}
	got := collect(t, told, 1)
	if last := got[len(got)-1]; last != (Change{Reset: Rebuilt}) {
		t.Errorf("the follower is told %v, the reset is not the last", got)
	}
}

// What waits for a subscriber is bounded: beyond it one reset replaces all, and what comes after the
// subscriber took it is sent again.
func TestASlowSubscriberIsReset(t *testing.T) {
	t.Parallel()
	h := start(t, everybody)
	carry := carrier(t, h)
	slow, quick := h.SubscribeHome(1), h.SubscribeHome(2)
	defer slow.Close()
	defer quick.Close()
	for i := range int64(homeBuffer + 50) {
		carry(events.TweetPosted{TweetID: i, AuthorID: 3})
		if got := collect(t, quick, 1); !reflect.DeepEqual(got, []Change{{TweetID: i, AuthorID: 3}}) {
			t.Fatalf("the quick one got %v for tweet %d", got, i)
		}
	}
	// The quick one's viewer may get it first: wait for another event to have gone to both.
	carry(events.UserFollowed{FollowerID: 2})
	collect(t, quick, 1)
	if got := collect(t, slow, 1); !reflect.DeepEqual(got, []Change{{Reset: TooSlow}}) {
		t.Fatalf("the slow one got %d changes, first %v", len(got), got[0])
	}
	carry(events.TweetPosted{TweetID: 5000, AuthorID: 3})
	if got := collect(t, slow, 1); !reflect.DeepEqual(got, []Change{{TweetID: 5000, AuthorID: 3}}) {
		t.Errorf("after the reset came %v", got)
	}
}

// When the hub itself cannot keep up, nobody is left without a word.
// When the node itself is far behind, nobody is left without a word.
func TestSkippingResetsEverybody(t *testing.T) {
	t.Parallel()
	h := start(t, everybody)
	s := h.SubscribeHome(1)
	defer s.Close()
	h.SkipTo(70_000)
	late := h.SubscribeHome(1)
	defer late.Close()
	if got := collect(t, s, 1); got[0] != (Change{Reset: Rebuilt}) {
		t.Errorf("got %v", got)
	}
	carrier(t, h)(events.TweetPosted{TweetID: 1, AuthorID: 2})
	if got := collect(t, late, 1); got[0] != (Change{TweetID: 1, AuthorID: 2}) {
		t.Errorf("who came afterwards got %v", got)
	}
}

func TestTroubleWithTheAudienceIsToldAsReset(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("the database is away") },
		"panic": func() error { panic("a fault in the audience") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var broken atomic.Bool
			broken.Store(true)
			h := start(t, func(_ context.Context, _ timelines.Ends, viewers []int64) ([]int64, error) {
				if broken.Load() {
					return nil, fail()
				}
				return viewers, nil
			})
			s := h.SubscribeHome(1)
			defer s.Close()
			carry := carrier(t, h)
			carry(events.TweetPosted{TweetID: 1, AuthorID: 2})
			if got := collect(t, s, 1); got[0] != (Change{Reset: Rebuilt}) {
				t.Fatalf("got %v", got)
			}
			broken.Store(false)
			carry(events.TweetPosted{TweetID: 2, AuthorID: 2})
			if got := collect(t, s, 1); got[0] != (Change{TweetID: 2, AuthorID: 2}) {
				t.Errorf("afterwards came %v", got)
			}
		})
	}
}

func TestCountsMergeToTheLast(t *testing.T) {
	t.Parallel()
	h := start(t, everybody)
	s := h.SubscribeReactions([]int64{7, 8})
	defer s.Close()
	other := h.SubscribeReactions([]int64{9})
	defer other.Close()
	const last = 1000
	go func() {
		for i := range int64(last) {
			// Commits are observed in any order: each pair comes swapped.
			rev := (i ^ 1) + 1
			h.Observe([]events.Event{reacted(7, rev, rev)})
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began, pushes := time.Now(), 0
	for rev := int64(0); rev < last; pushes++ {
		got, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("after revision %d: %v", rev, err)
		}
		for _, st := range got {
			if st.TweetID != 7 || st.Likes != st.Revision {
				t.Fatalf("got %+v", st)
			}
			rev = max(rev, st.Revision)
		}
	}
	if took := time.Since(began); pushes > int(took/mergeFor)+1 {
		t.Errorf("%d changes came in %d pushes within %v", last, pushes, took)
	}
	h.Observe([]events.Event{events.TweetDeleted{TweetID: 8}, reacted(8, 0, 5)})
	if got, err := s.Next(ctx); err != nil || len(got) != 1 || !got[0].Deleted {
		t.Errorf("a deletion came as %v, %v", got, err)
	}
	if len(other.latest) != 0 {
		t.Error("counts of tweets that were not asked for came")
	}
}

func TestEndedSessionsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	h := start(t, everybody)
	a, b, other := h.WatchSession(5), h.WatchSession(5), h.WatchSession(6)
	defer other.Close()
	b.Close()
	h.Observe([]events.Event{events.SessionEnded{SessionID: 5}, events.SessionEnded{SessionID: 5}})
	select {
	case <-a.Ended():
	default:
		t.Error("the watch was not told before Observe returned")
	}
	for _, w := range []*SessionWatch{b, other} {
		select {
		case <-w.Ended():
			t.Error("a watch was told that is closed, or of another session")
		default:
		}
	}
	a.Close()
	if len(h.sessions) != 1 {
		t.Errorf("%d sessions are watched, want 1", len(h.sessions))
	}
}

// Sessions that end elsewhere, or run out, are found by looking; a fault in looking ends nothing.
func TestSessionCheckerFindsEndedSessions(t *testing.T) {
	t.Parallel()
	h := New(everybody)
	var runs atomic.Int64
	checker := h.SessionChecker(func(_ context.Context, ids []int64) ([]int64, error) {
		switch runs.Add(1) {
		case 1:
			return nil, errors.New("the database is away")
		case 2:
			panic("a fault in the check")
		}
		if len(ids) > checkChunk {
			return nil, fmt.Errorf("%d ids in one check", len(ids))
		}
		return ids[:1], nil
	})
	watches := map[int64]*SessionWatch{}
	for id := range int64(checkChunk + 10) {
		watches[id] = h.WatchSession(id)
	}
	if err := checker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ended := 0; ended < 2; {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%d sessions were told in %d checks", ended, runs.Load())
		}
		ended = 0
		for _, w := range watches {
			select {
			case <-w.Ended():
				ended++
			default:
			}
		}
	}
	if err := checker.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestStopEndsTheGoroutine(t *testing.T) {
	t.Parallel()
	h := New(everybody)
	if err := h.Stop(t.Context()); err != nil {
		t.Fatalf("stop a hub that never ran: %v", err)
	}
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.Stop(t.Context()); err != nil { // Stop waits: it hangs if the goroutine stays
		t.Fatal(err)
	}
	for range 1000 { // nobody takes them, and nobody is blocked
		h.Observe([]events.Event{reacted(1, 0, 0)})
	}
}

// reacted is a change of a tweet's reactions that this node has committed.
func reacted(tweetID, likes, revision int64) events.Event {
	return events.ReactionsChanged{TweetID: tweetID}.WithCounts(&events.TweetCounts{Likes: likes, Revision: revision})
}
