package load

import (
	"bytes"
	"context"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// Offer is an open loop that never waits. If every connection is busy, a request is sent on a new one, so that a server that falls
// behind gets no fewer requests.
type Offer struct {
	Addr    string
	Traffic Traffic
	// Rate is the number of requests a second. Duration is how long requests are sent.
	Rate     float64
	Duration time.Duration
	// Deadline is how long an answer is of use, from the time at which its request was due.
	Deadline time.Duration
	// Conns bounds the connections; requests beyond it are not sent and count as Unsent.
	Conns int
	// Events makes the outcome hold every request that was sent.
	Events bool
}

// Ending is how a request of an Offer ended.
type Ending int

// The endings; [Outcome] describes them.
const (
	Good Ending = iota
	Late
	Refused
	Broken
)

// Event is one request of an Offer.
type Event struct {
	// Due is when it was due, Took how long after that its answer came or its connection ended.
	Due    time.Time
	Took   time.Duration
	Ending Ending
}

// Outcome counts the outcomes of the requests of an Offer.
type Outcome struct {
	// Good counts good answers within the deadline, Late those after it. Refused counts the answers with status 503, and those in
	// which an error has the code UNAVAILABLE. Broken counts other answers, and connections that ended. Unsent counts requests for
	// which there was no connection.
	Good, Late, Refused, Broken, Unsent int64
	// Latency holds the latency of good answers, Refusal that of refusals, both from the time at which a request was due.
	Latency, Refusal Histogram
	// Events holds every request, in no order, if the Offer asks for them.
	Events []Event
	// Elapsed is from the start to the last answer.
	Elapsed time.Duration
}

// Goodput returns the good answers per second, over the time in which requests came.
func (o *Outcome) Goodput(d time.Duration) float64 { return float64(o.Good) / d.Seconds() }

// offering is the state of a running Offer.
type offering struct {
	Offer
	mu      sync.Mutex
	idle    []chan time.Time // of connections that wait, the last used first
	workers []*offered
	wg      sync.WaitGroup
}

// offered is one connection with its results.
type offered struct {
	Outcome
	source  Source
	request []byte
	work    chan time.Time
}

// Run sends the load, and returns when every request has been answered or has failed.
func (o Offer) Run(ctx context.Context) (*Outcome, error) {
	r := &offering{Offer: o}
	start := time.Now()
	pace := NewPacer(start, o.Rate, o.Duration)
	var unsent int64
	paced := make(chan struct{})
	go func() {
		defer close(paced)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		precise()
		for {
			at, ok := pace.Due()
			if !ok || ctx.Err() != nil {
				return
			}
			napUntil(at)
			if !r.send(ctx, at) {
				unsent++
			}
		}
	}()
	<-paced
	r.mu.Lock()
	for _, w := range r.workers {
		close(w.work)
	}
	r.mu.Unlock()
	r.wg.Wait()
	out := &Outcome{Elapsed: time.Since(start), Unsent: unsent}
	for _, w := range r.workers {
		out.Good, out.Late, out.Refused, out.Broken = out.Good+w.Good, out.Late+w.Late, out.Refused+w.Refused, out.Broken+w.Broken
		out.Latency.Add(&w.Latency)
		out.Refusal.Add(&w.Refusal)
		out.Events = append(out.Events, w.Events...)
	}
	return out, ctx.Err()
}

// send passes a request to a connection that waits, or to a new one.
func (r *offering) send(ctx context.Context, due time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.idle); n > 0 {
		r.idle[n-1] <- due
		r.idle = r.idle[:n-1]
		return true
	}
	if len(r.workers) >= r.Conns {
		return false
	}
	w := &offered{source: r.Traffic.Source(len(r.workers), r.Conns), work: make(chan time.Time, 1)}
	r.workers = append(r.workers, w)
	w.work <- due
	r.wg.Go(func() { r.serve(ctx, w) })
	return true
}

// serve sends the requests that it receives over a connection of its own, which it reopens when it ends.
func (r *offering) serve(ctx context.Context, w *offered) {
	var conn *Conn
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	for due := range w.work {
		if conn == nil {
			conn, _ = Dial(ctx, r.Addr)
		}
		ending := Broken
		if conn != nil {
			ending = w.ask(conn, r.Offer, due)
		}
		if r.Offer.Events {
			w.Events = append(w.Events, Event{Due: due, Took: time.Since(due), Ending: ending})
		}
		if ending == Broken {
			w.Broken++
			if conn != nil {
				_ = conn.Close()
				conn = nil
			}
		}
		r.mu.Lock()
		r.idle = append(r.idle, w.work)
		r.mu.Unlock()
	}
}

// unavailable is in every answer of a node that refuses to work on a request, whatever its status.
var unavailable = []byte(`"UNAVAILABLE"`)

// ask sends one request. After Broken the connection cannot be used again.
func (w *offered) ask(conn *Conn, o Offer, due time.Time) Ending {
	if conn.SetDeadline(due.Add(Patience)) != nil {
		return Broken
	}
	w.request = w.source(w.request[:0])
	status, body, err := conn.Do(w.request)
	took := time.Since(due)
	switch {
	case err != nil:
		return Broken
	case status == http.StatusServiceUnavailable,
		!o.Traffic.good(status, body, conn.encoding) && bytes.Contains(body, unavailable):
		w.Refused++
		w.Refusal.Record(took)
		return Refused
	case !o.Traffic.good(status, body, conn.encoding):
		return Broken
	case took > o.Deadline:
		w.Late++
		return Late
	default:
		w.Good++
		w.Latency.Record(took)
		return Good
	}
}
