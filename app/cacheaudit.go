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

	"roost/cache"
	"roost/cache/audit"
	"roost/events"
	"roost/rows"
)

// CacheAudit compares all cache entries with SQL, in this process or through the admin address of a node.
type CacheAudit interface {
	Run(ctx context.Context, c audit.Config) (*audit.Report, error)
}

var (
	_ CacheAudit = (*audit.Auditor)(nil)
	_ CacheAudit = RemoteAudit{}
)

// OpenCacheAudit opens PostgreSQL and Redis for an audit outside of any node. closeStores closes both.
func OpenCacheAudit(ctx context.Context, c Config) (a *audit.Auditor, closeStores func() error, err error) {
	stores, err := OpenStores(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	redis, err := cache.Open(cache.Config{URL: c.RedisURL})
	if err != nil {
		return nil, nil, errors.Join(err, stores.Close())
	}
	closeStores = func() error { return errors.Join(redis.Close(), stores.Close()) }
	tier, err := cache.NewTier(redis)
	if err == nil {
		err = errors.Join(tier.Probe(ctx), redis.Ping(ctx))
	}
	if err != nil {
		return nil, nil, errors.Join(err, closeStores())
	}
	rows, err := rows.New(tier, c.rowSources(stores, events.New(stores.Client, c.clock())))
	if err != nil {
		return nil, nil, errors.Join(err, closeStores())
	}
	epoch, err := events.CurrentEpoch(ctx, stores.DB)
	if err != nil {
		return nil, nil, errors.Join(err, closeStores())
	}
	tier.SetEpoch(epoch.Number)
	return audit.NewAuditor(tier, rows.Kinds()...), closeStores, nil
}

// auditLine is a line of the answer. It has progress, or, at the end, the report, an error, or both.
type auditLine struct {
	Progress *audit.Progress `json:",omitempty"`
	Report   *audit.Report   `json:",omitempty"`
	Error    string          `json:",omitempty"`
}

const (
	// progressEvery is the shortest time between two lines of progress.
	progressEvery = 500 * time.Millisecond
	// lineTimeout bounds the time to write a line, and the time until the next one. A batch is bounded by its statements.
	lineTimeout = 2 * time.Minute
)

// auditHandler serves audits on the admin address, one at a time. The request is a POST with an audit.Config as JSON. The answer is
// lines of JSON with the progress; the last one has the report. A client that disconnects ends the audit.
func auditHandler(a CacheAudit) http.Handler {
	var running atomic.Bool
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var c audit.Config
		refuse := func(status int, text string) { answerAdmin(w, status, auditLine{Error: text}) }
		if status, text := readAdmin(w, r, &c); text != "" {
			refuse(status, text)
			return
		}
		if err := c.Check(); err != nil {
			refuse(http.StatusUnprocessableEntity, err.Error())
			return
		}
		if !running.CompareAndSwap(false, true) {
			refuse(http.StatusConflict, "another audit of the cache is running")
			return
		}
		serveAudit(w, r, a, c, func() { running.Store(false) })
	})
}

// serveAudit runs an audit and calls ended before it sends the last line: a client that has the report may start the next audit.
func serveAudit(w http.ResponseWriter, r *http.Request, a CacheAudit, c audit.Config, ended func()) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	control, out := http.NewResponseController(w), json.NewEncoder(w)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	send := func(line auditLine) {
		// The server's own deadlines are for short requests.
		err := errors.Join(control.SetReadDeadline(time.Now().Add(lineTimeout)), control.SetWriteDeadline(time.Now().Add(lineTimeout)),
			out.Encode(line), control.Flush())
		if err != nil {
			cancel()
		}
	}
	var last time.Time
	c.Progress = func(p audit.Progress) {
		if time.Since(last) >= progressEvery {
			last = time.Now()
			send(auditLine{Progress: &p})
		}
	}
	report, err := runAudit(ctx, a, c, ended)
	line := auditLine{Report: report}
	if err != nil {
		line.Error = err.Error()
	}
	send(line)
}

func runAudit(ctx context.Context, a CacheAudit, c audit.Config, ended func()) (*audit.Report, error) {
	defer ended()
	return a.Run(ctx, c)
}

// RemoteAudit runs audits in another process, a running node.
type RemoteAudit struct{ addr string }

// NewRemoteAudit returns a RemoteAudit of the node at an admin address, in the form of --admin-addr.
func NewRemoteAudit(addr string) RemoteAudit { return RemoteAudit{addr} }

// maxReport is the most bytes that are read of a node's answer.
const maxReport = 16 << 20

// Run makes the node audit its cache. If ctx ends, the node's audit ends, too.
func (r RemoteAudit) Run(ctx context.Context, c audit.Config) (*audit.Report, error) {
	res, err := askAdmin(ctx, r.addr, "/audit/cache", c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	in := json.NewDecoder(io.LimitReader(res.Body, maxReport))
	for {
		var line auditLine
		if err := in.Decode(&line); err != nil {
			return nil, fmt.Errorf("the node at --admin-addr %s ended the audit: %w", r.addr, cmp.Or(ctx.Err(), err))
		}
		if line.Progress != nil && c.Progress != nil {
			c.Progress(*line.Progress)
		}
		if line.Error != "" {
			return line.Report, errors.New(line.Error)
		}
		if line.Report != nil {
			return line.Report, nil
		}
	}
}
