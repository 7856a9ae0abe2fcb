package plan

//lint:file-ignore U1000 staticcheck misses calls of generic types through generic interfaces.

import "slices"

// Column is a question that is answered for many keys at once.
type Column[K comparable, V any] struct {
	// Source makes what answers the question in one run at a time. It is kept between runs.
	Source func() Source[K, V]
}

// Source answers a column. A run calls Ask, fetches, and then calls Answer with the same keys; this may be repeated with other
// keys.
type Source[K comparable, V any] interface {
	// Ask notes what has to be fetched for the keys. It returns false if all answers are there without a fetch.
	Ask(r *Run, keys []K) (fetch bool)
	// Answer appends one value for each key, in the order of the keys.
	Answer(r *Run, keys []K, to []V) ([]V, error)
	// Keep hands answers to those who go on without the plan, by position. If err is not nil, it is the answer for keys, and there
	// are no values.
	Keep(r *Run, keys []K, values []V, err error)
	// Reset drops what the run has left.
	Reset()
}

// state holds the keys that one run has asked a column, and their answers by position.
type state[K comparable, V any] struct {
	source Source[K, V]
	keys   []K
	values []V
	at     map[K]int32 // positions of the first keys, if several places ask the column and there are more than fewKeys
	next   int32       // position behind the key that was found last
	queued bool
	err    error // of the keys without values
}

func (s *state[K, V]) ask(r *Run) bool { return s.source.Ask(r, s.keys[len(s.values):]) }

func (s *state[K, V]) answer(r *Run) error {
	s.queued = false
	before := len(s.values)
	if s.values, s.err = s.source.Answer(r, s.keys[before:], s.values); s.err != nil {
		clear(s.values[before:])
		s.values = s.values[:before] // a batch fails as a whole, as it does for a loader
	}
	return s.err
}

func (s *state[K, V]) keep(r *Run) {
	if len(s.values) > 0 {
		s.source.Keep(r, s.keys[:len(s.values)], s.values, nil)
	}
	if s.err != nil {
		s.source.Keep(r, s.keys[len(s.values):], nil, s.err)
	}
}

// queue has the column asked on this level.
func (s *state[K, V]) queue(r *Run) {
	if !s.queued && len(s.keys) > len(s.values) {
		s.queued = true
		r.asked = append(r.asked, s)
	}
}

// fewKeys is how many keys are compared one by one, because that takes no longer than a map.
const fewKeys = 32

// find returns the position of a key, which is added if it is new. Places often ask for the same keys in the same order, so it looks
// behind the last one first.
func (s *state[K, V]) find(k K) int32 {
	p, ok := s.next, true
	if int(p) >= len(s.keys) || s.keys[p] != k {
		if p, ok = s.position(k); !ok {
			p = int32(len(s.keys))
			s.keys = append(s.keys, k)
		}
	}
	s.next = p + 1
	return p
}

func (s *state[K, V]) position(k K) (p int32, ok bool) {
	if len(s.keys) <= fewKeys {
		p := slices.Index(s.keys, k)
		return int32(p), p >= 0
	}
	for i := len(s.at); i < len(s.keys); i++ { // the keys of a shared column differ
		s.at[s.keys[i]] = int32(i)
	}
	p, ok = s.at[k]
	return p, ok
}

func (s *state[K, V]) reset() bool {
	kept := cap(s.keys) <= maxKept
	clear(s.keys)
	clear(s.values)
	clear(s.at)
	s.keys, s.values, s.queued, s.err, s.next = s.keys[:0], s.values[:0], false, nil, 0
	s.source.Reset()
	return kept
}

// reading is how a node reads a column: the answers for its keys, by position.
type reading[K comparable, V any] struct {
	state int // slot of the column's state
	// at is the slot of the positions in the state, used if shared is set. Otherwise the node's positions are those of the state.
	at     int
	shared *bool
}

// ask asks the column for the keys of a node.
func (u *reading[K, V]) ask(r *Run, keys []K) {
	s := r.memory[u.state].(*state[K, V])
	if *u.shared {
		at := slot[int32](r, u.at)
		for _, k := range keys {
			*at = append(*at, s.find(k))
		}
	} else {
		s.keys = append(s.keys, keys...)
	}
	s.queue(r)
}

// of returns the answer for the i-th object of the node.
func (u *reading[K, V]) of(r *Run, i int) V {
	if *u.shared {
		i = int((*slot[int32](r, u.at))[i])
	}
	return r.memory[u.state].(*state[K, V]).values[i]
}

// answered reports whether a column can be read on this level already: everything that a node asked has been answered.
func (u *reading[K, V]) answered(r *Run) bool {
	s := r.memory[u.state].(*state[K, V])
	return len(s.values) == len(s.keys)
}
