package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// auditRun runs an audit with options of type C. It calls progress with how far it has come, and returns a report.
type auditRun[C checker, P, R any] func(ctx context.Context, c C, progress func(P)) (*R, error)

type checker interface{ Check() error }

// auditLine is a line of the answer. It has progress, or, at the end, the report, an error, or both.
type auditLine[P, R any] struct {
	Progress *P     `json:",omitempty"`
	Report   *R     `json:",omitempty"`
	Error    string `json:",omitempty"`
}

const (
	// progressEvery is the shortest time between two lines of progress.
	progressEvery = 500 * time.Millisecond
	// lineTimeout bounds the time to write a line, and the time until the next one. A batch is bounded by its statements.
	lineTimeout = 2 * time.Minute
)

// handler serves audits on the admin address, one at a time; of names what they compare. The request is a POST with the options as JSON.
// The answer is lines of JSON with the progress; the last one has the report. A client that disconnects ends the audit.
func (run auditRun[C, P, R]) handler(of string) http.Handler {
	var running atomic.Bool
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var c C
		refuse := func(status int, text string) { answerAdmin(w, status, auditLine[P, R]{Error: text}) }
		if status, text := readAdmin(w, r, &c); text != "" {
			refuse(status, text)
			return
		}
		if err := c.Check(); err != nil {
			refuse(http.StatusUnprocessableEntity, err.Error())
			return
		}
		if !running.CompareAndSwap(false, true) {
			refuse(http.StatusConflict, "another audit of the "+of+" is running")
			return
		}
		run.serve(w, r, c, func() { running.Store(false) })
	})
}

// serve runs an audit and calls ended before it sends the last line: a client that has the report may start the next audit.
func (run auditRun[C, P, R]) serve(w http.ResponseWriter, r *http.Request, c C, ended func()) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	control, out := http.NewResponseController(w), json.NewEncoder(w)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	send := func(line auditLine[P, R]) {
		// The server's own deadlines are for short requests.
		err := errors.Join(control.SetReadDeadline(time.Now().Add(lineTimeout)), control.SetWriteDeadline(time.Now().Add(lineTimeout)),
			out.Encode(line), control.Flush())
		if err != nil {
			cancel()
		}
	}
	var last time.Time
	report, err := run.untilEnd(ctx, c, func(p P) {
		if time.Since(last) >= progressEvery {
			last = time.Now()
			send(auditLine[P, R]{Progress: &p})
		}
	}, ended)
	line := auditLine[P, R]{Report: report}
	if err != nil {
		line.Error = err.Error()
	}
	send(line)
}

// untilEnd runs an audit, and calls ended also if it panics.
func (run auditRun[C, P, R]) untilEnd(ctx context.Context, c C, progress func(P), ended func()) (*R, error) {
	defer ended()
	return run(ctx, c, progress)
}

// maxReport is the most bytes that are read of a node's answer.
const maxReport = 16 << 20

// remoteAudit makes the node at an admin address run an audit. If ctx ends, the node's audit ends, too. progress may be nil.
func remoteAudit[C, P, R any](ctx context.Context, addr, path string, c C, progress func(P)) (*R, error) {
	res, err := askAdmin(ctx, addr, path, c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	in := json.NewDecoder(io.LimitReader(res.Body, maxReport))
	for {
		var line auditLine[P, R]
		if err := in.Decode(&line); err != nil {
			return nil, fmt.Errorf("the node at --admin-addr %s ended the audit: %w", addr, cmp.Or(ctx.Err(), err))
		}
		if line.Progress != nil && progress != nil {
			progress(*line.Progress)
		}
		if line.Error != "" {
			return line.Report, errors.New(line.Error)
		}
		if line.Report != nil {
			return line.Report, nil
		}
	}
}
