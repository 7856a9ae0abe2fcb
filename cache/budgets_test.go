package cache

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"roost/internal/gcra"
	"roost/testkit/redistest"
)

func newBudgets(t *testing.T, url string) *Budgets {
	t.Helper()
	b, err := NewBudgets(open(t, url))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// drawEntry draws a spending, often one at a limit.
func drawEntry(rnd *rand.Rand, key string) gcra.Entry {
	some := func(most int) time.Duration {
		if rnd.IntN(4) == 0 {
			return 0
		}
		return time.Duration(rnd.IntN(most)) * time.Microsecond
	}
	e := gcra.Entry{Key: key, Cost: some(2_000_000), Age: some(5_000_000), Most: 2 * time.Minute}
	if rnd.IntN(5) == 0 {
		e.Least = some(120_000_000)
	}
	if rnd.IntN(10) == 0 {
		e.Cost = some(300_000_000)
	}
	return e
}

// The script calculates exactly as package gcra, whatever comes in which order at what times.
func TestSpendIsTheModel(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	b := newBudgets(t, "")
	now := time.Unix(1_800_000_000, 123_456_000)
	ends := map[string]time.Time{}
	for range 300 {
		now = now.Add(time.Duration(rnd.IntN(3_000_000)) * time.Microsecond)
		b.redis.embedded.SetTime(now)
		var entries []gcra.Entry
		for _, key := range []string{"user:1", "user:2", "address:192.0.2.0/24"} {
			if rnd.IntN(3) > 0 {
				entries = append(entries, drawEntry(rnd, key))
			}
		}
		b.Spend(t.Context(), entries)
		for _, e := range entries {
			end, ok := ends[e.Key]
			if !ok {
				end = time.Unix(0, 0)
			}
			want := e.Add(end.Sub(now))
			if e.Err != nil || e.Debt != want {
				t.Fatalf("%+v at %s with a debt until %s: want %s", e, now, end, want)
			}
			if want > 0 {
				ends[e.Key] = now.Add(want)
			}
		}
	}
}

// On a real Redis, whose clock runs, the debt is the model's within the time that the call took; and a debt that has ended has no key.
func TestSpendOnRedis(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	server := redistest.Start(t)
	b := newBudgets(t, server.URL())
	const slack = 2 * time.Millisecond      // between the clock of the wall and that of durations
	debt := -time.Hour                      // none so far
	before, after := time.Now(), time.Now() // of the call that returned it
	for range 300 {
		e := drawEntry(rnd, "user:1")
		began := time.Now()
		entries := []gcra.Entry{e}
		b.Spend(t.Context(), entries)
		ended := time.Now()
		least, most := e.Add(debt-ended.Sub(before)-slack), e.Add(debt-began.Sub(after)+slack)
		if got := entries[0]; got.Err != nil || got.Debt < least || got.Debt > most {
			t.Fatalf("%+v, want %s to %s", got, least, most)
		}
		if entries[0].Debt > 0 {
			debt, before, after = entries[0].Debt, began, ended
		}
	}
	e := []gcra.Entry{{Key: "user:2", Cost: time.Minute, Age: 30 * time.Second, Most: time.Minute},
		{Key: "user:3", Cost: 1000, Age: time.Second, Most: time.Minute}}
	b.Spend(t.Context(), e)
	if exists, err := server.Do("EXISTS " + budgetKey("user:3")); err != nil || exists != "0" {
		t.Errorf("a key without a debt: %s, %v", exists, err)
	}
	if exists, err := server.Do("EXISTS " + budgetKey("user:2")); err != nil || exists != "1" {
		t.Errorf("a debt without a key: %s, %v", exists, err)
	}
}

// Spendings of many callers take one round trip to each server of Redis, also after the server has lost its scripts.
func TestSpendIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b := newBudgets(t, server.URL())
	entries := make([]gcra.Entry, 100)
	spend := func() {
		for i := range entries {
			entries[i] = gcra.Entry{Key: "user:" + string(rune('A'+i)), Cost: time.Second, Most: time.Minute}
		}
		b.Spend(t.Context(), entries)
		for _, e := range entries {
			if e.Err != nil {
				t.Fatal(e.Err)
			}
		}
	}
	spend() // which loads the script
	if n := cost(t, func(ctx context.Context) { b.Spend(ctx, entries) }); n != 1 {
		t.Errorf("%d round trips", n)
	}
	if _, err := server.Do("SCRIPT FLUSH"); err != nil {
		t.Fatal(err)
	}
	spend()
	for _, e := range entries {
		if e.Debt < 2*time.Second {
			t.Fatalf("a spending got lost: %+v", e)
		}
	}
}

// The callers of shards and clusters are spread over the servers; one that is away concerns only its own callers.
func TestSpendOnShards(t *testing.T) { //nolint:tparallel // onShards does
	onShards(t, func(t *testing.T, servers []*redistest.Redis, url string) {
		b := newBudgets(t, url)
		spend := func() (failed int) {
			entries := make([]gcra.Entry, 60)
			for i := range entries {
				entries[i] = gcra.Entry{Key: "user:" + string(rune('A'+i)), Cost: time.Second, Most: time.Minute}
			}
			b.Spend(t.Context(), entries)
			for _, e := range entries {
				if e.Err != nil {
					failed++
				}
			}
			return failed
		}
		if n := spend(); n > 0 {
			t.Fatalf("%d failed", n)
		}
		servers[0].Stop()
		if n := spend(); n == 0 || n == 60 {
			t.Errorf("%d failed without one server", n)
		}
	})
}
