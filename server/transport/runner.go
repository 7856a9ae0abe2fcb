package transport

import (
	"runtime"
	"sync"
)

// runner works for streams that have something to send. An event concerns thousands of streams at once, and needs a few
// microseconds for each of them, so a few goroutines go from stream to stream. They exist only while there is something to do. A
// goroutine that has to wait for one stream leaves the others to another goroutine, see worker.leave.
type runner struct {
	max int

	mu      sync.Mutex
	queue   []*stream
	workers int
}

func newRunner() *runner { return &runner{max: runtime.GOMAXPROCS(0)} }

// add queues a stream, which nobody works for. It does not block.
func (r *runner) add(st *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, st)
	r.start()
}

// start starts another goroutine if that helps. The caller holds the lock.
func (r *runner) start() {
	if r.workers < r.max && r.workers < len(r.queue) {
		r.workers++
		go r.run(&worker{of: r})
	}
}

// next returns the next stream, or nil for a worker that has nothing to do any more.
func (r *runner) next() *stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		r.queue = nil
		r.workers--
		return nil
	}
	st := r.queue[0]
	r.queue[0] = nil
	r.queue = r.queue[1:]
	return st
}

func (r *runner) run(w *worker) {
	for st := r.next(); st != nil; st = r.next() {
		if st.work(w); w.left {
			return
		}
	}
}

// worker is a goroutine of a runner.
type worker struct {
	of   *runner
	left bool
}

// leave makes the goroutine belong to the stream that it works for now, and lets another one take its place in the runner.
func (w *worker) leave() {
	if w.left {
		return
	}
	w.left = true
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	w.of.workers--
	w.of.start()
}
