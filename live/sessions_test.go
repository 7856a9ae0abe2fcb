package live

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"roost/domain/timelines"
	"roost/testkit/testlog"
)

// Sessions are checked five times a second, also while that fails. A database that is away is logged twice a minute.
func TestSessionCheckerWarnsRarely(t *testing.T) {
	log := testlog.Of(func() {
		synctest.Test(t, func(t *testing.T) {
			h := New(everybody)
			w := h.WatchSession(1)
			defer w.Close()
			checks := 0
			s := h.SessionChecker(func(context.Context, []int64) ([]int64, error) {
				checks++
				time.Sleep(checkEvery / 4)
				if checks <= 350 {
					return nil, errors.New("no database")
				}
				return []int64{1}, nil
			})
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			<-w.Ended()
			if took := time.Since(began); took != 350*checkEvery+checkEvery/4 {
				t.Errorf("351 checks took %s", took)
			}
			if err := s.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
	testlog.Count(t, log, `msg="open sockets' sessions could not be checked" error="no database"`, 3)
}

// A checker without sessions to check rests, and begins at once when the first one is watched.
func TestSessionCheckerRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := New(everybody)
		s := h.SessionChecker(func(_ context.Context, ids []int64) ([]int64, error) { return ids, nil })
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*unwatchedEvery + checkEvery)
		for id := range int64(3) {
			began := time.Now()
			w := h.WatchSession(id)
			<-w.Ended()
			if took := time.Since(began); took != 0 {
				t.Errorf("the check of session %d came after %s", id, took)
			}
			w.Close()
			time.Sleep(unwatchedEvery / 2)
		}
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A database that cannot report the audience of tweets is logged twice a minute, not for each tweet.
func TestAudienceWarnsRarely(t *testing.T) {
	log := testlog.Of(func() {
		synctest.Test(t, func(t *testing.T) {
			h := New(func(context.Context, timelines.Ends, []int64) ([]int64, error) { return nil, errors.New("no database") })
			for range 65 {
				h.pushToAudience(t.Context(), 1, timelines.HomeChange{AuthorID: 1}, []int64{2})
				time.Sleep(time.Second)
			}
		})
	})
	testlog.Count(t, log, "the audience of a tweet could not be read", 3)
}
