package parallel_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"roost/internal/parallel"
)

func ExampleRun() {
	var user, page string
	parallel.Run(
		func() { user = "ada" },
		func() { page = "3 tweets" },
	)
	fmt.Println(user, "has", page)
	// Output: ada has 3 tweets
}

// All run at the same time: each waits for the others.
func TestRun(t *testing.T) {
	t.Parallel()
	parallel.Run()
	for _, n := range []int{1, 2, 9} {
		var ran atomic.Int64
		all := make(chan struct{})
		fns := make([]func(), n)
		for i := range fns {
			fns[i] = func() {
				if ran.Add(1) == int64(n) {
					close(all)
				}
				<-all
			}
		}
		parallel.Run(fns...)
		if ran.Load() != int64(n) {
			t.Errorf("%d of %d have run", ran.Load(), n)
		}
	}
}

func bad() { panic("bad") }

// A panic of any function is one of the caller's, once all have ended.
func TestRunPanics(t *testing.T) {
	t.Parallel()
	for _, which := range []int{0, 2} {
		var ran atomic.Int64
		fns := []func(){func() { ran.Add(1) }, func() { ran.Add(1) }, func() { ran.Add(1) }}
		fns[which] = bad
		func() {
			defer func() {
				p := recover()
				other, elsewhere := p.(*parallel.Panic)
				if elsewhere != (which > 0) || fmt.Sprint(p) != "bad" {
					t.Errorf("function %d: the caller panics with %v", which, p)
				}
				if elsewhere && (other.Value != "bad" || !strings.Contains(string(other.Stack), "parallel_test.bad")) {
					t.Errorf("function %d: %v, with the stack\n%s", which, other.Value, other.Stack)
				}
			}()
			parallel.Run(fns...)
		}()
		if ran.Load() != 2 {
			t.Errorf("function %d: %d others have ended", which, ran.Load())
		}
	}
}
