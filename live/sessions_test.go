package live

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Sessions are checked five times a second, also while that fails. A database that is away is logged twice a minute.
func TestSessionCheckerWarnsRarely(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
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
	const line = `msg="open sockets' sessions could not be checked" error="no database"`
	if n := strings.Count(log.String(), line); n != 3 {
		t.Errorf("350 failures in 70 seconds are logged %d times, want 3:\n%s", n, &log)
	}
}

// A database that cannot report the audience of tweets is logged twice a minute, not for each tweet.
func TestAudienceWarnsRarely(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	synctest.Test(t, func(t *testing.T) {
		h := New(func(context.Context, int64, []int64) ([]int64, error) { return nil, errors.New("no database") })
		for range 65 {
			h.pushToAudience(t.Context(), Change{AuthorID: 1}, []int64{2})
			time.Sleep(time.Second)
		}
	})
	if n := strings.Count(log.String(), "the audience of a tweet could not be read"); n != 3 {
		t.Errorf("65 failures in 65 seconds are logged %d times, want 3:\n%s", n, &log)
	}
}
