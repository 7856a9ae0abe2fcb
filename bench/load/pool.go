package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Patience is how long a run waits for its last answers.
const Patience = 30 * time.Second

// Source writes the next request of a connection into the buffer, which it may grow. It belongs to one
// goroutine.
type Source func(buf []byte) []byte

// Traffic describes the requests, and how a good answer starts.
type Traffic struct {
	// Source makes the source of each of n connections.
	Source func(i, n int) Source
	// Good starts every good answer; others end the run.
	Good []byte
	// Encoding is the encoding that the requests accept besides none: "gzip", "zstd" or "". Of an answer with it only the magic
	// number is looked at, because the load generator must stay cheap.
	Encoding string
	// MayRefuse makes refusals end no closed loop. They are not counted.
	MayRefuse bool
}

// magic are the first bytes of every encoded body.
var magic = map[string][]byte{"gzip": {0x1f, 0x8b}, "zstd": {0x28, 0xb5, 0x2f, 0xfd}}

// good reports whether an answer is one that the requests ask for.
func (t Traffic) good(status int, body []byte, encoding string) bool {
	start := t.Good
	if encoding != "" {
		if encoding != t.Encoding {
			return false
		}
		start = magic[encoding]
	}
	return status == http.StatusOK && bytes.HasPrefix(body, start)
}

// Result is the result of a run.
type Result struct {
	Latency Histogram
	// Bytes are all bytes of the bodies, as they came. Encoded is how many bodies came with an encoding.
	Bytes, Encoded int64
	// Elapsed is from the start to the last answer.
	Elapsed time.Duration
}

// Pool is a set of connections to one server. It runs one run at a time.
type Pool struct {
	workers []*worker
	traffic Traffic
	addr    string
	// opened is when the connections were opened, until they have been used.
	opened time.Time
}

// worker is one connection with its source.
type worker struct {
	conn    *Conn
	source  Source
	request []byte
	latency *Histogram
	// bytes and encoded are of the present run.
	bytes, encoded int64
	left           int // requests of a pass
}

// NewPool opens n connections for some traffic.
func NewPool(ctx context.Context, addr string, n int, t Traffic) (*Pool, error) {
	p := &Pool{traffic: t, addr: addr, opened: time.Now()}
	for i := range n {
		conn, err := Dial(ctx, addr)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.workers = append(p.workers, &worker{conn: conn, source: t.Source(i, n)})
	}
	return p, nil
}

// maxUnused is how long a connection may wait for its first request. Servers close connections that wait for seconds: Roost and the
// baseline after 5 s.
const maxUnused = time.Second

// renew opens the connections again if they have waited for their first request for too long.
func (p *Pool) renew(ctx context.Context) error {
	waited := !p.opened.IsZero() && time.Since(p.opened) > maxUnused
	p.opened = time.Time{}
	if !waited {
		return nil
	}
	for _, w := range p.workers {
		conn, err := Dial(ctx, p.addr)
		if err != nil {
			return err
		}
		_ = w.conn.Close() // the server may have closed it
		w.conn = conn
	}
	return nil
}

// Close closes the connections.
func (p *Pool) Close() error {
	var all []error
	for _, w := range p.workers {
		all = append(all, w.conn.Close())
	}
	return errors.Join(all...)
}

// Closed runs a closed loop for a while.
func (p *Pool) Closed(ctx context.Context, d time.Duration) (*Result, error) {
	start := time.Now()
	end := start.Add(d)
	return p.run(ctx, start, end, func(ctx context.Context, w *worker) error {
		for now := time.Now(); now.Before(end) && ctx.Err() == nil; {
			err := w.ask(&p.traffic)
			if err != nil && !(p.traffic.MayRefuse && errors.Is(err, errRefused)) {
				return err
			}
			then := now
			now = time.Now()
			if err == nil {
				w.latency.Record(now.Sub(then))
			}
		}
		return nil
	})
}

// Pass sends n requests, shared among the connections, each of which sends its next one when it has the answer to the last one.
func (p *Pool) Pass(ctx context.Context, n int) (*Result, error) {
	for i, w := range p.workers {
		w.left = (n + len(p.workers) - 1 - i) / len(p.workers)
	}
	start := time.Now()
	return p.run(ctx, start, start.Add(Patience), func(ctx context.Context, w *worker) error {
		for ; w.left > 0 && ctx.Err() == nil; w.left-- {
			began := time.Now()
			if err := w.ask(&p.traffic); err != nil {
				return err
			}
			w.latency.Record(time.Since(began))
		}
		return nil
	})
}

// run starts a goroutine for every connection and adds up their results.
func (p *Pool) run(ctx context.Context, start, end time.Time, fn func(context.Context, *worker) error) (*Result, error) {
	if err := p.renew(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// When the context ends, no answer is waited for any longer.
	defer context.AfterFunc(ctx, func() {
		for _, w := range p.workers {
			_ = w.conn.SetDeadline(time.Now())
		}
	})()
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	for _, w := range p.workers {
		w.latency, w.bytes, w.encoded = new(Histogram), 0, 0
		if err := w.conn.SetDeadline(end.Add(Patience)); err != nil {
			return nil, err
		}
	}
	for _, w := range p.workers {
		wg.Go(func() {
			if err := fn(ctx, w); err != nil {
				once.Do(func() { first = err })
				cancel()
			}
		})
	}
	wg.Wait()
	r := &Result{Elapsed: time.Since(start)}
	for _, w := range p.workers {
		r.Latency.Add(w.latency)
		r.Bytes, r.Encoded = r.Bytes+w.bytes, r.Encoded+w.encoded
	}
	if first == nil {
		first = ctx.Err()
	}
	return r, first
}

// errRefused is the cause of an error about an answer with which a busy node refuses a request.
var errRefused = errors.New("the request was refused")

// ask sends the next request and checks how its answer starts.
func (w *worker) ask(t *Traffic) error {
	w.request = w.source(w.request[:0])
	status, body, err := w.conn.Do(w.request)
	if err != nil {
		return err
	}
	if !t.good(status, body, w.conn.encoding) {
		err := fmt.Errorf("a wrong answer: status %d, %.300s", status, body)
		if status == http.StatusServiceUnavailable {
			err = fmt.Errorf("%w: %w", errRefused, err)
		}
		return err
	}
	w.bytes += int64(len(body))
	if w.conn.encoding != "" {
		w.encoded++
	}
	return nil
}
