package shares

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/google/pprof/profile"
)

// Profile sums samples of processor time. Its zero value is empty.
type Profile struct {
	samples []sample
	total   int64
}

type sample struct {
	stack []string // the running function first
	nanos int64
}

// Read adds a processor profile as a Go server writes it.
func (p *Profile) Read(r io.Reader) error {
	parsed, err := profile.Parse(r)
	if err != nil {
		return fmt.Errorf("read a profile: %w", err)
	}
	value := slices.IndexFunc(parsed.SampleType, func(t *profile.ValueType) bool { return t.Type == "cpu" && t.Unit == "nanoseconds" })
	if value < 0 {
		return errors.New("read a profile: it holds no processor time in nanoseconds")
	}
	for _, s := range parsed.Sample {
		var stack []string
		for _, location := range s.Location {
			for _, line := range location.Line { // the inlined function comes before its caller
				if line.Function != nil {
					stack = append(stack, line.Function.Name)
				}
			}
		}
		p.add(stack, s.Value[value])
	}
	return nil
}

func (p *Profile) add(stack []string, nanos int64) {
	p.samples = append(p.samples, sample{stack, nanos})
	p.total += nanos
}

// Empty reports whether there is no sample.
func (p *Profile) Empty() bool { return p.total == 0 }

// Shares returns what falls to each part, from 0 to 1, by the index of the part. The sum is 1, or 0 of an empty profile.
func (p *Profile) Shares() []float64 {
	out := make([]float64, len(Parts))
	if p.Empty() {
		return out
	}
	for _, s := range p.samples {
		out[PartOf(s.stack)] += float64(s.nanos) / float64(p.total)
	}
	return out
}

// Frame is a function in a flame graph, with everything that it calls.
type Frame struct {
	// Name is the function. Of a chain in which each function calls the next one only, it is the last one, and Callers is the
	// number of those before it.
	Name    string
	Callers int
	// Part is the part that functions without one of their own cost, at this place.
	Part Part
	// Share is the part of all samples, 0 to 1.
	Share float64
	// Calls are the functions that it calls, ordered by name.
	Calls []*Frame
}

// adapter is a function that only calls another one, between every two handlers of a server. A flame graph is half as deep without it.
const adapter = "net/http.HandlerFunc.ServeHTTP"

// Tree returns the flame graph of the profile, below one frame for everything. Frames with a share below least are left out.
func (p *Profile) Tree(least float64) *Frame {
	root := &Frame{Name: "all", Part: Runtime}
	if p.Empty() {
		return root
	}
	callers := p.callers()
	for _, s := range p.samples {
		share := float64(s.nanos) / float64(p.total)
		root.Share += share
		if len(s.stack) >= maxStack {
			s.stack = append(s.stack[:len(s.stack):len(s.stack)], callers[s.stack[len(s.stack)-1]]...)
		}
		part, at := PartOf(nil), root
		for _, function := range slices.Backward(s.stack) {
			if function == adapter {
				continue
			}
			if own := partOf(packageOf(function)); own != caller {
				part = own
			}
			at = at.call(function, part)
			at.Share += share
		}
	}
	root.tidy(least)
	return root
}

// maxStack is how many functions Go keeps of a stack in a processor profile; the outer ones of a deeper stack are lost.
const maxStack = 64

// callers returns, for each function on a whole stack, the functions that had called it on the first such stack. They complete the
// stacks that are not whole.
func (p *Profile) callers() map[string][]string {
	out := map[string][]string{}
	for _, s := range p.samples {
		if len(s.stack) >= maxStack {
			continue
		}
		for i, function := range s.stack {
			if _, ok := out[function]; !ok {
				out[function] = s.stack[i+1:]
			}
		}
	}
	return out
}

// call returns the frame of a function that this one calls.
func (f *Frame) call(name string, part Part) *Frame {
	for _, c := range f.Calls {
		if c.Name == name {
			return c
		}
	}
	c := &Frame{Name: name, Part: part}
	f.Calls = append(f.Calls, c)
	return c
}

// passes is the part of a frame's share that its only callee must have for both to be drawn as one.
const passes = 0.98

// tidy drops small frames, orders the others, and joins chains.
func (f *Frame) tidy(least float64) {
	f.Calls = slices.DeleteFunc(f.Calls, func(c *Frame) bool { return c.Share < least })
	slices.SortFunc(f.Calls, func(a, b *Frame) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range f.Calls {
		c.tidy(least)
	}
	if len(f.Calls) != 1 || f.Name == "all" {
		return
	}
	if c := f.Calls[0]; c.Part == f.Part && c.Share >= passes*f.Share {
		f.Name, f.Calls, f.Callers = c.Name, c.Calls, f.Callers+c.Callers+1
	}
}
