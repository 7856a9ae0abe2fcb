package accounts

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"roost/internal/errs"
)

// crowd takes turns one at a time, in the order in which they are called.
type crowd struct {
	t     *testing.T
	turns *turns
	calls chan call
	now   func() // leaves the turn that is taken
}

// call is the outcome of waiting: whose it is, and what ended it.
type call struct {
	who   origin
	leave func()
	err   error
}

// newCrowd has the only turn taken.
func newCrowd(t *testing.T, maxWaiting, maxEach int) *crowd {
	c := &crowd{t: t, turns: newTurns(1, maxWaiting, maxEach), calls: make(chan call, 1000)}
	leave, err := c.turns.take(t.Context(), origin{"first", "first"})
	if err != nil {
		t.Fatal(err)
	}
	c.now = leave
	return c
}

// join has one wait, and returns when it does, or has been refused.
func (c *crowd) join(ctx context.Context, address, account string) {
	who := origin{address, account}
	before := c.turns.load()
	go func() {
		leave, err := c.turns.take(ctx, who)
		c.calls <- call{who, leave, err}
	}()
	for c.turns.load() == before {
		runtime.Gosched()
	}
}

// next ends the turn and gives whose the next one is.
func (c *crowd) next() origin {
	c.t.Helper()
	c.now()
	got := <-c.calls
	if got.err != nil {
		c.t.Fatalf("%v was refused: %v", got.who, got.err)
	}
	c.now = got.leave
	return got.who
}

// refused gives who was refused, with what.
func (c *crowd) refused() (origin, errs.Kind) {
	c.t.Helper()
	got := <-c.calls
	if got.err == nil {
		c.t.Fatalf("%v got a turn", got.who)
	}
	return got.who, errs.KindOf(got.err)
}

// Whoever is alone waits for a few turns, however many wait for an address, or for an account, that is not theirs.
func TestTurnsGoRound(t *testing.T) {
	t.Parallel()
	for name, flooder := range map[string]func(i int) origin{
		"one address, one account":   func(int) origin { return origin{"flood", "victim"} },
		"one address, many accounts": func(i int) origin { return origin{"flood", fmt.Sprint("account", i)} },
		"many addresses, one account": func(i int) origin {
			return origin{fmt.Sprint("address", i), "victim"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const flooders, honest = 200, 20
			c := newCrowd(t, 1000, 1000)
			for i := range flooders {
				who := flooder(i)
				c.join(t.Context(), who.address, who.account)
			}
			for i := range honest {
				c.join(t.Context(), "home", "ada")
				after := 1
				for c.next().account != "ada" {
					after++
				}
				if after > 4 {
					t.Errorf("honest sign-in %d came after %d turns, with %d others waiting", i, after, flooders)
				}
				who := flooder(flooders + i) // the flood goes on
				c.join(t.Context(), who.address, who.account)
			}
		})
	}
}

// The tries of one address at one account keep their order, and every one gets its turn.
func TestTurnsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 1000, 1000)
	var want []origin
	for i := range 50 {
		c.join(t.Context(), "office", fmt.Sprint("worker", i))
		want = append(want, origin{"office", fmt.Sprint("worker", i)})
	}
	for i, who := range want {
		if got := c.next(); got != who {
			t.Fatalf("turn %d is for %v, want %v", i, got, who)
		}
	}
	c.now()
	if c.turns.free != 1 || c.turns.load() != (turnsLoad{}) || len(c.turns.round[byAddress].lines)+len(c.turns.round[byAccount].lines) != 0 {
		t.Errorf("in the end %d are free, %+v, and lines are left", c.turns.free, c.turns.load())
	}
}

// One address has a bound of its own, with RATE_LIMITED; all together have one, and there who has most makes room.
func TestTurnsAreBounded(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 10, 8)
	for range 8 {
		c.join(t.Context(), "flood", "victim")
	}
	c.join(t.Context(), "flood", "victim")
	if who, kind := c.refused(); who.address != "flood" || kind != errs.RateLimited {
		t.Errorf("beyond its own bound %v got %s", who, kind)
	}
	c.join(t.Context(), "home", "victim") // its own account, which the flood is for
	c.join(t.Context(), "office", "bob")
	c.join(t.Context(), "cafe", "eve")
	if who, kind := c.refused(); who.address != "flood" || kind != errs.Unavailable {
		t.Errorf("to make room %v got %s", who, kind)
	}
	for range 4 {
		c.join(t.Context(), "flood2", "victim")
		if _, kind := c.refused(); kind != errs.Unavailable {
			t.Errorf("with all places taken one got %s", kind)
		}
	}
	seen := map[string]int{}
	for range 10 {
		seen[c.next().address]++
	}
	if seen["home"] != 1 || seen["office"] != 1 || seen["cafe"] != 1 || seen["flood"]+seen["flood2"] != 7 {
		t.Errorf("turns went to %v", seen)
	}
	if got := c.turns.load(); got != (turnsLoad{0, 1, 5}) {
		t.Errorf("counted: %+v", got)
	}
}

// Who leaves a line keeps no place in it.
func TestTurnsOfThoseWhoLeft(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 10, 10)
	ctx, leave := context.WithCancel(t.Context())
	c.join(ctx, "gone", "gone")
	c.join(t.Context(), "home", "ada")
	leave()
	if got := <-c.calls; !errors.Is(got.err, context.Canceled) {
		t.Errorf("who left got %v", got.err)
	}
	if got := c.next(); got.account != "ada" {
		t.Errorf("the turn is for %v", got)
	}
	c.now()
	if c.turns.free != 1 {
		t.Errorf("%d are free", c.turns.free)
	}
}
