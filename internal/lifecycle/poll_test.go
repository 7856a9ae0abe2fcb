package lifecycle_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"roost/internal/lifecycle"
	"roost/testkit/testlog"
)

// looks runs a poll in a bubble of its own time, and returns when it looked, in seconds from its start.
func looks(t *testing.T, p lifecycle.Poll, signals []time.Duration, until time.Duration) (at []float64, woken []bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), until)
		defer cancel()
		began := time.Now()
		look := p.Look
		p.Look = func(ctx context.Context, w bool) (bool, error) {
			at, woken = append(at, time.Since(began).Seconds()), append(woken, w)
			return look(ctx, w)
		}
		p.Wake = lifecycle.NewWake()
		for _, after := range signals {
			time.AfterFunc(after, p.Wake.Signal)
		}
		p.Run(ctx)
	})
	return at, woken
}

func equal(t *testing.T, got []float64, want ...float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("looked at %v, want %v", got, want)
	}
	for i := range want {
		if d := got[i] - want[i]; d < -0.001 || d > 0.001 {
			t.Fatalf("looked at %v, want %v", got, want)
		}
	}
}

// A poll looks at its intervals, at once when it is woken, and again at once while there is more.
func TestPoll(t *testing.T) {
	more := 2
	at, woken := looks(t, lifecycle.Poll{Every: 10 * time.Second, Retry: time.Second,
		Look: func(context.Context, bool) (bool, error) { more--; return more >= 0, nil }}, []time.Duration{4 * time.Second}, 25*time.Second)
	equal(t, at, 0, 0, 0, 4, 14, 24)
	for i, w := range woken {
		if w != (i == 3) {
			t.Errorf("look %d: woken %v", i, w)
		}
	}
}

// After a failure, or a part of the work, signals do not shorten the wait; they are kept for the next one.
func TestPollPauses(t *testing.T) {
	n := 0
	at, _ := looks(t, lifecycle.Poll{Every: 100 * time.Second, Retry: 7 * time.Second, Rest: 3 * time.Second,
		Look: func(context.Context, bool) (bool, error) {
			n++
			return n == 2, map[bool]error{true: errors.New("no database")}[n == 1]
		}}, []time.Duration{time.Second, 2 * time.Second}, 50*time.Second)
	equal(t, at, 0, 7, 10, 10)
}

// Looks that signals lead to are apart, and one look is the answer to all signals until it begins.
func TestPollsApart(t *testing.T) {
	at, woken := looks(t, lifecycle.Poll{Every: 20 * time.Second, Apart: 5 * time.Second,
		Look: func(context.Context, bool) (bool, error) { time.Sleep(time.Second); return false, nil }},
		[]time.Duration{8 * time.Second, 10 * time.Second, 12 * time.Second, 14 * time.Second}, 45*time.Second)
	equal(t, at, 0, 8, 13, 18, 39)
	if want := []bool{false, true, true, true, false}; !slices.Equal(woken, want) {
		t.Errorf("woken %v, want %v", woken, want)
	}
}

// A poll that fails again and again says so twice a minute, with its attributes; its end is no failure.
func TestPollWarns(t *testing.T) {
	var at []float64
	log := testlog.Of(func() {
		at, _ = looks(t, lifecycle.Poll{Every: time.Second, Retry: time.Second, Warning: "nothing is drained", Attrs: []any{"queue", "tally"},
			Look: func(context.Context, bool) (bool, error) { return false, errors.New("no database") }}, nil, 70*time.Second)
	})
	if len(at) != 70 && len(at) != 71 {
		t.Errorf("looked %d times", len(at))
	}
	testlog.Count(t, log, `msg="nothing is drained" queue=tally error="no database"`, 3)
	testlog.Count(t, log, "\n", 3)
}

// A steady poll counts its times from the beginning of each look. After one that took longer it looks again at once.
func TestSteadyPoll(t *testing.T) {
	n := 0
	at, _ := looks(t, lifecycle.Poll{Every: 5 * time.Second, Retry: 3 * time.Second, Steady: true,
		Look: func(context.Context, bool) (bool, error) {
			n++
			took := []time.Duration{2, 7, 0, 1, 1}[n-1]
			time.Sleep(took * time.Second)
			return false, map[bool]error{true: errors.New("no database")}[n == 4]
		}}, nil, 24*time.Second)
	equal(t, at, 0, 5, 12, 17, 20)
	n = 0
	at, _ = looks(t, lifecycle.Steadily(4*time.Second, "nothing is drained", func(context.Context) error {
		n++
		time.Sleep(time.Second)
		return map[bool]error{true: errors.New("no database")}[n == 2]
	}), nil, 14*time.Second)
	equal(t, at, 0, 4, 8, 12)
}

// A throttle lets one warning pass in 30 seconds, whenever the first one comes.
func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var warnings lifecycle.Throttle
		passed := map[int]bool{}
		for second := range 95 {
			if second > 3 && second != 34 && warnings.Allow() {
				passed[second] = true
			}
			time.Sleep(time.Second)
		}
		if want := map[int]bool{4: true, 35: true, 65: true}; !maps.Equal(passed, want) {
			t.Errorf("warnings passed at %v, want %v", passed, want)
		}
	})
}
