package plan

//lint:file-ignore U1000 staticcheck misses calls of generic types through generic interfaces.

import "github.com/99designs/gqlgen/graphql"

type many[K comparable, V any, C comparable] struct {
	none  func(k K) bool
	col   *Column[K, V]
	typ   func() *Type[C]
	items func(k K, v V, to []C) []C
}

// Many is a list of objects whose keys are in a column. items appends the keys of a list, which must be different ones.
func Many[K comparable, V any, C comparable](col *Column[K, V], typ func() *Type[C], items func(v V, to []C) []C) Field[K] {
	return ManyUnless(nil, col, typ, items)
}

// ManyUnless is Many for objects whose keys alone may show that the list is empty, and then the column is not asked.
func ManyUnless[K comparable, V any, C comparable](none func(k K) bool, col *Column[K, V], typ func() *Type[C],
	items func(v V, to []C) []C) Field[K] {
	return ManyOf(none, col, typ, func(_ K, v V, to []C) []C { return items(v, to) })
}

// ManyOf is ManyUnless for objects whose keys follow from the column and the key of the object that has the list.
func ManyOf[K comparable, V any, C comparable](none func(k K) bool, col *Column[K, V], typ func() *Type[C],
	items func(k K, v V, to []C) []C) Field[K] {
	return many[K, V, C]{none, col, typ, items}
}

type manyStep[K comparable, V any, C comparable] struct {
	many[K, V, C]
	from  *node[K]
	u     *reading[K, V]
	child *node[C]
	ends  int
	asked int // slot of the keys that the column is asked, if none is set
}

func (m many[K, V, C]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	s := &manyStep[K, V, C]{many: m, from: n, ends: newSlot[int32](c)}
	if m.none == nil {
		s.u = use(c, n, m.col)
	} else {
		s.u, s.asked = newReading(c, m.col, true), newSlot[K](c)
	}
	s.child = compileNode(c, m.typ(), f.Selections, shape{repeats: !n.single})
	n.follow = append(n.follow, s.follow)
	return list(s.ends, object(s.child, areNonNull(f)))
}

func (s *manyStep[K, V, C]) follow(r *Run, keys []K) {
	if s.none != nil {
		asked := slot[K](r, s.asked)
		for _, k := range keys {
			if !s.none(k) {
				*asked = append(*asked, k)
			}
		}
		if len(*asked) > 0 {
			s.u.ask(r, *asked)
		}
	}
	r.next = append(r.next, s)
}

func (s *manyStep[K, V, C]) run(r *Run) {
	ends, to := slot[int32](r, s.ends), slot[C](r, s.child.keys)
	next := 0 // among the keys that were asked
	for _, k := range *slot[K](r, s.from.keys) {
		if s.none == nil || !s.none(k) {
			*to = s.items(k, s.u.of(r, next), *to)
			next++
		}
		*ends = append(*ends, int32(len(*to)))
	}
	s.child.start(r)
}

type items[K, C comparable] struct {
	typ   func() *Type[C]
	items func(r *Run, a Args, k K, to []C) (_ []C, ok bool)
}

// Items is a list of objects whose keys follow from the object's key and the arguments. ok is false for arguments that cannot be
// accepted.
func Items[K, C comparable](typ func() *Type[C], keys func(r *Run, a Args, k K, to []C) (_ []C, ok bool)) Field[K] {
	return items[K, C]{typ, keys}
}

func (m items[K, C]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	child := compileNode(c, m.typ(), f.Selections, shape{repeats: true})
	ends, args := newSlot[int32](c), Args{f.Field}
	n.follow = append(n.follow, func(r *Run, keys []K) {
		end, to := slot[int32](r, ends), slot[C](r, child.keys)
		for _, k := range keys {
			var ok bool
			if *to, ok = m.items(r, args, k, *to); !ok {
				r.Stop(Refused)
				return
			}
			*end = append(*end, int32(len(*to)))
		}
		child.start(r)
	})
	return list(ends, object(child, areNonNull(f)))
}

type manyFrom[K, N comparable, V any, C comparable] struct {
	col   *Column[N, V]
	typ   func() *Type[C]
	of    func(r *Run, a Args) func(k K) N
	items func(v V, to []C) []C
}

// ManyFrom is Many for a column of another kind of key, which follows from the object's key and the arguments. The function of
// returns nil for arguments that cannot be accepted.
func ManyFrom[K, N comparable, V any, C comparable](col *Column[N, V], typ func() *Type[C], of func(r *Run, a Args) func(k K) N,
	items func(v V, to []C) []C) Field[K] {
	return manyFrom[K, N, V, C]{col, typ, of, items}
}

func (m manyFrom[K, N, V, C]) compile(c *compiler, n *node[K], f graphql.CollectedField) writer {
	s := &manyFromStep[N, V, C]{u: newReading(c, m.col, true), names: newSlot[N](c), ends: newSlot[int32](c), items: m.items,
		child: compileNode(c, m.typ(), f.Selections, shape{repeats: !n.single})}
	args := Args{f.Field}
	n.follow = append(n.follow, func(r *Run, keys []K) {
		of := m.of(r, args)
		if of == nil {
			r.Stop(Refused)
			return
		}
		names := slot[N](r, s.names)
		for _, k := range keys {
			*names = append(*names, of(k))
		}
		s.u.ask(r, *names)
		r.next = append(r.next, s)
	})
	return list(s.ends, object(s.child, areNonNull(f)))
}

type manyFromStep[N comparable, V any, C comparable] struct {
	u           *reading[N, V]
	names, ends int
	items       func(v V, to []C) []C
	child       *node[C]
}

func (s *manyFromStep[N, V, C]) run(r *Run) {
	ends, to := slot[int32](r, s.ends), slot[C](r, s.child.keys)
	for i := range *slot[N](r, s.names) {
		*to = s.items(s.u.of(r, i), *to)
		*ends = append(*ends, int32(len(*to)))
	}
	s.child.start(r)
}
