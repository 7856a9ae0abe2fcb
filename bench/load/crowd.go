package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// Crowd are many sockets that listen to pushes which carry a revision. Each has one goroutine, which
// ends with Close.
type Crowd struct {
	sockets []*socket
	wg      sync.WaitGroup
}

// socket is one of them.
type socket struct {
	conn *websocket.Conn
	// latest is the highest revision that came.
	latest atomic.Int64
	// pushes belong to the reading goroutine until it has ended.
	pushes []push
	err    error
}

type push struct {
	revision int64
	at       time.Time
}

// gathering is how many sockets are opened at once.
const gathering = 16

// Gather opens n sockets. Join opens one, and subscribes; it returns when the first push has come, so that
// no later one is missed.
func Gather(ctx context.Context, n int, join func(context.Context) (*websocket.Conn, error)) (*Crowd, error) {
	c := &Crowd{sockets: make([]*socket, n)}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range gathering {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				conn, err := join(ctx)
				if err != nil {
					cancel(fmt.Errorf("open socket %d of %d: %w", i+1, n, err))
					return
				}
				c.sockets[i] = &socket{conn: conn, pushes: make([]push, 0, 64)}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		c.drop()
		return nil, context.Cause(ctx)
	}
	for _, s := range c.sockets {
		c.wg.Go(s.listen)
	}
	return c, nil
}

func (c *Crowd) drop() {
	for _, s := range c.sockets {
		if s != nil {
			_ = s.conn.Close()
		}
	}
}

var revisionName = []byte(`"revision":`)

// Revision finds the number of the first "revision" in a JSON text; 0 if there is none.
func Revision(text []byte) int64 {
	i := bytes.Index(text, revisionName)
	if i < 0 {
		return 0
	}
	digits := text[i+len(revisionName):]
	end := 0
	for end < len(digits) && digits[end] >= '0' && digits[end] <= '9' {
		end++
	}
	n, _ := strconv.ParseInt(string(digits[:end]), 10, 64) // no digits are no revision
	return n
}

// listen notes what comes until the socket is closed.
func (s *socket) listen() {
	buf := make([]byte, 4<<10)
	for {
		_, r, err := s.conn.NextReader()
		if err != nil {
			s.err = err
			return
		}
		n, err := io.ReadFull(r, buf)
		now := time.Now()
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			s.err = err
			return
		}
		// An older state, or the same again, is not a delivery.
		if rev := Revision(buf[:n]); rev > s.latest.Load() {
			s.pushes = append(s.pushes, push{rev, now})
			s.latest.Store(rev)
		}
	}
}

// Await waits until every socket has got a revision, or a later one.
func (c *Crowd) Await(ctx context.Context, revision int64) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		missing := 0
		for _, s := range c.sockets {
			if s.latest.Load() < revision {
				missing++
			}
		}
		if missing == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d sockets did not get the last push: %w", missing, len(c.sockets), ctx.Err())
		case <-tick.C:
		}
	}
}

// Deliveries are what a crowd got of some revisions.
type Deliveries struct {
	// Latency is of every delivery, Last of the last one of each revision.
	Latency, Last Histogram
	// Expected is revisions times sockets. States that the server merged into later ones are missing.
	Expected int64
}

// Close closes the sockets and tells what came of the revisions, each given with the time that its
// latency counts from.
func (c *Crowd) Close(due map[int64]time.Time) (*Deliveries, error) {
	var broken error
	// A closed connection ends its reader; how the server takes it does not matter any more.
	c.drop()
	c.wg.Wait()
	d := &Deliveries{Expected: int64(len(due)) * int64(len(c.sockets))}
	last := map[int64]time.Duration{}
	for _, s := range c.sockets {
		if _, closed := errors.AsType[*websocket.CloseError](s.err); closed {
			broken = fmt.Errorf("the server closed a socket: %w", s.err)
		}
		for _, p := range s.pushes {
			from, ok := due[p.revision]
			if !ok {
				continue
			}
			took := p.at.Sub(from)
			d.Latency.Record(took)
			last[p.revision] = max(last[p.revision], took)
		}
	}
	for _, took := range last {
		d.Last.Record(took)
	}
	return d, broken
}
