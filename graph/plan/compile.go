package plan

//lint:file-ignore U1000 staticcheck misses calls of generic types through generic interfaces.

import (
	"bytes"
	"context"
	"runtime"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Type is an object type of the schema whose objects are named by keys.
type Type[K comparable] struct {
	Name string
	// Is lists the type and the interfaces that it implements.
	Is []string
	// Exists decides whether there is an object with a key; nil means that there always is.
	Exists Existence[K]
	Fields map[string]Field[K]
}

// Field describes how a field is answered for many objects.
type Field[K comparable] interface {
	compile(c *compiler, n *node[K], f graphql.CollectedField) writer
}

// Existence decides whether there is an object with a key. Exists makes one.
type Existence[K comparable] interface {
	compileExists(c *compiler, n *node[K]) func(r *Run, i int) bool
}

// writer appends the JSON of a field of the i-th object of a node.
type writer func(r *Run, b []byte, i int) []byte

// Plan is a compiled selection. It is safe for concurrent use.
type Plan struct {
	start func(r *Run)
	write writer
	slots []slotKind
	runs  sync.Pool
}

// slotKind makes and empties the memory of one slot.
type slotKind struct {
	make  func() any
	reset func(memory any) (keep bool)
}

// compiler collects what makes up a plan.
type compiler struct {
	oc      *graphql.OperationContext
	slots   []slotKind
	states  map[any]stateSlot // by column
	refused string            // why the selection cannot be compiled
}

// stateSlot is where the state of a column is, and whether several nodes use it or one may ask a key twice.
type stateSlot struct {
	slot   int
	shared *bool
}

func (c *compiler) refuse(why string) {
	if c.refused == "" {
		c.refused = why
	}
}

func newSlot[T any](c *compiler) int {
	c.slots = append(c.slots, slotKind{make: func() any { return new([]T) }, reset: reset[T]})
	return len(c.slots) - 1
}

// Compile compiles a selection of objects of a type. oc is the operation that it belongs to; its variables decide what @skip and
// @include leave. why is not empty if the selection has to be executed in another way.
func Compile[K comparable](oc *graphql.OperationContext, t *Type[K], sel ast.SelectionSet) (p *Plan, why string) {
	// The collected fields are kept by operation, and their memory must not outlive the plan's.
	fresh := &graphql.OperationContext{Doc: oc.Doc, Operation: oc.Operation, Variables: oc.Variables}
	c := &compiler{oc: fresh, states: map[any]stateSlot{}}
	root := compileNode(c, t, sel, shape{single: true})
	if c.refused != "" {
		return nil, c.refused
	}
	p = &Plan{slots: c.slots, write: object(root, false)}
	p.start = func(r *Run) {
		key, _ := r.root.(K)
		keys := slot[K](r, root.keys)
		*keys = append(*keys, key)
		root.start(r)
	}
	return p, ""
}

// Answer appends the JSON of the selection, at most so many bytes, to b. root is the key of the object that the plan was compiled
// for. If the result is not Answered, the bytes behind those of b mean nothing.
func (p *Plan) Answer(ctx context.Context, env Env, vars map[string]any, root any, most int, b []byte) ([]byte, Result) {
	r, _ := p.runs.Get().(*Run)
	if r == nil {
		r = p.newRun()
	}
	r.Ctx, r.Env, r.Vars, r.root, r.most, r.result = ctx, env, vars, root, len(b)+most, Answered
	p.start(r)
	r.levels()
	if r.result == Answered {
		b = p.writeInTurn(r, b)
		if len(b) > r.most {
			r.Stop(TooLarge)
		}
	}
	result := r.result
	if result != Answered {
		r.keep()
	}
	p.release(r)
	return b, result
}

// turns bounds how many answers are written at once. Writing needs nothing but the processor, so more at once would only take more
// memory: requests that waited for the same round trip all begin to write in the same moment.
var turns = make(chan struct{}, runtime.GOMAXPROCS(0))

func (p *Plan) writeInTurn(r *Run, b []byte) []byte {
	turns <- struct{}{}
	defer func() { <-turns }()
	if cap(b) > 0 {
		return p.write(r, b, 0)
	}
	// Written to memory that is kept, and copied once its length is known.
	written := p.write(r, r.written[:0], 0)
	if cap(written) > maxWritten {
		return written
	}
	r.written = written
	return bytes.Clone(written)
}

func (p *Plan) newRun() *Run {
	r := &Run{memory: make([]any, len(p.slots))}
	for i, s := range p.slots {
		r.memory[i] = s.make()
	}
	return r
}

// release keeps the memory of a run. A run that panicked never comes here.
func (p *Plan) release(r *Run) {
	keep := true
	for i, s := range p.slots {
		keep = s.reset(r.memory[i]) && keep
	}
	clear(r.asked)
	clear(r.next)
	*r = Run{memory: r.memory, asked: r.asked[:0], next: r.next[:0], written: r.written[:0]}
	if keep {
		p.runs.Put(r)
	}
}

// shape is what is certain about the keys of a node.
type shape struct {
	single  bool // there is at most one
	repeats bool // a key may occur more than once
}

// node is a position in the document: a selection of objects of one type.
type node[K comparable] struct {
	shape
	keys    int                      // slot
	columns []func(r *Run, keys []K) // ask
	follow  []func(r *Run, keys []K) // lead to other nodes; called with at least one key
	exists  func(r *Run, i int) bool
	out     []outField
	used    map[any]any // readings by column
}

// outField is a constant piece of JSON and what follows it.
type outField struct {
	before []byte
	write  writer // nil if nothing follows
}

// start asks what is selected of the objects whose keys are in the node's slot.
func (n *node[K]) start(r *Run) {
	keys := *slot[K](r, n.keys)
	if len(keys) == 0 {
		return
	}
	for _, fn := range n.columns {
		fn(r, keys)
	}
	for _, fn := range n.follow {
		fn(r, keys)
	}
}

func (n *node[K]) write(r *Run, b []byte, i int) []byte {
	for k := range n.out {
		f := &n.out[k]
		b = append(b, f.before...)
		if f.write != nil {
			b = f.write(r, b, i)
		}
	}
	return append(b, '}')
}

// compileNode compiles a selection of objects of a type.
func compileNode[K comparable](c *compiler, t *Type[K], sel ast.SelectionSet, s shape) *node[K] {
	n := &node[K]{shape: s, keys: newSlot[K](c), used: map[any]any{}}
	if t.Exists != nil {
		n.exists = t.Exists.compileExists(c, n)
	}
	written := map[string]bool{}
	before := []byte{'{'}
	for _, f := range graphql.CollectFields(c.oc, sel, t.Is) {
		spec := t.Fields[f.Name]
		switch {
		case f.IsDeferred():
			c.refuse("@defer")
			return n
		case written[f.Alias]:
			c.refuse("two fields " + f.Alias) // gqlgen resolves both and writes the first
			return n
		case spec == nil && f.Name != "__typename":
			c.refuse(t.Name + "." + f.Name)
			return n
		}
		if len(written) > 0 {
			before = append(before, ',')
		}
		written[f.Alias] = true
		before = append(append(append(before, '"'), f.Alias...), '"', ':')
		if f.Name == "__typename" {
			before = append(append(append(before, '"'), t.Name...), '"')
			continue
		}
		n.out = append(n.out, outField{before, spec.compile(c, n, f)})
		before = nil
	}
	if len(before) > 0 {
		n.out = append(n.out, outField{before: before})
	}
	return n
}

// stateOf returns the slot of a column's state.
func stateOf[K comparable, V any](c *compiler, col *Column[K, V], repeats bool) stateSlot {
	if s, ok := c.states[col]; ok {
		*s.shared = true
		return s
	}
	shared := repeats
	s := stateSlot{slot: len(c.slots), shared: &shared}
	c.slots = append(c.slots, slotKind{
		make:  func() any { return &state[K, V]{source: col.Source(), at: map[K]int32{}} },
		reset: func(memory any) bool { return memory.(*state[K, V]).reset() },
	})
	c.states[col] = s
	return s
}

// newReading returns a reading of a column for some keys of a node.
func newReading[K comparable, V any](c *compiler, col *Column[K, V], repeats bool) *reading[K, V] {
	s := stateOf(c, col, repeats)
	return &reading[K, V]{state: s.slot, at: newSlot[int32](c), shared: s.shared}
}

// use returns how a node reads a column by its own keys.
func use[K comparable, V any](c *compiler, n *node[K], col *Column[K, V]) *reading[K, V] {
	if u, ok := n.used[col]; ok {
		return u.(*reading[K, V])
	}
	u := newReading(c, col, n.repeats)
	n.used[col] = u
	n.columns = append(n.columns, u.ask)
	return u
}
