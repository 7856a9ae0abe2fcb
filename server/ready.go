package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"roost/internal/errs"
)

// Check checks a part that the server needs, such as the database.
type Check struct {
	Name string
	// Run fails while the part does not work. It gets Config.CheckTimeout and is not started again before
	// it has returned.
	Run func(ctx context.Context) error
	// Optional parts are listed in the answer, but do not make the server unready.
	Optional bool
	// Bearable, if not nil, reports whether the server stays in traffic despite a failure; the state is then degraded, as
	// for an optional part.
	Bearable func(failure error) bool
}

// freshFor is how long the result of a check is used again, so that frequent probes do not put load on the stores.
const freshFor = 250 * time.Millisecond

// probe is a check with its last result.
type probe struct {
	Check
	log     *slog.Logger
	mu      sync.Mutex
	running chan struct{} // closed when the run under way ends; nil if there is none
	at      time.Time
	err     error
}

// result returns the last result if it is fresh; otherwise it waits for a new run, or until ctx ends.
func (p *probe) result(ctx context.Context, timeout time.Duration) error {
	p.mu.Lock()
	if time.Since(p.at) < freshFor {
		defer p.mu.Unlock()
		return p.err
	}
	running := p.running
	if running == nil {
		running = make(chan struct{})
		p.running = running
		go p.run(context.WithoutCancel(ctx), timeout, running)
	}
	p.mu.Unlock()
	select {
	case <-running:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *probe) run(ctx context.Context, timeout time.Duration, running chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var err error
	func() {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
		}()
		err = p.Run(ctx)
	}()
	if err != nil { // here, and not with each answer: anybody may ask
		p.log.WarnContext(ctx, "check failed", "check", p.Name, "error", err)
	}
	p.mu.Lock()
	p.at, p.err, p.running = time.Now(), err, nil
	p.mu.Unlock()
	close(running)
}

// The states of a server, from the one that hides the others to the best.
const (
	stateDraining = "draining"
	stateStarting = "starting"
	stateUnready  = "unready"
	stateDegraded = "degraded"
	stateReady    = "ready"
)

type readiness struct {
	// Status is one of the states. In all but ready and degraded the server should get no traffic.
	Status string `json:"status"`
	// Checks holds ok, degraded or failing for each check.
	Checks map[string]string `json:"checks,omitempty"`
	// Reasons holds the public messages of failures. A failure without a public message is only logged, because this answer
	// is public.
	Reasons map[string]string `json:"reasons,omitempty"`
}

// ready runs all checks in parallel.
func (s *Server) ready(ctx context.Context) readiness {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CheckTimeout)
	defer cancel()
	results := make([]error, len(s.probes))
	var all sync.WaitGroup
	for i, p := range s.probes {
		all.Go(func() { results[i] = p.result(ctx, s.cfg.CheckTimeout) })
	}
	all.Wait()
	out := readiness{Status: stateReady, Checks: map[string]string{}}
	for i, p := range s.probes {
		err := results[i]
		switch {
		case err == nil:
			out.Checks[p.Name] = "ok"
			continue
		case p.Optional || p.Bearable != nil && p.Bearable(err):
			out.Checks[p.Name] = stateDegraded
			if out.Status == stateReady {
				out.Status = stateDegraded
			}
		default:
			out.Checks[p.Name] = "failing"
			out.Status = stateUnready
		}
		if e, ok := errors.AsType[*errs.Error](err); ok {
			if out.Reasons == nil {
				out.Reasons = map[string]string{}
			}
			out.Reasons[p.Name] = e.Message
		}
	}
	switch {
	case s.draining.Load():
		out.Status = stateDraining
	case !s.open.Load():
		out.Status = stateStarting
	}
	return out
}

func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	state := s.ready(r.Context())
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if state.Status != stateReady && state.Status != stateDegraded {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(state)
}

// serveHealth answers that the process runs, whatever the state of its stores.
func serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte("ok\n"))
}
