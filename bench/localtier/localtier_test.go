package localtier

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"roost/testkit/dataset"
)

// ratio replays a trace: the part of reads that are answered.
func (t *trace) ratio(w *world, s store) float64 {
	hits := 0
	var missed []int32
	for _, page := range t.pages {
		missed = missed[:0]
		for _, id := range page {
			if got, ok := s.get(int64(id)); !ok {
				missed = append(missed, id)
			} else if got.CreatedAt == w.tweets[id].CreatedAt {
				hits++
			}
		}
		for _, id := range missed {
			s.put(int64(id), w.tweets[id])
		}
	}
	return float64(hits) / float64(t.asked)
}

// On a small world every contender answers right, and keeps what fits.
func TestContendersAnswer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := dataset.GeneratePlain(dir, 1, 500, 5000, 2000, 0); err != nil {
		t.Fatal(err)
	}
	w, err := readWorld(dir)
	if err != nil {
		t.Fatal(err)
	}
	visits := w.visits()
	if len(w.tweets) != 2000 || visits.asked < 10_000 || visits.distinct < 100 {
		t.Fatalf("%d tweets; %d asked for, %d of them different", len(w.tweets), visits.asked, visits.distinct)
	}
	for _, c := range contenders {
		all := visits.ratio(w, newStore(t, c.make, 4*len(w.tweets)))
		if want := 1 - float64(visits.distinct)/float64(visits.asked); math.Abs(all-want) > 1e-9 {
			t.Errorf("%s: hit ratio %.4f with room for all, want %.4f", c.name, all, want)
		}
	}
	for _, id := range w.home(1, 1000, 30) {
		if id >= 1000 {
			t.Errorf("entry %d of a home timeline is not written yet", id)
		}
	}
}

// theWorld reads the data set that is found.
func theWorld(b *testing.B) *world {
	b.Helper()
	w, err := readWorld(dataset.Dir(b))
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// BenchmarkHitRatio replays the trace: % of reads answered, by library and number of entries.
func BenchmarkHitRatio(b *testing.B) {
	w := theWorld(b)
	t := w.visits()
	bytes := 0
	for i := range w.tweets {
		bytes += len(w.tweets[i].Text)
	}
	b.Logf("%d tweets of %d bytes; %d asked for on %d pages, %d of them different; %d scrolled to the end",
		len(w.tweets), bytes/len(w.tweets), t.asked, len(t.pages), t.distinct, t.scans)
	for _, n := range []int{4000, 6000, 9000, 14_000} {
		for _, c := range contenders {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				var sum float64
				for b.Loop() {
					sum += t.ratio(w, newStore(b, c.make, n))
				}
				b.ReportMetric(100*sum/float64(b.N), "%hits")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*t.asked), "ns/read")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// filled is a store of n entries, each text a string of its own. Each was read once, without which some policies
// do not fill all of their room.
func filled(b *testing.B, fn func(int) (store, error), n int) store {
	b.Helper()
	s := newStore(b, fn, n)
	for i := range n {
		s.put(int64(i), Tweet{Author: int64(i), Text: strings.Repeat(string(rune('a'+i%26)), typicalText), CreatedAt: 1, Version: 1})
		s.get(int64(i))
	}
	return s
}

// BenchmarkGet reads what is there, by a Zipf law, alone and from all processors.
func BenchmarkGet(b *testing.B) {
	const n = 20_000
	rnd := rand.New(rand.NewPCG(1, 2))
	draw := zipf(rnd, n/2)
	ids := make([]int64, 1<<16)
	for i := range ids {
		ids[i] = int64(n/2 + draw()%(n/4)) // every policy still has what is neither first nor last
	}
	for _, c := range contenders {
		s := filled(b, c.make, n)
		var missed atomic.Int64
		read := func(i int) {
			if _, ok := s.get(ids[i&(len(ids)-1)]); !ok {
				missed.Add(1)
			}
		}
		b.Run(c.name+"/alone", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				read(i)
			}
		})
		b.Run(c.name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := rand.IntN(len(ids)); pb.Next(); i++ {
					read(i)
				}
			})
		})
		if m := missed.Load(); m > 0 {
			b.Logf("%s: %d reads missed", c.name, m)
		}
	}
}

// collector is what the garbage collector has used since the process began.
func collector() (gc, all float64, cycles uint64) {
	s := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/total:cpu-seconds"},
		{Name: "/cpu/classes/idle:cpu-seconds"}, {Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(s)
	return s[0].Value.Float64(), s[1].Value.Float64() - s[2].Value.Float64(), s[3].Value.Uint64()
}

// BenchmarkCollector allocates as a busy server does, beside 64 MiB of other live heap and a store of 200,000
// entries: processor time of a collection, its share of all, and bytes of an entry.
func BenchmarkCollector(b *testing.B) {
	const n, atOnce, lasts = 200_000, 1 << 10, 2 * time.Second
	rest := make([][]byte, 1<<10)
	for i := range rest {
		rest[i] = make([]byte, 64<<10)
	}
	nothing := func(int) (store, error) { return adder[none]{}, nil }
	run := func(name string, fn func(int) (store, error)) {
		b.Run(name, func(b *testing.B) {
			var empty, full, end runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&empty)
			s := filled(b, fn, n)
			runtime.GC()
			runtime.ReadMemStats(&full)
			gc, all, cycles := collector()
			for b.Loop() {
				recent := make([][]byte, 1<<12)
				for i, end := 0, time.Now().Add(lasts); i%1024 != 0 || time.Now().Before(end); i++ {
					recent[i&(len(recent)-1)] = make([]byte, atOnce)
				}
			}
			runtime.GC()
			gc2, all2, cycles2 := collector()
			runtime.ReadMemStats(&end)
			b.ReportMetric(1000*(gc2-gc)/float64(cycles2-cycles), "gc-ms/cycle")
			b.ReportMetric(100*(gc2-gc)/(all2-all), "gc-%cpu")
			b.ReportMetric(float64(end.PauseTotalNs-full.PauseTotalNs)/float64(cycles2-cycles)/1000, "pause-us/cycle")
			kept := 1
			for i := range n {
				if _, ok := s.get(int64(i)); ok {
					kept++
				}
			}
			b.ReportMetric((float64(full.HeapAlloc)-float64(empty.HeapAlloc))/float64(kept), "B/entry")
			b.ReportMetric(0, "ns/op")
			runtime.KeepAlive(s)
		})
	}
	run("none", nothing)
	for _, c := range contenders {
		run(c.name, c.make)
	}
	runtime.KeepAlive(rest)
}

// none keeps nothing.
type none struct{}

func (none) Get(int64) (Tweet, bool) { return Tweet{}, false }
func (none) Add(int64, Tweet) bool   { return false }
