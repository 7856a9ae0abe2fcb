package events

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/lifecycle"
)

const (
	// followEvery is how often the log is looked at when nobody wakes the follower.
	followEvery = 200 * time.Millisecond
	// followBatch is the most events of one batch, and followTimeout how long reading one may take.
	followBatch   = 1000
	followTimeout = 5 * time.Second
	// headEvery is how often it also asks where the log ends.
	headEvery = time.Second
)

// Batch holds the events of the log behind From, up to and including To.
type Batch struct {
	From, To int64
	Entries  []Entry
	// Gap says that the first events of the batch are missing, because retention removed them before this node
	// read them.
	Gap bool
}

// FollowerConfig says what a Follower does with the batches that it reads, in their order. Apply and Applied are
// needed.
type FollowerConfig struct {
	// From returns the position behind which it begins, for a log that ends at head; nil begins at head. It is asked
	// once, when the follower starts.
	From func(ctx context.Context, head int64) (int64, error)
	// Apply makes the effects of a batch visible to this process. The position moves when it returns. It must
	// return within about a second, whatever is out of order, because everything behind the batch waits for it.
	Apply func(ctx context.Context, b Batch)
	// Applied is called after the position has moved. It must not block.
	Applied func(b Batch)
}

// Follower reads the whole log on behalf of one process. Unlike a Group it stores no position, and every process has its
// own. It is a lifecycle.Service.
type Follower struct {
	cfg      FollowerConfig
	reader   *Reader
	loop     lifecycle.Loop
	wake     chan struct{}
	position atomic.Int64
	head     atomic.Int64 // of the log, at the last look
	end      int64        // of the log, at the start
	started  atomic.Bool

	mu      sync.Mutex
	waiting []chan struct{} // calls of CatchUp since the last look began

	// The goroutine's own: calls of CatchUp that end when the position reaches goal, which is -1 until it is known.
	due     []chan struct{}
	goal    int64
	checked time.Time // when it last asked where the log ends
}

// NewFollower makes a follower; Start runs it.
func NewFollower(r *Reader, cfg FollowerConfig) *Follower {
	f := &Follower{cfg: cfg, reader: r, wake: make(chan struct{}, 1)}
	f.loop.Run = f.run
	return f
}

// Start fails when the database cannot be asked where the log ends.
func (f *Follower) Start(ctx context.Context) error {
	head, err := f.reader.Head(ctx)
	if err != nil {
		return err
	}
	from := head
	if f.cfg.From != nil {
		if from, err = f.cfg.From(ctx, head); err != nil {
			return err
		}
	}
	f.position.Store(min(from, head))
	f.head.Store(head)
	f.end = head
	f.started.Store(true)
	return f.loop.Start(ctx)
}

// Stop ends the follower.
func (f *Follower) Stop(ctx context.Context) error {
	f.started.Store(false)
	return f.loop.Stop(ctx)
}

// Wake makes it look now; it never blocks.
func (f *Follower) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Position is the position up to which all events have been applied.
func (f *Follower) Position() int64 { return f.position.Load() }

// Head is the position of the newest event, as of a second ago at most unless the database is away.
func (f *Follower) Head() int64 { return f.head.Load() }

// End is where the log ended when the follower started.
func (f *Follower) End() int64 { return f.end }

// CatchUp returns when everything has been applied that was committed before the call. Calls share their work. It
// fails with the context, and returns nil at once where no follower runs.
func (f *Follower) CatchUp(ctx context.Context) error {
	if !f.started.Load() {
		return nil
	}
	done := make(chan struct{})
	f.mu.Lock()
	f.waiting = append(f.waiting, done)
	f.mu.Unlock()
	f.Wake()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Follower) run(ctx context.Context) {
	var warned time.Time
	for ctx.Err() == nil {
		more, err := f.look(ctx)
		if err != nil && ctx.Err() == nil && time.Since(warned) > warnEvery {
			warned = time.Now()
			slog.WarnContext(ctx, "this node does not follow the log", "error", err)
		}
		if !more || err != nil {
			pause(ctx, f.wake, followEvery)
		}
	}
}

// look applies the next batch. It reports whether there may be more.
func (f *Follower) look(ctx context.Context) (more bool, err error) {
	b, err := f.next(ctx)
	if err != nil {
		return false, err
	}
	if b.To > b.From {
		f.cfg.Apply(ctx, b)
		f.position.Store(b.To)
		f.cfg.Applied(b)
	}
	f.release()
	return len(b.Entries) == followBatch, nil
}

// next reads the next batch, which is empty at the end of the log. That is one statement as long as events come: their
// positions have no gaps, and become visible in their order, so the last one that is read is the end.
func (f *Follower) next(ctx context.Context) (b Batch, err error) {
	ctx, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	if err := f.gather(ctx); err != nil {
		return b, err
	}
	from := f.position.Load()
	b = Batch{From: from, To: from}
	if b.Entries, err = f.reader.After(ctx, from, math.MaxInt64, followBatch); err != nil {
		return b, err
	}
	if n := len(b.Entries); n > 0 {
		b.To = b.Entries[n-1].Seq
	}
	f.head.Store(max(f.head.Load(), b.To))
	behind := false
	if now := time.Now(); now.Sub(f.checked) >= headEvery {
		f.checked = now
		head, err := f.reader.Head(ctx)
		if err != nil {
			return b, err
		}
		f.head.Store(head)
		behind = len(b.Entries) == 0 && head > from
	}
	if behind || len(b.Entries) > 0 && b.Entries[0].Seq > from+1 {
		// A process that was frozen for days may find that retention has removed what comes next.
		oldest, err := f.reader.Oldest(ctx)
		if err != nil {
			return b, err
		}
		b.Gap, b.To = oldest > from, max(b.To, oldest)
	}
	return b, nil
}

// gather takes the calls of CatchUp that have come, and finds the position that ends them. All committed events are
// sequenced first: one that was committed late may have no position yet.
func (f *Follower) gather(ctx context.Context) (err error) {
	f.mu.Lock()
	if len(f.due) == 0 && len(f.waiting) > 0 {
		f.due, f.waiting, f.goal = f.waiting, nil, -1
	}
	f.mu.Unlock()
	if len(f.due) == 0 || f.goal >= 0 {
		return nil
	}
	goal, err := f.reader.Sequenced(ctx)
	if err == nil {
		f.goal = goal
		f.head.Store(max(f.head.Load(), goal))
	}
	return err
}

// release ends the calls of CatchUp whose position is reached.
func (f *Follower) release() {
	if len(f.due) == 0 || f.goal < 0 || f.position.Load() < f.goal {
		return
	}
	for _, done := range f.due {
		close(done)
	}
	f.due = nil
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) > 0 {
		f.Wake()
	}
}
