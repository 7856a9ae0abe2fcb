package local

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"
)

type text struct {
	version int64
	body    string
}

func size(t text) int { return len(t.body) }

func make256(t testing.TB, maxBytes int64) *Store[int64, text] {
	t.Helper()
	s, err := New[int64](Config[text]{Entity: "tweet", MaxBytes: maxBytes, Typical: 256, Cost: size})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func body(n int) string { return strings.Repeat("x", n) }

// Whatever is put, a store returns what was put last or nothing, and keeps to its bytes.
func TestStoreIsABoundedMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const most = 1 << 17
		s, err := New[int64](Config[text]{Entity: "tweet", MaxBytes: most, Typical: 256, Cost: size})
		if err != nil {
			t.Fatal(err)
		}
		model := map[int64]text{}
		steps := rapid.IntRange(1, 2000).Draw(t, "steps")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 1200), 1, 8).Draw(t, "sizes")
		keys := rapid.Int64Range(1, 2000).Draw(t, "keys")
		for i := range steps {
			k := int64(i) / 2 * 7919 % keys
			if i%2 == 1 { // what was put last, which is protected then
				got, ok := s.Get(k)
				if ok && got != model[k] {
					t.Fatalf("key %d has version %d of %d bytes, put was %d of %d", k, got.version, len(got.body), model[k].version, len(model[k].body))
				}
			} else {
				model[k] = text{int64(i), body(sizes[i%len(sizes)])}
				s.Put(k, model[k])
			}
			if i%37 > 0 && i < steps-1 {
				continue
			}
			kept := int64(0)
			for j := range s.shards {
				h := &s.shards[j]
				for _, l := range []interface {
					Keys() []int64
					Peek(int64) (text, bool)
				}{h.probation, h.protected} {
					for _, k := range l.Keys() {
						v, _ := l.Peek(k)
						kept += int64(size(v))
					}
				}
			}
			if st := s.Stats(); st.Bytes > most || st.Bytes != s.slots+kept {
				t.Fatalf("%d bytes in slots of %d and %d of values; at most %d", st.Bytes, s.slots, kept, most)
			}
		}
	})
}

// Somebody who scrolls through what nobody else reads does not evict what is read again and again.
func TestAScanDoesNotPushOutWhatIsRead(t *testing.T) {
	t.Parallel()
	s := make256(t, 1<<20)
	const often = 300
	for round := range 2 {
		for k := range int64(often) {
			if _, ok := s.Get(k); !ok {
				s.Put(k, text{1, body(100)})
			} else if round == 0 {
				t.Fatalf("%d is there before it was put", k)
			}
		}
	}
	for k := range int64(100_000) {
		s.Put(often+k, text{1, body(100)})
	}
	left := 0
	for k := range int64(often) {
		if _, ok := s.Get(k); ok {
			left++
		}
	}
	if left != often {
		t.Errorf("%d of %d are left", left, often)
	}
	if st := s.Stats(); st.Evictions == 0 || st.Hits < 2*often || st.Misses != often {
		t.Errorf("counted %+v", st)
	}
}

// A protected value gives way when others are read more lately.
func TestProtectionEnds(t *testing.T) {
	t.Parallel()
	s := make256(t, 1<<18)
	for k := range int64(5000) {
		s.Put(k, text{1, body(100)})
		s.Get(k)
	}
	if _, ok := s.Get(0); ok {
		t.Error("what was read once long ago is still there")
	}
	if _, ok := s.Get(4999); !ok {
		t.Error("what was read last is not there")
	}
}

func TestWhatIsTooLargeIsNotKept(t *testing.T) {
	t.Parallel()
	s := make256(t, MinBytes)
	s.Put(1, text{1, body(10)})
	s.Put(1, text{2, body(MinBytes / shards)})
	if v, ok := s.Get(1); ok {
		t.Errorf("version %d is kept", v.version)
	}
	s.Put(1, text{3, body(10)})
	s.Get(1)
	s.Put(1, text{4, body(20)})
	if v, _ := s.Get(1); v.version != 4 {
		t.Errorf("a protected value has version %d, put was 4", v.version)
	}
	for _, bad := range []Config[text]{{MaxBytes: 1 << 20}, {Entity: "tweet", MaxBytes: MinBytes - 1},
		{Entity: "tweet", MaxBytes: 1 << 20, Typical: -1}, {Entity: "tweet", MaxBytes: MinBytes, Typical: MinBytes}} {
		if _, err := New[int64](bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// What the store says it takes is what it takes of the heap. Not parallel: the heap is everybody's.
func TestBytesAreThoseOfTheHeap(t *testing.T) {
	const most = 32 << 20
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	s := make256(t, most)
	for k := range int64(200_000) {
		s.Put(k, text{1, body(256)})
		s.Get(k)
	}
	if grown := heap() - before; grown < most/2 || grown > most*11/10 {
		t.Errorf("the heap grew by %d bytes for a store of %d, which says %d", grown, most, s.Stats().Bytes)
	}
	runtime.KeepAlive(s)
}

// Values that are larger than typical leave slots empty, on probation and protected.
func TestBytesAreBounded(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		const most = 1 << 17
		s := make256(t, most)
		for k := range int64(2000) {
			s.Put(k, text{1, body(700)})
			if again {
				s.Get(k)
			}
		}
		if st := s.Stats(); st.Bytes > most || st.Bytes < most/2 && again || st.Entries < shards {
			t.Errorf("read again %v: %+v; at most %d bytes", again, st, most)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := make256(t, 1<<18)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range int64(5000) {
				k := i * int64(g+1) % 1500
				if v, ok := s.Get(k); ok && v.version != k {
					t.Errorf("key %d has the value of %d", k, v.version)
				}
				s.Put(k, text{k, body(int(k % 300))})
			}
		})
	}
	all.Wait()
}

func TestStoresTellTheirCounts(t *testing.T) {
	t.Parallel()
	r := prometheus.NewPedanticRegistry()
	a := make256(t, MinBytes)
	b, err := New[string](Config[int]{Entity: "number", MaxBytes: MinBytes})
	if err != nil {
		t.Fatal(err)
	}
	r.MustRegister(a, b)
	a.Put(1, text{1, "x"})
	a.Get(1)
	a.Get(2)
	b.Get("none")
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"roost_cache_local_reads_total tweet hit": 1, "roost_cache_local_reads_total tweet miss": 1,
		"roost_cache_local_reads_total number hit": 0, "roost_cache_local_reads_total number miss": 1,
		"roost_cache_local_entries tweet": 1, "roost_cache_local_entries number": 0,
		"roost_cache_local_evictions_total tweet": 0, "roost_cache_local_bytes tweet": float64(a.Stats().Bytes),
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %v, want %v", name, value, want)
		}
	}
}
