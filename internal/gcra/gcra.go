// Package gcra is the arithmetic of the generic cell rate algorithm (ITU-T I.371; Traffic management in ATM networks), with
// costs. A caller has a debt: the time until all of its budget can be spent again. Each spending adds to the debt the time in
// which the budget earns as much, and the debt shrinks as time passes. A caller can pay what leaves its debt within the window.
//
// All durations are whole microseconds, so that Redis, which calculates with floating point, gets the same results.
package gcra

import "time"

// Rate is a budget of Limit points in each Window. Both are positive, and a limit has at most 31 bits.
type Rate struct {
	Limit  int64
	Window time.Duration
}

// Cost returns what spending points adds to a debt, rounded up.
func (r Rate) Cost(points int64) time.Duration {
	whole, rest := points/r.Limit, points%r.Limit
	micros := whole*r.Window.Microseconds() + (rest*r.Window.Microseconds()+r.Limit-1)/r.Limit
	return time.Duration(micros) * time.Microsecond
}

// Allows reports whether a caller with a debt can pay points. What costs nothing can always be paid.
func (r Rate) Allows(debt time.Duration, points int64) bool {
	return points <= 0 || debt+r.Cost(points) <= r.Window
}

// Left returns how many points a caller with a debt can pay, at least 0.
func (r Rate) Left(debt time.Duration) int64 {
	free := min(r.Window, r.Window-debt).Microseconds()
	return max(0, free) * r.Limit / r.Window.Microseconds()
}

// Wait returns how long a caller with a debt has to wait until it can pay points: 0 if it can now. More points than the limit can
// never be paid; for them it returns the time until the debt is 0.
func (r Rate) Wait(debt time.Duration, points int64) time.Duration {
	if r.Allows(debt, points) {
		return 0
	}
	return debt + r.Cost(min(points, r.Limit)) - r.Window
}

// Entry is a spending that is added to the debt of a key.
type Entry struct {
	// Key names the debt.
	Key string
	// Cost is what the spending adds.
	Cost time.Duration
	// Age is how long ago it was made. The debt shrinks from then on.
	Age time.Duration
	// Least is a debt that the caller is known to have, the spending included.
	Least time.Duration
	// Most bounds the debt.
	Most time.Duration

	// Debt is the result: the debt with the spending.
	Debt time.Duration
	// Err is set instead of Debt if the spending could not be added.
	Err error
}

// Add returns a debt with the spending of an entry added. It says what the script of package cache does.
func (e *Entry) Add(debt time.Duration) time.Duration {
	debt = max(debt, -e.Age) + e.Cost
	return min(max(debt, e.Least, 0), e.Most)
}
