package report

import (
	"math"
	"testing"
)

func TestShares(t *testing.T) {
	t.Parallel()
	const traces = `File: roost
Type: cpu
-----------+-------------------------------------------------------
      20ms   runtime.scanobject
             runtime.gcDrain
             runtime.gcBgMarkWorker
-----------+-------------------------------------------------------
      bytes:  64kB
      1.03s   runtime.memmove
             roost/graph.timeline
             net/http.(*conn).serve
-----------+-------------------------------------------------------
     950ms   runtime.mallocgc
             github.com/lib/pq.(*conn).query
             roost/graph.timeline
-----------+-------------------------------------------------------
`
	got, err := Shares(traces)
	if err != nil {
		t.Fatal(err)
	}
	want := []Share{{"GraphQL: parsing, executing, resolvers", 0.515}, {"allocation, with what it does for the collector", 0.475},
		{"garbage collection, in the background", 0.01}}
	if len(got) != len(want) {
		t.Fatalf("%+v, want %+v", got, want)
	}
	for i, w := range want {
		if got[i].Name != w.Name || math.Abs(got[i].Part-w.Part) > 1e-9 {
			t.Errorf("%+v, want %+v", got[i], w)
		}
	}
	if _, err := Shares("File: roost\n"); err == nil {
		t.Error("nothing is a profile")
	}
}
