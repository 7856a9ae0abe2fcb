package live

import (
	"context"
	"math"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"roost/app"
	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// Sockets and subscriptions that come and go leave neither goroutines nor memory behind. It is not
// parallel: it counts what the whole process holds.
func TestSocketsLeaveNothingBehind(t *testing.T) {
	for _, mode := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		t.Run(string(mode), func(t *testing.T) {
			const users, sockets, rounds = 10, 170, 3 // 510 in all
			r := apitest.New(t, mode, fewConns)
			crowd := r.SignUps(t, "leak", users)
			tweet := crowd[0].Tweet(t, "watched")
			round := func(n int) {
				open := make([]*apitest.Socket, n)
				for i := range open {
					var err error
					if open[i], err = crowd[i%users].TryDial(); err != nil {
						t.Fatal(err)
					}
					st, _ := rig.WatchCounts(t, open[i], tweet)
					home := open[i].Subscribe(t, rig.HomeEvents, nil)
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
			fillPools(t, crowd[0])
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
			// An open socket takes some 50 KiB; the buffers of pools, which come and go, a few hundred in all.
			expectHeap(t, heap, (rounds-1)*sockets<<11)
		})
	}
}

// However long a subscription goes on, its events leave nothing behind: neither entries nor counts, with
// whatever fields and aliases. It is not parallel: it measures what the whole process holds.
func TestEventsLeaveNothingBehind(t *testing.T) {
	const users, warm, events, perPush = 8, 40, 160, 100 // bytes
	const entries = `subscription { homeTimelineEvents { __typename ... on TimelineEntryAdded {
		edge { node { id text author { id name tweetCount } reactions { likeCount subject { ... on Tweet { author { name } } } } }
		again: node { author { name viewerIsFollowing } } }
		more: edge { cursor node { text } } } } }`
	const counts = `subscription($id: ID!) { reactionsChanged(subjectIds: [$id]) { ... on Tweet { author { name }
		other: author { tweetCount } }
		reactions { likeCount subject { ... on Tweet { author { name } } } } again: reactions { viewerReaction } } }`
	r := apitest.New(t, apitest.Server, fewConns) // what Redis keeps is another process's
	crowd := r.SignUps(t, "lasting", users)
	author := crowd[0]
	tweet := author.Tweet(t, "watched")
	home, liked := make([]*apitest.Stream, users), make([]*apitest.Stream, users)
	for i, u := range crowd {
		if i > 0 {
			u.Follow(t, author.ID)
		}
		socket := u.Dial(t)
		home[i] = socket.Subscribe(t, entries, nil)
		liked[i] = socket.Subscribe(t, counts, apitest.Vars{"id": tweet})
		liked[i].Next(t)
	}
	// Operations begin in any order, so home timelines may not have begun with the counts.
	for i, u := range crowd {
		for running := false; !running; {
			u.Tweet(t, "are you there?")
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			_, err := home[i].TryNext(ctx)
			cancel()
			running = err == nil
		}
	}
	fillPools(t, author)
	likes := 0
	pass := func(n int) int64 {
		for i := range n {
			last := "+" + author.Tweet(t, "an entry")
			if i%4 == 0 {
				author.React(t, tweet, []string{"LIKE", "DISLIKE"}[likes%2])
				likes++
			}
			for u := range crowd {
				for rig.HomeEvent(t, home[u].Next(t)) != last {
				}
				if i%4 == 0 {
					liked[u].Next(t)
				}
			}
		}
		return heapInUse()
	}
	before := pass(warm)
	pass(events)
	expectHeap(t, before, users*events*perPush)
}

// expectHeap waits until the heap is at most so much larger than it was: what runs in the background has finished
// by then, and what is still there afterwards leaks.
func expectHeap(t *testing.T, was, most int64) {
	t.Helper()
	grown := heapInUse() - was
	defer func() { t.Logf("the heap has grown by %d KiB; at most %d are allowed", grown>>10, most>>10) }()
	apitest.Until(t, "the heap to be free of what is over", func() bool {
		grown = heapInUse() - was
		return grown <= most
	})
}

// fewConns bounds a node's connections, so that all are soon there. It keeps no copies of rows, whose memory has a bound of its own.
func fewConns(c *app.Config) { c.DatabaseConn, c.RedisConns, c.CopiesMiB = 8, 8, -1 }

// fillPools has a node make the connections to its stores that it keeps, with their buffers and goroutines.
func fillPools(t *testing.T, u *apitest.User) {
	t.Helper()
	apitest.Parallel(t, 200, func(int) error {
		u.Must(t, `{ viewer { homeTimeline(first: 1) { nodes { id } } } }`, nil)
		return nil
	})
}

// ofPools bounds the goroutines of the stores' pools, which come and go by themselves: three for each connection to an
// embedded Redis, eight connections in a pool, two pools. A round has more sockets, of at least one goroutine each.
const ofPools = 3 * 8 * 2

// settled waits until no more than so many goroutines run, or, without a number, returns the least that run within
// some moments: jobs and pools in the background start and end goroutines all the time.
func settled(t testing.TB, most int) (n int) {
	t.Helper()
	n, looks := math.MaxInt, 0
	defer func() {
		if t.Failed() {
			var all strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&all, 1) // a Builder takes everything
			t.Log(all.String())
		}
	}()
	apitest.Until(t, "goroutines to end", func() bool {
		http.DefaultClient.CloseIdleConnections()
		now := runtime.NumGoroutine()
		if most > 0 {
			n = now
			return now <= most+ofPools
		}
		n = min(n, now)
		looks++
		return looks > 100
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
