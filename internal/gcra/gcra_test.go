package gcra_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"roost/internal/gcra"
)

// Whatever is asked for, and however it is spread over time, no span of time has more points than the limit and what is earned in the
// span; and what is left can be paid, but not a point more.
func TestSpendingStaysWithinTheBudget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := gcra.Rate{
			Limit:  rapid.Int64Range(1, 1<<31-1).Draw(t, "limit"),
			Window: time.Duration(rapid.Int64Range(1, 120_000_000).Draw(t, "window")) * time.Microsecond,
		}
		var debt, now time.Duration
		type paid struct {
			at     time.Duration
			points int64
		}
		var all []paid
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			step := time.Duration(rapid.Int64Range(0, r.Window.Microseconds()/2).Draw(t, "step")) * time.Microsecond
			now, debt = now+step, max(0, debt-step)
			left := r.Left(debt)
			if !r.Allows(debt, left) || r.Allows(debt, left+2) {
				t.Fatalf("%+v with a debt of %s: %d are left", r, debt, left)
			}
			points := rapid.Int64Range(0, r.Limit).Draw(t, "points")
			if !r.Allows(debt, points) {
				wait := r.Wait(debt, points)
				if wait <= 0 || !r.Allows(debt-wait, points) || r.Allows(debt-wait+time.Microsecond, points) {
					t.Fatalf("%+v with a debt of %s: %d points after %s", r, debt, points, wait)
				}
				continue
			}
			debt += r.Cost(points)
			all = append(all, paid{now, points})
		}
		for i := range all {
			sum := int64(0)
			for _, p := range all[i:] {
				sum += p.points
				earned := float64(p.at-all[i].at) / float64(r.Window) * float64(r.Limit)
				if float64(sum) > (float64(r.Limit)+earned)*(1+1e-9) {
					t.Fatalf("%d points within %s of %+v", sum, p.at-all[i].at, r)
				}
			}
		}
	})
}

// A budget can be spent whole at once, and then as fast as it comes back.
func TestWholeBudget(t *testing.T) {
	t.Parallel()
	r := gcra.Rate{Limit: 600, Window: time.Minute}
	if !r.Allows(0, 600) || r.Allows(0, 601) || r.Left(0) != 600 || r.Left(time.Minute) != 0 || r.Left(2*time.Minute) != 0 {
		t.Error("the whole budget, and no more, is there at the beginning")
	}
	if got := r.Wait(time.Minute, 5); got != 500*time.Millisecond {
		t.Errorf("5 of 600 points a minute are there after %s", got)
	}
	if got := r.Wait(time.Minute, 601); got != time.Minute {
		t.Errorf("for more than the limit: %s", got)
	}
	if !r.Allows(2*time.Minute, 0) {
		t.Error("what costs nothing was refused")
	}
}

// Add counts a spending from the time at which it was made, and never goes below what is known or above what is possible.
func TestAdd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		debt time.Duration
		e    gcra.Entry
		want time.Duration
	}{
		{0, gcra.Entry{Cost: 5, Most: 100}, 5},
		{10, gcra.Entry{Cost: 5, Most: 100}, 15},
		{10, gcra.Entry{Cost: 5, Age: 3, Most: 100}, 15},
		{-10, gcra.Entry{Cost: 5, Age: 3, Most: 100}, 2},
		{-1, gcra.Entry{Cost: 5, Age: 3, Most: 100}, 4},
		{0, gcra.Entry{Cost: 5, Age: 9, Most: 100}, 5}, // a debt that ends now had not ended then
		{-20, gcra.Entry{Cost: 5, Age: 9, Most: 100}, 0},
		{0, gcra.Entry{Cost: 5, Least: 50, Most: 100}, 50},
		{99, gcra.Entry{Cost: 5, Most: 100}, 100},
	} {
		if got := c.e.Add(c.debt); got != c.want {
			t.Errorf("%+v to %d: %d, want %d", c.e, c.debt, got, c.want)
		}
	}
}
