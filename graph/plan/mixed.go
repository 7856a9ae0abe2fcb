package plan

//lint:file-ignore U1000 staticcheck misses calls of generic types through generic interfaces.

import "github.com/99designs/gqlgen/graphql"

type mixed[K comparable, V any, C comparable] struct {
	col   *Column[K, V]
	items func(v V, to []C) []C
	of    func(c C) int
	types []func() *Type[C]
}

// ManyMixed is Many for objects of several types, which have the same kind of key. The function of returns the index of an object's type. A
// key may occur more than once.
func ManyMixed[K comparable, V any, C comparable](col *Column[K, V], items func(v V, to []C) []C, of func(c C) int,
	types ...func() *Type[C]) Field[K] {
	return mixed[K, V, C]{col, items, of, types}
}

type mixedStep[K comparable, V any, C comparable] struct {
	mixed[K, V, C]
	from            *node[K]
	u               *reading[K, V]
	nodes           []*node[C]
	all, ends, kind int // slots of the keys, of the ends of the lists, and of positions
}

func (m mixed[K, V, C]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	s := &mixedStep[K, V, C]{mixed: m, from: n, u: use(c, n, m.col), all: newSlot[C](c), ends: newSlot[int32](c), kind: newSlot[position](c)}
	write := make([]writer, len(m.types))
	for i, typ := range m.types {
		child := compileNode(c, typ(), f.Selections, shape{repeats: true})
		s.nodes, write[i] = append(s.nodes, child), object(child, areNonNull(f))
	}
	n.follow = append(n.follow, func(r *Run, _ []K) { r.next = append(r.next, s) })
	return list(s.ends, func(r *Run, b []byte, i int) []byte {
		p := (*slot[position](r, s.kind))[i]
		return write[p.kind](r, b, int(p.at))
	})
}

func (s *mixedStep[K, V, C]) run(r *Run) {
	all, ends, at := slot[C](r, s.all), slot[int32](r, s.ends), slot[position](r, s.kind)
	for i := range *slot[K](r, s.from.keys) {
		from := len(*all)
		*all = s.items(s.u.of(r, i), *all)
		for _, k := range (*all)[from:] {
			kind := s.of(k)
			keys := slot[C](r, s.nodes[kind].keys)
			*at = append(*at, position{int32(kind), int32(len(*keys))})
			*keys = append(*keys, k)
		}
		*ends = append(*ends, int32(len(*all)))
	}
	for _, n := range s.nodes {
		n.start(r)
	}
}

type oneThrough[K, N comparable, V any, C comparable] struct {
	col  *Column[N, V]
	typ  func() *Type[C]
	name func(k K) N
	key  func(v V) (c C, ok bool)
}

// OneThrough is an object whose key is in a column of another kind of key, which follows from the object's; several objects may have the
// same. ok is false where there is none.
func OneThrough[K, N comparable, V any, C comparable](col *Column[N, V], typ func() *Type[C], name func(k K) N,
	key func(v V) (c C, ok bool)) Field[K] {
	return oneThrough[K, N, V, C]{col, typ, name, key}
}

type throughStep[N comparable, V any, C comparable] struct {
	u                      *reading[N, V]
	child                  *node[C]
	names, positions, seen int
	key                    func(v V) (c C, ok bool)
}

func (o oneThrough[K, N, V, C]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	s := &throughStep[N, V, C]{u: newReading(c, o.col, true), key: o.key,
		names: newSlot[N](c), positions: newSlot[int32](c), seen: newSet[C](c)}
	s.child = compileNode(c, o.typ(), f.Selections, shape{single: n.single})
	n.follow = append(n.follow, func(r *Run, keys []K) {
		names := slot[N](r, s.names)
		for _, k := range keys {
			*names = append(*names, o.name(k))
		}
		s.u.ask(r, *names)
		r.next = append(r.next, s)
	})
	return linked(s.positions, object(s.child, isNonNull(f)), isNonNull(f))
}

func (s *throughStep[N, V, C]) run(r *Run) {
	at := slot[int32](r, s.positions)
	for i := range *slot[N](r, s.names) {
		p := int32(-1)
		if k, ok := s.key(s.u.of(r, i)); ok {
			p = placeOf(r, s.seen, s.child, k)
		}
		*at = append(*at, p)
	}
	s.child.start(r)
}

type sharedLink[K, C comparable] struct {
	typ func() *Type[C]
	to  func(r *Run, a Args) func(k K) C
}

// SharedLink is Link for objects that several keys may lead to.
func SharedLink[K, C comparable](typ func() *Type[C], to func(r *Run, a Args) func(k K) C) Field[K] {
	return sharedLink[K, C]{typ, to}
}

func (l sharedLink[K, C]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	child := compileNode(c, l.typ(), f.Selections, shape{single: n.single})
	positions, seen, args := newSlot[int32](c), newSet[C](c), Args{f.Field}
	n.follow = append(n.follow, func(r *Run, keys []K) {
		key := l.to(r, args)
		if key == nil {
			r.Stop(Refused)
			return
		}
		at := slot[int32](r, positions)
		for _, k := range keys {
			*at = append(*at, placeOf(r, seen, child, key(k)))
		}
		child.start(r)
	})
	return linked(positions, object(child, isNonNull(f)), isNonNull(f))
}
