package plan

//lint:file-ignore U1000 staticcheck misses calls of generic types through generic interfaces.

import "github.com/99designs/gqlgen/graphql"

type keyLeaf[K comparable] func(r *Run, b []byte, k K) []byte

// Key is a leaf that is written from the key alone.
func Key[K comparable](write func(r *Run, b []byte, k K) []byte) Field[K] { return keyLeaf[K](write) }

func (fn keyLeaf[K]) compile(_ *compiler, n *node[K], _ graphql.CollectedField) writer {
	keys := n.keys
	return func(r *Run, b []byte, i int) []byte { return fn(r, b, (*slot[K](r, keys))[i]) }
}

type leaf[K comparable, V any] struct {
	col   *Column[K, V]
	write func(b []byte, v V) []byte
}

// Leaf is a leaf that is written from a column.
func Leaf[K comparable, V any](col *Column[K, V], write func(b []byte, v V) []byte) Field[K] {
	return leaf[K, V]{col, write}
}

func (l leaf[K, V]) compile(c *compiler, n *node[K], _ graphql.CollectedField) writer {
	u, write := use(c, n, l.col), l.write
	return func(r *Run, b []byte, i int) []byte { return write(b, u.of(r, i)) }
}

type keyedLeaf[K comparable, V any] struct {
	col   *Column[K, V]
	write func(r *Run, b []byte, k K, v V) []byte
}

// KeyedLeaf is a leaf that is written from the run, the key and a column.
func KeyedLeaf[K comparable, V any](col *Column[K, V], write func(r *Run, b []byte, k K, v V) []byte) Field[K] {
	return keyedLeaf[K, V]{col, write}
}

func (l keyedLeaf[K, V]) compile(c *compiler, n *node[K], _ graphql.CollectedField) writer {
	u, keys, write := use(c, n, l.col), n.keys, l.write
	return func(r *Run, b []byte, i int) []byte { return write(r, b, (*slot[K](r, keys))[i], u.of(r, i)) }
}

type through[K, C comparable, V any] struct {
	col   *Column[C, V]
	key   func(K) C
	write func(b []byte, v V) []byte
}

// Through is a leaf that is written from a column of another kind of key, which follows from the object's.
func Through[K, C comparable, V any](col *Column[C, V], key func(K) C, write func(b []byte, v V) []byte) Field[K] {
	return through[K, C, V]{col, key, write}
}

func (t through[K, C, V]) compile(c *compiler, n *node[K], _ graphql.CollectedField) writer {
	u, keys, write := newReading(c, t.col, true), newSlot[C](c), t.write
	n.columns = append(n.columns, func(r *Run, all []K) {
		own := slot[C](r, keys)
		for _, k := range all {
			*own = append(*own, t.key(k))
		}
		u.ask(r, *own)
	})
	return func(r *Run, b []byte, i int) []byte { return write(b, u.of(r, i)) }
}

type existsBy[K comparable, V any] struct {
	col    *Column[K, V]
	exists func(V) bool
}

// Exists decides by a column whether there is an object.
func Exists[K comparable, V any](col *Column[K, V], exists func(V) bool) Existence[K] {
	return existsBy[K, V]{col, exists}
}

func (e existsBy[K, V]) compileExists(c *compiler, n *node[K]) func(r *Run, i int) bool {
	u, exists := use(c, n, e.col), e.exists
	return func(r *Run, i int) bool { return exists(u.of(r, i)) }
}

type further[K comparable, V any] struct {
	col   *Column[K, V]
	none  func(k K) bool
	other func(k K, v V) (other K, ok bool)
	write func(b []byte, k K, v V, other *V) []byte
}

// Further is a leaf that may need the answer for another key of its column, which follows from the key and its answer. The function
// other returns that key, and ok is false if none is needed; write then gets nil. The function none reports that a key needs no answer
// at all: the column is not asked for it, and write gets the zero value and nil.
func Further[K comparable, V any](col *Column[K, V], none func(k K) bool, other func(k K, v V) (other K, ok bool),
	write func(b []byte, k K, v V, other *V) []byte) Field[K] {
	return further[K, V]{col, none, other, write}
}

type furtherStep[K comparable, V any] struct {
	further[K, V]
	from          *node[K]
	first, second *reading[K, V]
	asked, others int // slots of the keys of the readings
	// at has the positions of an object in the first reading, which is -1 if it is not asked, and in the second.
	at [2]int
}

func (l further[K, V]) compile(c *compiler, n *node[K], _ graphql.CollectedField) writer {
	s := &furtherStep[K, V]{further: l, from: n, first: newReading(c, l.col, true), second: newReading(c, l.col, true),
		asked: newSlot[K](c), others: newSlot[K](c), at: [2]int{newSlot[int32](c), newSlot[int32](c)}}
	n.follow = append(n.follow, s.follow)
	return func(r *Run, b []byte, i int) []byte {
		var v V
		var other *V
		if p := (*slot[int32](r, s.at[0]))[i]; p >= 0 {
			v = s.first.of(r, int(p))
		}
		if p := (*slot[int32](r, s.at[1]))[i]; p >= 0 {
			o := s.second.of(r, int(p))
			other = &o
		}
		return s.write(b, (*slot[K](r, n.keys))[i], v, other)
	}
}

func (s *furtherStep[K, V]) follow(r *Run, keys []K) {
	asked, at := slot[K](r, s.asked), slot[int32](r, s.at[0])
	for _, k := range keys {
		p := int32(-1)
		if !s.none(k) {
			p = int32(len(*asked))
			*asked = append(*asked, k)
		}
		*at = append(*at, p)
	}
	if len(*asked) > 0 {
		s.first.ask(r, *asked)
	}
	r.next = append(r.next, s)
}

func (s *furtherStep[K, V]) run(r *Run) {
	first, others, at := *slot[int32](r, s.at[0]), slot[K](r, s.others), slot[int32](r, s.at[1])
	for i, k := range *slot[K](r, s.from.keys) {
		p := int32(-1)
		if first[i] >= 0 {
			if other, ok := s.other(k, s.first.of(r, int(first[i]))); ok {
				p = int32(len(*others))
				*others = append(*others, other)
			}
		}
		*at = append(*at, p)
	}
	if len(*others) > 0 {
		s.second.ask(r, *others)
	}
}

type existsThrough[K, C comparable, V any] struct {
	col    *Column[C, V]
	key    func(K) C
	exists func(V) bool
}

// ExistsThrough decides by a column of another kind of key, which follows from the object's.
func ExistsThrough[K, C comparable, V any](col *Column[C, V], key func(K) C, exists func(V) bool) Existence[K] {
	return existsThrough[K, C, V]{col, key, exists}
}

func (e existsThrough[K, C, V]) compileExists(c *compiler, n *node[K]) func(r *Run, i int) bool {
	u, keys, exists := newReading(c, e.col, true), newSlot[C](c), e.exists
	n.columns = append(n.columns, func(r *Run, all []K) {
		own := slot[C](r, keys)
		for _, k := range all {
			*own = append(*own, e.key(k))
		}
		u.ask(r, *own)
	})
	return func(r *Run, i int) bool { return exists(u.of(r, i)) }
}
