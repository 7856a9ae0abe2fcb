package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"roost/bench/report"
	"roost/bench/rig"
	"roost/bench/shares"
)

// window is a measured stretch of time. It reads what the processes of a target use from its beginning to its end, and takes a
// profile of the server meanwhile.
type window struct {
	t      *rig.Target
	before rig.Usage
	taken  chan error // receives once if a profile is taken
}

// openWindow begins a window that lasts about as long as d. The profile of a server that offers profiles is added to sum, unless
// sum is nil.
func openWindow(ctx context.Context, t *rig.Target, d time.Duration, sum *shares.Profile) (w *window, err error) {
	w = &window{t: t}
	if sum != nil && t.Admin != "" {
		w.taken = make(chan error, 1)
		go func() {
			raw, err := fetchProfile(ctx, t, "profile", profileTime(d))
			if err == nil {
				err = sum.Read(bytes.NewReader(raw))
			}
			w.taken <- err
		}()
	}
	if w.before, err = t.Usage(); err != nil {
		return nil, errors.Join(err, w.wait())
	}
	return w, nil
}

// close ends the window and returns what was used in it. It waits for the profile.
func (w *window) close() (rig.Usage, error) {
	after, err := w.t.Usage()
	return after.Sub(w.before), errors.Join(err, w.wait())
}

func (w *window) wait() error {
	if w.taken == nil {
		return nil
	}
	return <-w.taken
}

// profileTime is how long a profile lasts in a window: whole seconds, at least one.
func profileTime(window time.Duration) time.Duration {
	return max(time.Second, window.Truncate(time.Second))
}

// fetchProfile asks a server for a profile of a kind, "profile" or "allocs", over some whole seconds.
func fetchProfile(ctx context.Context, t *rig.Target, kind string, d time.Duration) (raw []byte, err error) {
	url := fmt.Sprintf("http://%s/debug/pprof/%s?seconds=%d", t.Admin, kind, int(d.Seconds()))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, res.Status)
	}
	return io.ReadAll(res.Body)
}

// partsOf divides the processor time of a request in the server, in µs, as the profile is divided. It returns nil without a profile.
func partsOf(p *shares.Profile, server float64) []report.Part {
	if p.Empty() {
		return nil
	}
	parts := make([]report.Part, len(shares.Parts))
	for i, share := range p.Shares() {
		parts[i] = report.Part{Name: shares.Parts[i].Short, Micros: share * server}
	}
	return parts
}
