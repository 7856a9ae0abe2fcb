package main

import (
	"bytes"
	"math"
	"testing"
	"time"

	pprof "github.com/google/pprof/profile"

	"roost/bench/shares"
)

func TestProfileTimeIsWholeSeconds(t *testing.T) {
	t.Parallel()
	for window, want := range map[time.Duration]time.Duration{
		300 * time.Millisecond: time.Second, time.Second: time.Second, 2900 * time.Millisecond: 2 * time.Second, 3 * time.Second: 3 * time.Second,
	} {
		if got := profileTime(window); got != want {
			t.Errorf("a window of %s has a profile of %s, want %s", window, got, want)
		}
	}
}

// However few samples there are, the parts of a request add up to what was measured.
func TestPartsAddUpToTheMeasuredTime(t *testing.T) {
	t.Parallel()
	if parts := partsOf(&shares.Profile{}, 700); parts != nil {
		t.Errorf("without samples there are %v", parts)
	}
	p := &shares.Profile{}
	if err := p.Read(bytes.NewReader(someProfile(t))); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	parts := partsOf(p, 700)
	for _, part := range parts {
		sum += part.Micros
	}
	if math.Abs(sum-700) > 1e-6 || len(parts) != len(shares.Parts) {
		t.Errorf("%v add up to %v, want 700", parts, sum)
	}
}

// someProfile is a processor profile with three samples, 10, 20 and 40 ms.
func someProfile(t *testing.T) []byte {
	t.Helper()
	p := &pprof.Profile{SampleType: []*pprof.ValueType{{Type: "cpu", Unit: "nanoseconds"}}}
	for i, name := range []string{"net/http.(*conn).serve", "roost/graph.(*queryResolver).Viewer", "runtime.gcBgMarkWorker"} {
		f := &pprof.Function{ID: uint64(i + 1), Name: name}
		l := &pprof.Location{ID: f.ID, Line: []pprof.Line{{Function: f}}}
		p.Function, p.Location = append(p.Function, f), append(p.Location, l)
		p.Sample = append(p.Sample, &pprof.Sample{Location: []*pprof.Location{l}, Value: []int64{10_000_000 << i}})
	}
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
