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

// Mark returns the number that a push contains, or 0 if it has none. The numbers that one socket receives grow.
type Mark func(text []byte) int64

// Crowd are many sockets that listen to pushes which carry a number. Each has one goroutine, which
// ends with Close.
type Crowd struct {
	mark    Mark
	sockets []*socket
	wg      sync.WaitGroup
}

// socket is one socket of a crowd.
type socket struct {
	conn *websocket.Conn
	// latest is the highest number that the socket has received.
	latest atomic.Int64
	// The fields below belong to the reading goroutine until it has ended.
	pushes          []push
	repeats, others int64
	err             error
}

type push struct {
	number int64
	at     time.Time
}

// gathering is how many sockets are opened at once.
const gathering = 16

// Gather opens n sockets, which listen from then on. join opens socket i and subscribes; it returns when the socket cannot
// miss a later push.
func Gather(ctx context.Context, n int, mark Mark, join func(ctx context.Context, i int) (*websocket.Conn, error)) (*Crowd, error) {
	c := &Crowd{mark: mark, sockets: make([]*socket, n)}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range gathering {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				conn, err := join(ctx, int(i))
				if err != nil {
					cancel(fmt.Errorf("open socket %d of %d: %w", i+1, n, err))
					return
				}
				s := &socket{conn: conn, pushes: make([]push, 0, 32)}
				c.sockets[i] = s
				// At once, as the server's pings must be answered while others are still to be opened.
				c.wg.Go(func() { s.listen(mark) })
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		c.drop()
		c.wg.Wait()
		return nil, context.Cause(ctx)
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

// NumberAfter is a Mark that returns the number after the first occurrence of a text in a push.
func NumberAfter(name string) Mark {
	before := []byte(name)
	return func(text []byte) int64 {
		i := bytes.Index(text, before)
		if i < 0 {
			return 0
		}
		digits := text[i+len(before):]
		end := 0
		for end < len(digits) && digits[end] >= '0' && digits[end] <= '9' {
			end++
		}
		n, _ := strconv.ParseInt(string(digits[:end]), 10, 64) // no digits are no number
		return n
	}
}

// Revision is the Mark for pushes of counts.
var Revision = NumberAfter(`"revision":`)

// listen records the pushes that arrive, until the socket is closed.
func (s *socket) listen(mark Mark) {
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
		switch number := mark(buf[:n]); {
		case number == 0:
			s.others++
		case number <= s.latest.Load(): // an older state, or the same again, is not a delivery
			s.repeats++
		default:
			s.pushes = append(s.pushes, push{number, now})
			s.latest.Store(number)
		}
	}
}

// Await waits until every socket has received the push with a number, or a later one.
func (c *Crowd) Await(ctx context.Context, number int64) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		missing := 0
		for _, s := range c.sockets {
			if s.latest.Load() < number {
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

// Deliveries describes which of some pushes a crowd has received, and when.
type Deliveries struct {
	// Latency holds the latency of every delivery, Last that of the last delivery of each push.
	Latency, Last Histogram
	// Expected is pushes times sockets. States that the server merged into later ones are missing.
	Expected int64
	// Earlier counts pushes whose number Close was not asked about. Repeats counts pushes whose number is not higher than the
	// one before. Others counts pushes without a number.
	Earlier, Repeats, Others int64
}

// Add adds the deliveries of another crowd.
func (d *Deliveries) Add(other *Deliveries) {
	d.Latency.Add(&other.Latency)
	d.Last.Add(&other.Last)
	d.Expected += other.Expected
	d.Earlier += other.Earlier
	d.Repeats += other.Repeats
	d.Others += other.Others
}

// Exact fails unless every socket has received every push once and in order, and otherwise only earlier pushes.
func (d *Deliveries) Exact() error {
	if d.Latency.Count() != d.Expected || d.Repeats > 0 || d.Others > 0 {
		return fmt.Errorf("%d of %d deliveries came, %d again or out of order, and %d of something else",
			d.Latency.Count(), d.Expected, d.Repeats, d.Others)
	}
	return nil
}

// Silent fails if a socket has received anything.
func (d *Deliveries) Silent() error {
	if n := d.Latency.Count() + d.Earlier + d.Repeats + d.Others; n > 0 {
		return fmt.Errorf("%d pushes came to sockets that they do not concern", n)
	}
	return nil
}

// Close closes the sockets and returns the deliveries of pushes. The map holds, by the number of a push, the time from which its
// latency counts.
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
		d.Repeats += s.repeats
		d.Others += s.others
		for _, p := range s.pushes {
			from, ok := due[p.number]
			if !ok {
				d.Earlier++
				continue
			}
			took := p.at.Sub(from)
			d.Latency.Record(took)
			last[p.number] = max(last[p.number], took)
		}
	}
	for _, took := range last {
		d.Last.Record(took)
	}
	return d, broken
}
