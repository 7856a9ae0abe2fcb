package plan

//lint:file-ignore U1000 staticcheck misses calls of generic types through generic interfaces.

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

const null = "null"

// object writes the objects of a node, and null where there is none.
func object[K comparable](n *node[K], nonNull bool) writer {
	if n.exists == nil {
		return n.write
	}
	return func(r *Run, b []byte, i int) []byte {
		if n.exists(r, i) {
			return n.write(r, b, i)
		}
		return absent(r, b, nonNull)
	}
}

// absent writes null, which ends the run where the schema forbids it.
func absent(r *Run, b []byte, nonNull bool) []byte {
	if nonNull {
		r.Stop(NullInPlace)
	}
	return append(b, null...)
}

// linked writes the objects at the positions in a slot; -1 is none.
func linked(positions int, write writer, nonNull bool) writer {
	return func(r *Run, b []byte, i int) []byte {
		if p := (*slot[int32](r, positions))[i]; p >= 0 {
			return write(r, b, int(p))
		}
		return absent(r, b, nonNull)
	}
}

// list writes lists of objects. The i-th has those between the i-th end in a slot and the one before.
func list(ends int, write writer) writer {
	return func(r *Run, b []byte, i int) []byte {
		end, from := *slot[int32](r, ends), int32(0)
		if i > 0 {
			from = end[i-1]
		}
		b = append(b, '[')
		for k := from; k < end[i]; k++ {
			if k > from {
				b = append(b, ',')
			}
			if b = write(r, b, int(k)); len(b) > r.most {
				r.Stop(TooLarge)
			}
			if r.result != Answered {
				break // the bytes mean nothing
			}
		}
		return append(b, ']')
	}
}

func isNonNull(f graphql.CollectedField) bool { return f.Definition.Type.NonNull }

// areNonNull reports whether the items of a list must not be null.
func areNonNull(f graphql.CollectedField) bool { return f.Definition.Type.Elem.NonNull }

type same[K comparable] struct{ typ func() *Type[K] }

// Same is an object with the same key, such as the reactions to a tweet. typ is a function because types refer to each other.
func Same[K comparable](typ func() *Type[K]) Field[K] { return same[K]{typ} }

func (s same[K]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	child := compileNode(c, s.typ(), f.Selections, n.shape)
	n.follow = append(n.follow, func(r *Run, keys []K) {
		to := slot[K](r, child.keys)
		*to = append(*to, keys...)
		child.start(r)
	})
	return object(child, isNonNull(f))
}

type link[K, C comparable] struct {
	typ func() *Type[C]
	to  func(r *Run, a Args) func(k K) (c C, ok bool)
}

// Link is an object whose key follows from the object's key and the arguments; ok is false where there is no object. Different keys
// must lead to different objects. The function to is called once a run, and returns nil for arguments that cannot be accepted.
func Link[K, C comparable](typ func() *Type[C], to func(r *Run, a Args) func(k K) (c C, ok bool)) Field[K] {
	return link[K, C]{typ, to}
}

func (l link[K, C]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	child := compileNode(c, l.typ(), f.Selections, n.shape)
	positions, args := newSlot[int32](c), Args{f.Field}
	n.follow = append(n.follow, func(r *Run, keys []K) {
		key := l.to(r, args)
		if key == nil {
			r.Stop(Refused)
			return
		}
		at, to := slot[int32](r, positions), slot[C](r, child.keys)
		for _, k := range keys {
			p := int32(-1)
			if c, ok := key(k); ok {
				p = int32(len(*to))
				*to = append(*to, c)
			}
			*at = append(*at, p)
		}
		child.start(r)
	})
	return linked(positions, object(child, isNonNull(f)), isNonNull(f))
}

type shared[K, C comparable] struct {
	typ func() *Type[C]
	key func(k K) C
}

// Shared is an object whose key follows from the object's key; several objects may have the same.
func Shared[K, C comparable](typ func() *Type[C], key func(k K) C) Field[K] {
	return shared[K, C]{typ, key}
}

func (s shared[K, C]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	child := compileNode(c, s.typ(), f.Selections, shape{single: n.single})
	positions, seen := newSlot[int32](c), newSet[C](c)
	n.follow = append(n.follow, func(r *Run, keys []K) {
		at := slot[int32](r, positions)
		for _, k := range keys {
			*at = append(*at, placeOf(r, seen, child, s.key(k)))
		}
		child.start(r)
	})
	return linked(positions, object(child, isNonNull(f)), isNonNull(f))
}

type one[K comparable, V any, C comparable] struct {
	col   *Column[K, V]
	typ   func() *Type[C]
	key   func(v V) (c C, ok bool)
	known func(r *Run, keys []K, to []C) (_ []C, ok bool)
}

// One is an object whose key is in a column; several objects may have the same. ok is false where there is none. known, which may be
// nil, appends the keys of all objects if they are there without the column, and then their columns are asked a level earlier.
func One[K comparable, V any, C comparable](col *Column[K, V], typ func() *Type[C], key func(v V) (c C, ok bool),
	known func(r *Run, keys []K, to []C) (_ []C, ok bool)) Field[K] {
	return one[K, V, C]{col, typ, key, known}
}

