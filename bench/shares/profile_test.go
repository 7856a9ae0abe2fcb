package shares

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// written is a profile of samples of 10 ms each, as a server writes it.
func written(t *testing.T, stacks ...string) *bytes.Buffer {
	t.Helper()
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}}
	functions := map[string]*profile.Location{}
	for _, stack := range stacks {
		s := &profile.Sample{Value: []int64{1, 10_000_000}}
		for name := range strings.FieldsSeq(stack) {
			l := functions[name]
			if l == nil {
				id := uint64(len(functions) + 1)
				f := &profile.Function{ID: id, Name: name}
				l = &profile.Location{ID: id, Line: []profile.Line{{Function: f}}}
				functions[name] = l
				p.Function, p.Location = append(p.Function, f), append(p.Location, l)
			}
			s.Location = append(s.Location, l)
		}
		p.Sample = append(p.Sample, s)
	}
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	return &out
}

func TestSharesAddUp(t *testing.T) {
	t.Parallel()
	p := &Profile{}
	for _, round := range []*bytes.Buffer{
		written(t, "runtime.mallocgc roost/graph.x net/http.(*conn).serve", "net/http.(*conn).serve", "runtime.gcBgMarkWorker"),
		written(t, "net.Read roost/cache.get roost/graph.x net/http.(*conn).serve", "roost/graph.y net/http.(*conn).serve"),
	} {
		if err := p.Read(round); err != nil {
			t.Fatal(err)
		}
	}
	sum := 0.0
	got := p.Shares()
	for part, want := range []float64{HTTP: .2, Transport: 0, Engine: .4, Domain: 0, Cache: .2, SQL: 0, Runtime: .2} {
		if sum += got[part]; math.Abs(got[part]-want) > 1e-9 {
			t.Errorf("%s has %v, want %v", Parts[part].Name, got[part], want)
		}
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("the shares add up to %v", sum)
	}
	if got := (&Profile{}).Shares(); len(got) != len(Parts) || got[HTTP] != 0 {
		t.Errorf("an empty profile has %v", got)
	}
}

func TestNoProcessorTimeIsNoProfile(t *testing.T) {
	t.Parallel()
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "alloc_space", Unit: "bytes"}}}
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []*bytes.Buffer{&out, bytes.NewBufferString("no profile")} {
		if err := new(Profile).Read(raw); err == nil {
			t.Error("something else is read as a profile")
		}
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	p := &Profile{}
	err := p.Read(written(t, "strings.Index roost/graph.b roost/graph.a net/http.serve", "roost/graph.b roost/graph.a net/http.serve",
		"roost/graph.b roost/graph.a net/http.serve", "net/http.serve", "net/http.read net/http.serve"))
	if err != nil {
		t.Fatal(err)
	}
	root := p.Tree(0.25)
	if len(root.Calls) != 1 || math.Abs(root.Share-1) > 1e-9 {
		t.Fatalf("%+v", root)
	}
	serve := root.Calls[0]
	if serve.Name != "net/http.serve" || serve.Part != HTTP || len(serve.Calls) != 1 {
		t.Fatalf("the call that is smaller than 0.25 is in %+v", serve)
	}
	// Two functions that all samples pass are one frame; the call below has a smaller share than asked for.
	b := serve.Calls[0]
	if b.Name != "roost/graph.b" || b.Callers != 1 || b.Part != Engine || math.Abs(b.Share-.6) > 1e-9 || len(b.Calls) != 0 {
		t.Errorf("%+v", b)
	}
	// What has no part costs its caller.
	if calls := p.Tree(0).Calls[0].Calls[1].Calls; len(calls) != 1 || calls[0].Name != "strings.Index" || calls[0].Part != Engine {
		t.Errorf("%+v", calls)
	}
}

// A stack that Go has cut off is drawn below the functions that call its outermost one elsewhere.
func TestTreeCompletesStacks(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("roost/graph.field ", maxStack-1) + "roost/server.handle"
	p := &Profile{}
	if err := p.Read(written(t, deep, "roost/server.decode roost/server.handle net/http.serve")); err != nil {
		t.Fatal(err)
	}
	root := p.Tree(0)
	if len(root.Calls) != 1 || root.Calls[0].Name != "net/http.serve" || len(root.Calls[0].Calls) != 1 {
		t.Fatalf("%+v", root.Calls)
	}
	handle := root.Calls[0].Calls[0]
	if handle.Name != "roost/server.handle" || len(handle.Calls) != 2 || handle.Calls[0].Name != "roost/graph.field" ||
		handle.Calls[0].Callers != maxStack-2 {
		t.Errorf("%+v with %+v", handle, handle.Calls)
	}
}
