package plan

//lint:file-ignore U1000 staticcheck misses calls of generic types through generic interfaces.

import "context"

// Result is how a run ended.
type Result uint8

// Every result but Answered means that the operation has to be executed in another way.
const (
	Answered    Result = iota
	Failed             // a column has an error
	Refused            // an argument is not acceptable
	NullInPlace        // null where the schema forbids it
	TooLarge           // more bytes than the caller takes
)

// String returns the result as a label of metrics.
func (r Result) String() string {
	return [...]string{"answered", "error", "argument", "null", "large"}[r]
}

// Env connects the columns of a run with what they read from.
type Env interface {
	// Fetch reads what the columns have asked for since the last call. A column reports its error when it is asked for the answers.
	Fetch(ctx context.Context)
}

// Run is one execution of a plan. It belongs to one goroutine.
type Run struct {
	Ctx  context.Context // of the operation: a run ends before the function that it was passed to returns
	Env  Env
	Vars map[string]any

	root   any
	most   int   // bytes of b
	memory []any // by slot
	// written is memory for the answer.
	written []byte
	asked   []asker
	next    []step
	result  Result
}

// asker is the state of a column that has keys without answers.
type asker interface {
	ask(r *Run) (fetch bool)
	answer(r *Run) error
}

// step is what can go on once the columns of a level are answered.
type step interface{ run(r *Run) }

// Stop ends the run without an answer, with a result other than Answered. The first call counts.
func (r *Run) Stop(why Result) {
	if r.result == Answered {
		r.result = why
	}
}

// levels asks and fetches level by level, until nothing is asked any more.
func (r *Run) levels() {
	var asked []asker
	var next []step
	for r.result == Answered && (len(r.asked) > 0 || len(r.next) > 0) {
		asked, r.asked = r.asked, asked[:0]
		fetch := false
		for _, a := range asked {
			fetch = a.ask(r) || fetch
		}
		if fetch {
			r.Env.Fetch(r.Ctx)
		}
		for _, a := range asked {
			if err := a.answer(r); err != nil {
				r.Stop(Failed)
			}
		}
		next, r.next = r.next, next[:0]
		if r.result != Answered {
			return
		}
		for _, s := range next {
			s.run(r)
		}
	}
}

// keep hands over what was read.
func (r *Run) keep() {
	for _, m := range r.memory {
		if s, ok := m.(interface{ keep(r *Run) }); ok {
			s.keep(r)
		}
	}
}

// slot returns the memory of a slot that holds a slice.
func slot[T any](r *Run, i int) *[]T { return r.memory[i].(*[]T) }

// maxWritten is the largest memory for an answer that is kept for the next run, in bytes.
const maxWritten = 64 << 10

// maxKept is the largest slice, in elements, that is kept for the next run: 100 objects with 100 items each.
const maxKept = 10_000

// reset empties a slot. It reports whether the slot is small enough to be kept.
func reset[T any](memory any) bool {
	s := memory.(*[]T)
	clear(*s)
	*s = (*s)[:0]
	return cap(*s) <= maxKept
}
