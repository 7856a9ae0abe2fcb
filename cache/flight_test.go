package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// However many ask for a cold key on two nodes, SQL is asked once.
func TestStampede(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b, a := tierAt(t, url), newTable(), key("hot")
		y := tier(t, x.redis)
		for _, node := range []*Tier{x, y} { // nobody gives up waiting, however busy the machine is
			node.pace.lease, node.pace.fallback = patience, patience
		}
		b.write(a)
		begin := make(chan struct{})
		b.hold(func([]string) { <-begin })
		var all sync.WaitGroup
		var asked atomic.Int64
		for i := range 500 {
			node := []*Tier{x, y}[i%2]
			all.Go(func() {
				asked.Add(1)
				req := &Request{Kind: rowsOf(node), Keys: []string{a}, Load: b.load}
				if err := node.Load(t.Context(), req); err != nil || req.Values[0].Version != 1 {
					t.Errorf("%v, %v", req.Values, err)
				}
			})
		}
		wait(t, "all to ask", func() bool { return asked.Load() == 500 })
		close(begin)
		all.Wait()
		if n := b.loads.Load(); n != 1 {
			t.Errorf("SQL was asked %d times", n)
		}
	})
}

// A reader who leaves while it fetches for others does not take them along.
func TestLeaderLeaves(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b, a := tierAt(t, url), newTable(), key("a")
		b.write(a)
		ctx, leave := context.WithCancel(t.Context())
		reading := make(chan struct{})
		var once sync.Once
		slow := func(ctx context.Context, keys []string) ([]Value, error) {
			once.Do(func() { close(reading) })
			<-ctx.Done()
			return nil, ctx.Err()
		}
		left := make(chan error)
		go func() { left <- x.Load(ctx, &Request{Kind: rowsOf(x), Keys: []string{a}, Load: slow}) }()
		<-reading
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				req := &Request{Kind: rowsOf(x), Keys: []string{a}, Load: b.load}
				if err := x.Load(t.Context(), req); err != nil || req.Values[0].Version != 1 {
					t.Errorf("%v, %v", req.Values, err)
				}
			})
		}
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		all.Wait()
	})
}

// A fetch that hangs delays the readers that asked before it began, and no reader after them.
func TestLeaderStandsStill(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b, a := tierAt(t, url), newTable(), key("a")
		b.write(a)
		standing, goOn := make(chan struct{}), make(chan struct{})
		var stood atomic.Bool
		b.hold(func([]string) {
			if stood.CompareAndSwap(false, true) {
				close(standing)
				<-goOn
			}
		})
		late := make(chan []Value, 1)
		go func() {
			req := &Request{Kind: rowsOf(x), Keys: []string{a}, Load: b.load}
			if err := x.Load(t.Context(), req); err != nil {
				t.Error(err)
			}
			late <- req.Values
		}()
		<-standing
		for range 3 {
			invalidate(t, x, Announcement{}, a, b.write(a).Version)
			if got := get(t, x, b, a)[0]; got.Version != b.rows[a].Version {
				t.Errorf("meanwhile a reader gets %v, want %v", got, b.rows[a])
			}
		}
		close(goOn)
		if got := <-late; len(got) != 1 || got[0].Version == 0 {
			t.Errorf("the late one gets %v", got)
		}
		if got := get(t, x, b, a)[0]; got.Version != 4 {
			t.Errorf("at last it is %v", got)
		}
		if n := len(x.flights.latest); n != 0 {
			t.Errorf("%d flights are left", n)
		}
	})
}

// Errors and panics of SQL reach those who asked, and nobody waits for what they left.
func TestLoaderFails(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b, a := tierAt(t, url), newTable(), key("a")
		b.write(a)
		broken := errors.New("broken")
		fail := func(context.Context, []string) ([]Value, error) { return nil, broken }
		blow := func(context.Context, []string) ([]Value, error) { panic("blown") }
		few := func(context.Context, []string) ([]Value, error) { return nil, nil }
		if err := x.Load(t.Context(), &Request{Kind: rowsOf(x), Keys: []string{a}, Load: fail}); !errors.Is(err, broken) {
			t.Errorf("it returns %v", err)
		}
		if err := x.Load(t.Context(), &Request{Kind: rowsOf(x), Keys: []string{a}, Load: few}); err == nil {
			t.Error("a loader that returns too few values is accepted")
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a panic is swallowed")
				}
			}()
			_ = x.Load(t.Context(), &Request{Kind: rowsOf(x), Keys: []string{key("other")}, Load: b.load},
				&Request{Kind: rowsOf(x), Keys: []string{a}, Load: blow})
		}()
		if get(t, x, b, a); counterValue(rowsOf(x).count.waits) != 0 {
			t.Error("the next reader waited for what nobody fetches")
		}
		if n := len(x.flights.latest); n != 0 {
			t.Errorf("%d flights are left", n)
		}
	})
}
