package suite

import (
	"net/http"
	"runtime"
	"testing"

	"roost/internal/apitest"
)

// Sockets and subscriptions that come and go leave neither goroutines nor memory behind. It is not
// parallel: it counts what the whole process holds.
func TestSocketsLeaveNothingBehind(t *testing.T) {
	for _, mode := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		t.Run(string(mode), func(t *testing.T) {
			const users, sockets, rounds = 10, 170, 3 // 510 in all
			r := apitest.New(t, mode)
			crowd := r.SignUps(t, "leak", users)
			tweet := crowd[0].Tweet(t, "watched")
			round := func(n int) {
				open := make([]*apitest.Socket, n)
				for i := range open {
					var err error
					if open[i], err = crowd[i%users].TryDial(); err != nil {
						t.Fatal(err)
					}
					st, _ := watchCounts(t, open[i], tweet)
					home := open[i].Subscribe(t, homeEvents, nil)
					open[i].Subscribe(t, sessionEnded, nil)
					if i%3 == 0 {
						st.Stop(t)
						home.Stop(t)
					}
				}
				crowd[1].React(t, tweet, "LIKE")
				crowd[1].React(t, tweet, "NONE")
				for _, s := range open {
					_ = s.Conn.Close() // without a farewell
				}
			}
			round(users)
			goroutines, heap := settled(t, 0), int64(0)
			for i := range rounds {
				round(sockets)
				now := settled(t, goroutines)
				mem := heapInUse()
				t.Logf("after round %d: %d goroutines, at the start %d; %d KiB of heap", i+1, now, goroutines, mem>>10)
				if i == 0 {
					heap = mem
				}
			}
			if grown := heapInUse() - heap; grown > (rounds-1)*sockets<<10 {
				t.Errorf("the heap has grown by %d KiB in %d sockets", grown>>10, (rounds-1)*sockets)
			}
		})
	}
}

// settled waits until no more than so many goroutines run, or, without a number, until it stays the same.
func settled(t testing.TB, most int) (n int) {
	t.Helper()
	same := 0
	apitest.Until(t, "goroutines to end", func() bool {
		http.DefaultClient.CloseIdleConnections()
		now := runtime.NumGoroutine()
		if most > 0 {
			n = now
			return now <= most
		}
		if now != n {
			n, same = now, 0
		}
		same++
		return same > 40
	})
	return n
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // finalizers of the first have run
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