// oneStep is the step from a column to the objects whose keys are in it.
type oneStep[K comparable, V any, C comparable] struct {
	one[K, V, C]
	from      *node[K]
	u         *reading[K, V]
	child     *node[C]
	all       int // slot of the keys that are known early
	positions int
	seen      int // slot of a set
}

func (o one[K, V, C]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	s := &oneStep[K, V, C]{one: o, from: n, u: use(c, n, o.col), all: newSlot[C](c), positions: newSlot[int32](c), seen: newSet[C](c)}
	s.child = compileNode(c, o.typ(), f.Selections, shape{single: n.single})
	n.follow = append(n.follow, s.follow)
	return linked(s.positions, object(s.child, isNonNull(f)), isNonNull(f))
}

// follow goes on at once if the keys are known, else when the column is answered.
func (s *oneStep[K, V, C]) follow(r *Run, keys []K) {
	if s.known != nil {
		all := slot[C](r, s.all)
		var ok bool
		if *all, ok = s.known(r, keys, *all); ok {
			at := slot[int32](r, s.positions)
			for _, k := range *all {
				*at = append(*at, s.place(r, k))
			}
			s.child.start(r)
			return
		}
	}
	r.next = append(r.next, s)
}

func (s *oneStep[K, V, C]) run(r *Run) {
	at := slot[int32](r, s.positions)
	for i := range *slot[K](r, s.from.keys) {
		p := int32(-1)
		if k, ok := s.key(s.u.of(r, i)); ok {
			p = s.place(r, k)
		}
		*at = append(*at, p)
	}
	s.child.start(r)
}

func (s *oneStep[K, V, C]) place(r *Run, k C) int32 { return placeOf(r, s.seen, s.child, k) }

// placeOf returns the position of a key among those of the child, which gets it if it has not. set is a slot of the keys that it has.
func placeOf[C comparable](r *Run, set int, child *node[C], k C) int32 {
	to, seen := slot[C](r, child.keys), r.memory[set].(map[C]int32)
	p, ok := seen[k]
	if !ok {
		p = int32(len(*to))
		seen[k] = p
		*to = append(*to, k)
	}
	return p
}

// newSet returns a slot for the positions of keys.
func newSet[C comparable](c *compiler) int {
	c.slots = append(c.slots, slotKind{make: func() any { return map[C]int32{} }, reset: func(memory any) bool {
		set := memory.(map[C]int32)
		keep := len(set) <= maxKept
		clear(set)
		return keep
	}})
	return len(c.slots) - 1
}

type find[K, N comparable, V any, C comparable] struct {
	col *Column[N, V]
	typ func() *Type[C]
	of  func(r *Run, a Args) (n N, ok bool)
	key func(v V) (c C, ok bool)
}

// Find is an object that is looked up in a column by an argument. The function of returns the key for the column, and false for an
// argument that cannot be accepted; key returns the object's key, and false if there is none.
func Find[K, N comparable, V any, C comparable](col *Column[N, V], typ func() *Type[C], of func(r *Run, a Args) (n N, ok bool),
	key func(v V) (c C, ok bool)) Field[K] {
	return find[K, N, V, C]{col, typ, of, key}
}

type findStep[N comparable, V any, C comparable] struct {
	u         *reading[N, V]
	child     *node[C]
	positions int
	names     int
	key       func(v V) (c C, ok bool)
}

func (l find[K, N, V, C]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	s := &findStep[N, V, C]{u: newReading(c, l.col, true), positions: newSlot[int32](c), names: newSlot[N](c), key: l.key}
	s.child = compileNode(c, l.typ(), f.Selections, shape{single: n.single, repeats: true})
	args := Args{f.Field}
	n.follow = append(n.follow, func(r *Run, keys []K) {
		name, ok := l.of(r, args)
		if !ok {
			r.Stop(Refused)
			return
		}
		names := slot[N](r, s.names)
		for range keys {
			*names = append(*names, name)
		}
		s.u.ask(r, *names)
		r.next = append(r.next, s)
	})
	return linked(s.positions, object(s.child, isNonNull(f)), isNonNull(f))
}

func (s *findStep[N, V, C]) run(r *Run) {
	at, to := slot[int32](r, s.positions), slot[C](r, s.child.keys)
	for i := range *slot[N](r, s.names) {
		p := int32(-1)
		if k, ok := s.key(s.u.of(r, i)); ok {
			p = int32(len(*to))
			*to = append(*to, k)
		}
		*at = append(*at, p)
	}
	s.child.start(r)
}

type guarded[K comparable] struct{ field, guard Field[K] }

// Guarded is a field that is only right if every object of a list exists. The list is a field of its own, which is not written.
func Guarded[K comparable](field, list Field[K]) Field[K] { return guarded[K]{field, list} }

func (g guarded[K]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	definition := *f.Field
	definition.SelectionSet = nil
	definition.Definition = &ast.FieldDefinition{Name: f.Name, Type: ast.NonNullListType(ast.NonNullNamedType("", nil), nil)}
	hidden := g.guard.compile(c, n, graphql.CollectedField{Field: &definition})
	write := g.field.compile(c, n, f)
	return func(r *Run, b []byte, i int) []byte {
		hidden(r, b, i) // ends the run if an object does not exist
		return write(r, b, i)
	}
}
