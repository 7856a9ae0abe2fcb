// Package ids makes Roost's identifiers: time-ordered 64-bit ids for use inside Roost (in the manner of Twitter's Snowflake: 41
// bits of milliseconds, 10 bits of node, 12 bits of sequence), and opaque, typed, URL-safe global ids for clients.
package ids

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"roost/internal/clock"
	"roost/internal/errs"
)

// Epoch is the zero of the ids' clock. 41 bits of milliseconds last until 2075. It is before the
// first tweet ever posted, so that imported ones sort by their own time.
var Epoch = time.Date(2006, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	nodeBits = 10
	seqBits  = 12
	maxSeq   = 1<<seqBits - 1

	// Nodes is the number of node numbers that generators share; the numbers above are reserved.
	Nodes = 1<<nodeBits - 1
	// ImportNode is the reserved node number for ids that carry the time of an imported row.
	ImportNode = 1<<nodeBits - 1
	// MaxMillis is the largest time that fits.
	MaxMillis = 1<<41 - 1
)

// Millis returns a time in milliseconds since Epoch, as ids hold it.
func Millis(t time.Time) int64 { return t.Sub(Epoch).Milliseconds() }

// Time returns when an id was made, to the millisecond.
func Time(id int64) time.Time {
	return Epoch.Add(time.Duration(id>>(nodeBits+seqBits)) * time.Millisecond)
}

// Compose builds an id from its parts: millis as by Millis, a node up to ImportNode, a sequence below
// 4,096.
func Compose(millis int64, node, seq int) int64 {
	return millis<<(nodeBits+seqBits) | int64(node)<<seqBits | int64(seq)
}

// Grant is the right to make ids with a node number for a span of milliseconds.
type Grant struct {
	Node int
	// After and Until bound the span: ids have After < millis <= Until.
	After, Until int64
}

// Granter grants node numbers. The spans of two grants of one node number never overlap, whichever processes hold them and
// however wrong their clocks are. That alone makes ids unique.
type Granter interface {
	// Grant returns the right to make ids at now (as by Millis). held is the grant to be extended, if any.
	Grant(ctx context.Context, now int64, held *Grant) (Grant, error)
}

// Generator makes ids. It is safe for concurrent use. When the clock steps back, the generator continues from the last
// millisecond that it used, so ids never repeat or become smaller.
type Generator struct {
	clock   clock.Clock
	granter Granter

	// busy holds a token while a goroutine works with the fields below. Unlike the wait for a mutex, the wait for it can end
	// with a context.
	busy  chan struct{}
	grant *Grant
	last  int64
	seq   int
	// doubted is true if the granter may have lost the grant.
	doubted atomic.Bool
}

// NewGenerator returns a generator that asks g for its grants.
func NewGenerator(c clock.Clock, g Granter) *Generator {
	return &Generator{clock: c, granter: g, last: math.MinInt64, busy: make(chan struct{}, 1)}
}

// renewBefore is how many milliseconds before its end a grant is extended.
const renewBefore = 30_000

// Next returns a new id, larger than every one that this generator made before. It fails with UNAVAILABLE
// when the right to make ids has run out and the granter cannot be reached.
func (g *Generator) Next(ctx context.Context) (int64, error) { return g.After(ctx, 0) }

// After is Next for an id that is also larger than another one. All ids that this generator makes later are larger as well, so the
// other id must not be far ahead of the clock.
func (g *Generator) After(ctx context.Context, other int64) (int64, error) {
	if err := g.lock(ctx); err != nil {
		return 0, err
	}
	defer g.unlock()
	now := max(Millis(g.clock.Now()), g.last)
	if other > 0 {
		now = max(now, other>>(nodeBits+seqBits)+1)
	}
	if g.grant == nil || now > g.grant.Until || g.doubted.Load() {
		if err := g.renew(ctx, now); err != nil {
			return 0, err
		}
	}
	ms := max(now, g.grant.After+1)
	if ms > g.last {
		g.last, g.seq = ms, 0
	} else if g.seq++; g.seq > maxSeq {
		g.last, g.seq = g.last+1, 0
	}
	if g.last > g.grant.Until {
		if err := g.renew(ctx, g.last); err != nil {
			return 0, err
		}
		g.last, g.seq = max(g.last, g.grant.After+1), 0
	}
	return Compose(g.last, g.grant.Node, g.seq), nil
}

// Renew extends the grant when it ends soon; a background service calls it so that Next never waits.
func (g *Generator) Renew(ctx context.Context) error {
	if err := g.lock(ctx); err != nil {
		return err
	}
	defer g.unlock()
	now := max(Millis(g.clock.Now()), g.last)
	if g.grant != nil && now+renewBefore < g.grant.Until && !g.doubted.Load() {
		return nil
	}
	return g.renew(ctx, now)
}

// Doubt makes the generator confirm its grant before it makes the next id. It is called when the granter's database may have
// gone back to a state before the grant.
func (g *Generator) Doubt() { g.doubted.Store(true) }

func (g *Generator) lock(ctx context.Context) error {
	select {
	case g.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return noIDs(ctx.Err())
	}
}

func (g *Generator) unlock() { <-g.busy }

func noIDs(why error) error {
	return &errs.Error{Kind: errs.Unavailable, Message: "no ids can be made now, try again", RetryAfter: time.Second, Err: why}
}

func (g *Generator) renew(ctx context.Context, now int64) error {
	if now < 0 || now > MaxMillis {
		return errors.New("the machine's clock is outside of the years 2006 to 2075")
	}
	doubted := g.doubted.Swap(false)
	grant, err := g.granter.Grant(ctx, now, g.grant)
	if err != nil {
		if doubted {
			g.doubted.Store(true)
		}
		return noIDs(err)
	}
	if g.grant == nil || grant.Node != g.grant.Node {
		// Another node number: stay behind everything made so far.
		grant.After = max(grant.After, g.last)
	}
	g.grant = &grant
	return nil
}

// Fixed grants one node number for ever. It is for a process that shares its database with no other, such as a test.
type Fixed int

// Grant returns the right to use the node number without an end.
func (f Fixed) Grant(context.Context, int64, *Grant) (Grant, error) {
	return Grant{Node: int(f), After: -1, Until: MaxMillis}, nil
}
