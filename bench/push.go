package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"roost/bench/load"
	"roost/bench/report"
	"roost/bench/rig"
	"roost/bench/shares"
)

// listeners are sockets of one kind, with the traffic that causes their pushes.
type listeners struct {
	sockets int
	join    func(ctx context.Context, i int) (*websocket.Conn, error)
	mark    load.Mark
	// change sends the requests whose effects the sockets receive, rate times a second for a while. It is nil if the sockets
	// must receive nothing.
	change load.Source
	rate   float64
	while  time.Duration
	// exact is set if every change must arrive once and in order; otherwise newer states of counts may replace older ones.
	exact bool

	crowd *load.Crowd
	last  int64 // number of the latest change
	asked time.Time
	due   map[int64]time.Time
}

// push is one run against a target. The server is started for it, so that it holds no memory of earlier runs. No other server
// runs, because even an idle node reads from PostgreSQL all the time.
// A profile of the server while it pushes is added to profile, unless that is nil.
func (b *bench) push(ctx context.Context, t *rig.Target, kinds func() []*listeners, profile *shares.Profile) (s report.Sample, err error) {
	for _, other := range b.targets() {
		if err := other.Stop(); err != nil {
			return s, err
		}
	}
	if err := t.Restart(ctx); err != nil {
		return s, err
	}
	all := kinds()
	conn, err := load.Dial(ctx, t.Addr)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// One change comes before: it sets up connections, for example, which do not belong to the memory of the sockets.
	if err := each(all, func(l *listeners) error { return l.make(conn) }); err != nil {
		return s, err
	}
	empty, err := t.Memory()
	if err != nil {
		return s, err
	}
	defer drop(all)
	sockets, err := gather(ctx, all)
	if err != nil {
		return s, err
	}
	open, err := t.Memory()
	if err != nil {
		return s, err
	}
	used, elapsed, err := pushAll(ctx, t, conn, all, profile)
	if err != nil {
		return s, err
	}
	full, fullErr := t.Memory()
	peak, peakErr := t.PeakMemory()
	d, err := received(all)
	if err := errors.Join(fullErr, peakErr, err); err != nil {
		return s, err
	}
	s = sampleOf(&d.Latency, elapsed, used)
	s.Last, s.LastMax = ms(d.Last.Quantile(0.5)), ms(d.Last.Max())
	s.Arrived = float64(d.Latency.Count()) / float64(d.Expected)
	s.KiB = float64(full-empty) / 1024 / float64(sockets)
	s.MiB, s.PeakMiB = mib(open), mib(peak)
	return s, nil
}

// gather opens all sockets and returns how many there are.
func gather(ctx context.Context, all []*listeners) (sockets int, err error) {
	for _, l := range all {
		if l.crowd, err = load.Gather(ctx, l.sockets, l.mark, l.join); err != nil {
			return sockets, err
		}
		sockets += l.sockets
	}
	return sockets, nil
}

// drop closes the sockets that a failure left open.
func drop(all []*listeners) {
	for _, l := range all {
		if l.crowd != nil {
			_, _ = l.crowd.Close(nil) // the first failure is the one to report
		}
	}
}

// pushAll makes the changes, and returns the resources that were used until every socket had received them.
func pushAll(ctx context.Context, t *rig.Target, conn *load.Conn, all []*listeners,
	profile *shares.Profile) (used rig.Usage, elapsed time.Duration, err error) {
	// After one change has come to every socket, all subscriptions have begun.
	if err := each(all, func(l *listeners) error { return l.warm(ctx, conn) }); err != nil {
		return used, 0, err
	}
	var while time.Duration
	for _, l := range all {
		while = max(while, l.while)
	}
	w, err := openWindow(ctx, t, while, profile)
	if err != nil {
		return used, 0, err
	}
	start := time.Now()
	err = each(all, func(l *listeners) error { return l.changes(ctx, conn) })
	elapsed = time.Since(start)
	used, usedErr := w.close()
	return used, elapsed, errors.Join(err, usedErr)
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// each runs a function for all listeners.
func each(all []*listeners, fn func(*listeners) error) error {
	for _, l := range all {
		if l.change == nil {
			continue
		}
		if err := fn(l); err != nil {
			return err
		}
	}
	return nil
}

// received closes the sockets and checks which pushes they have received.
func received(all []*listeners) (*load.Deliveries, error) {
	sum := &load.Deliveries{}
	var bad []error
	for _, l := range all {
		d, err := l.crowd.Close(l.due)
		l.crowd = nil
		switch {
		case err != nil:
		case l.change == nil:
			err = d.Silent()
		case l.exact:
			err = d.Exact()
		}
		bad = append(bad, err)
		sum.Add(d)
	}
	return sum, errors.Join(bad...)
}

// warm makes one change and waits until every socket has received it.
func (l *listeners) warm(ctx context.Context, conn *load.Conn) error {
	if err := l.make(conn); err != nil {
		return err
	}
	return l.await(ctx)
}

// make makes one change. A request may ask for the present state and change nothing; then the next one changes something.
func (l *listeners) make(conn *load.Conn) error {
	for before := l.last; l.last == before; {
		if err := conn.SetDeadline(time.Now().Add(load.Patience)); err != nil {
			return err
		}
		request := l.change(nil)
		l.asked = time.Now()
		status, body, err := conn.Do(request)
		if err != nil {
			return err
		}
		if l.last = l.mark(body); l.last == 0 {
			return fmt.Errorf("a change was refused: status %d, %.300s", status, body)
		}
	}
	return nil
}

// changes makes changes at a fixed rate, at least one, each when it is due, and stores the time of each by its number. It returns when
// every socket has received the last one, and the time is over.
func (l *listeners) changes(ctx context.Context, conn *load.Conn) error {
	l.due = map[int64]time.Time{}
	start, n := time.Now(), max(1, int(l.rate*l.while.Seconds()))
	after := func(changes int) time.Time {
		return start.Add(time.Duration(float64(changes) / l.rate * float64(time.Second)))
	}
	for i := range n {
		if err := until(ctx, after(i)); err != nil {
			return err
		}
		if err := l.make(conn); err != nil {
			return err
		}
		// Latency counts from the request, because the lateness of a timer does not belong to the push.
		l.due[l.last] = l.asked
	}
	if err := l.await(ctx); err != nil {
		return err
	}
	return until(ctx, after(n))
}

// until waits for a time.
func until(ctx context.Context, t time.Time) error {
	wait := time.NewTimer(time.Until(t))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}

// await waits until every socket has received the latest change.
func (l *listeners) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, load.Patience)
	defer cancel()
	return l.crowd.Await(ctx, l.last)
}
