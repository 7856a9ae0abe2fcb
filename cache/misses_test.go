package cache

import (
	"fmt"
	"testing"

	"roost/testkit/redistest"
)

// A request that may read a few missing keys reads these, leaves the others out and says so, until none are missing.
func TestMaxMisses(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		x, b := tierAt(t, url), newTable()
		keys := make([]string, 7)
		for i := range keys {
			keys[i] = key(fmt.Sprint("k", i))
			b.write(keys[i])
		}
		req := &Request{Kind: rowsOf(x), Keys: keys, Load: b.load, MaxMisses: 3}
		for read, left := range []int{4, 1, 0, 0} {
			if err := x.Load(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			got := 0
			for i, v := range req.Values {
				if v.Version != 0 && v.Data != keys[i]+"@1" {
					t.Errorf("read %d: %s is %v", read, keys[i], v)
				}
				if v.Version != 0 {
					got++
				}
			}
			if req.Left != left || got != len(keys)-left {
				t.Errorf("read %d returns %d keys and leaves out %d, want %d", read, got, req.Left, left)
			}
			if want := []int{7, 4, 1, 0}[read]; req.Missing != want {
				t.Errorf("read %d found %d keys missing, want %d", read, req.Missing, want)
			}
		}
	})
}

// While its server is unreachable such a request reads nothing.
func TestMaxMissesWithoutRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	x, b := tierAt(t, server.URL()), newTable()
	server.Stop()
	req := &Request{Kind: rowsOf(x), Keys: []string{key("a"), key("b")}, Load: b.load, MaxMisses: 3}
	if err := x.Load(t.Context(), req); err != nil || req.Left != 2 || b.loads.Load() != 0 {
		t.Errorf("it leaves out %d of 2 keys after %d reads of SQL: %v", req.Left, b.loads.Load(), err)
	}
}
