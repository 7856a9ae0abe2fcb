package plan

//lint:file-ignore U1000 staticcheck misses calls of generic types through generic interfaces.

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Kind is one of the types that a field of an interface type may have. As makes one.
type Kind interface {
	compile(c *compiler, sel ast.SelectionSet, s shape) kindNode
}

// kindNode is the node of one kind.
type kindNode interface {
	add(r *Run, id string) (position int, ok bool)
	start(r *Run)
	object() writer
}

type kind[C comparable] struct {
	typ func() *Type[C]
	of  func(r *Run, id string) (c C, ok bool)
}

// As is a kind whose objects are named by global ids; ok is false for an id of another kind.
func As[C comparable](typ func() *Type[C], of func(r *Run, id string) (c C, ok bool)) Kind {
	return kind[C]{typ, of}
}

func (k kind[C]) compile(c *compiler, sel ast.SelectionSet, s shape) kindNode {
	return &typedNode[C]{kind: k, node: compileNode(c, k.typ(), sel, s)}
}

type typedNode[C comparable] struct {
	kind[C]
	node *node[C]
}

func (n *typedNode[C]) add(r *Run, id string) (int, bool) {
	k, ok := n.of(r, id)
	if !ok {
		return 0, false
	}
	to := slot[C](r, n.node.keys)
	*to = append(*to, k)
	return len(*to) - 1, true
}

func (n *typedNode[C]) start(r *Run) { n.node.start(r) }

func (n *typedNode[C]) object() writer { return object(n.node, false) }

// position is where an object of several kinds is.
type position struct{ kind, at int32 }

type nodes[K comparable] struct {
	list  bool
	kinds []Kind
	ids   func(r *Run, a Args, to []string) (_ []string, ok bool)
}

// Nodes is a list of objects of several kinds, in the order of their ids, with null for an id that names none. The function ids
// appends the ids of the arguments; ok is false for arguments that cannot be accepted.
func Nodes[K comparable](ids func(r *Run, a Args, to []string) (_ []string, ok bool), kinds ...Kind) Field[K] {
	return nodes[K]{true, kinds, ids}
}

// Node is an object of one of several kinds. The function ids appends one id.
func Node[K comparable](ids func(r *Run, a Args, to []string) (_ []string, ok bool), kinds ...Kind) Field[K] {
	return nodes[K]{false, kinds, ids}
}

func (f nodes[K]) compile(c *compiler, n *node[K], field graphql.CollectedField) writer {
	if !n.single {
		c.refuse("nodes of several objects")
	}
	names, positions, args := newSlot[string](c), newSlot[position](c), Args{field.Field}
	s := shape{single: !f.list, repeats: f.list}
	kinds, write := make([]kindNode, len(f.kinds)), make([]writer, len(f.kinds))
	for i, k := range f.kinds {
		kinds[i] = k.compile(c, field.Selections, s)
		write[i] = kinds[i].object()
	}
	n.follow = append(n.follow, func(r *Run, _ []K) {
		ids, at := slot[string](r, names), slot[position](r, positions)
		var ok bool
		if *ids, ok = f.ids(r, args, *ids); !ok {
			r.Stop(Refused)
			return
		}
		for _, id := range *ids {
			p := position{kind: -1}
			for i, k := range kinds {
				if pos, ok := k.add(r, id); ok {
					p = position{int32(i), int32(pos)}
					break
				}
			}
			*at = append(*at, p)
		}
		for _, k := range kinds {
			k.start(r)
		}
	})
	one := func(r *Run, b []byte, i int) []byte {
		p := (*slot[position](r, positions))[i]
		if p.kind < 0 {
			return append(b, null...)
		}
		return write[p.kind](r, b, int(p.at))
	}
	if !f.list {
		return one
	}
	return func(r *Run, b []byte, _ int) []byte {
		b = append(b, '[')
		for i := range *slot[position](r, positions) {
			if i > 0 {
				b = append(b, ',')
			}
			if b = one(r, b, i); len(b) > r.most {
				r.Stop(TooLarge)
			}
			if r.result != Answered {
				break
			}
		}
		return append(b, ']')
	}
}

type foundKind[N comparable, V any, C comparable] struct {
	col *Column[N, V]
	typ func() *Type[C]
	of  func(r *Run, id string) (n N, ok bool)
	key func(r *Run, v V) (c C, ok bool)
}

// AsFound is a kind whose objects are looked up in a column. The function of returns the key for the column, and false for an id of
// another kind; key returns the object's key, and false if there is none.
func AsFound[N comparable, V any, C comparable](col *Column[N, V], typ func() *Type[C], of func(r *Run, id string) (n N, ok bool),
	key func(r *Run, v V) (c C, ok bool)) Kind {
	return foundKind[N, V, C]{col, typ, of, key}
}

type foundNode[N comparable, V any, C comparable] struct {
	foundKind[N, V, C]
	u                *reading[N, V]
	child            *node[C]
	names, positions int
}

func (k foundKind[N, V, C]) compile(c *compiler, sel ast.SelectionSet, s shape) kindNode {
	s.repeats = true
	return &foundNode[N, V, C]{foundKind: k, u: newReading(c, k.col, true), child: compileNode(c, k.typ(), sel, s),
		names: newSlot[N](c), positions: newSlot[int32](c)}
}

func (n *foundNode[N, V, C]) add(r *Run, id string) (int, bool) {
	name, ok := n.of(r, id)
	if !ok {
		return 0, false
	}
	names := slot[N](r, n.names)
	*names = append(*names, name)
	return len(*names) - 1, true
}

func (n *foundNode[N, V, C]) start(r *Run) {
	if names := *slot[N](r, n.names); len(names) > 0 {
		n.u.ask(r, names)
		r.next = append(r.next, n)
	}
}

func (n *foundNode[N, V, C]) run(r *Run) {
	at, to := slot[int32](r, n.positions), slot[C](r, n.child.keys)
	for i := range *slot[N](r, n.names) {
		p := int32(-1)
		if k, ok := n.key(r, n.u.of(r, i)); ok {
			p = int32(len(*to))
			*to = append(*to, k)
		}
		*at = append(*at, p)
	}
	n.child.start(r)
}

func (n *foundNode[N, V, C]) object() writer {
	return linked(n.positions, object(n.child, false), false)
}
