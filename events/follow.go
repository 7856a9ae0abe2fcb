package events

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/lifecycle"
)

const (
	// followEvery is how often the follower reads the log when nothing wakes it, unless a Lookout has just done so.
	followEvery = 200 * time.Millisecond
	// followBatch is how many events a batch has at most.
	followBatch = 1000
	// followTimeout bounds the read of a batch.
	followTimeout = 5 * time.Second
)

// Batch holds the events of the log after From, up to and including To.
type Batch struct {
	Epoch    int64
	From, To int64
	Entries  []Entry
	// Gap reports that the first events of the batch are missing, because retention removed them before this node read them.
	Gap bool
	// Restart reports that the log has begun another epoch. The batch has no events and ends where the epoch began. Positions
	// before it have no meaning any more.
	Restart bool
}

// Position returns the position at the end of the batch.
func (b Batch) Position() Position { return At(b.Epoch, b.To) }

// FollowerConfig holds what a Follower calls for the batches that it reads, in their order. Apply and Applied are required.
type FollowerConfig struct {
	// From returns the seq after which the follower begins, for a log that ends at head. It is called once, at the start. Nil
	// begins at head.
	From func(ctx context.Context, head int64) (int64, error)
	// Apply makes the effects of a batch visible to this process. The position moves when it returns. It must return within
	// about a second even when a store is away, because all later events wait for it.
	Apply func(ctx context.Context, b Batch)
	// Applied is called after the position has moved. It must not block.
	Applied func(b Batch)
}

// Follower reads the whole log on behalf of one process. Unlike a Group it stores no position. It is a lifecycle.Service.
type Follower struct {
	cfg      FollowerConfig
	reader   *Reader
	loop     lifecycle.Loop
	wake     lifecycle.Wake
	woken    atomic.Int64 // calls of Wake
	position atomic.Int64 // a Position
	head     atomic.Int64 // the seq of the newest event at the last read
	end      Position     // the end of the log at the start
	started  atomic.Bool
	lookout  *Lookout // nil if there is none to rely on
	looking  atomic.Bool

	mu      sync.Mutex
	waiting []chan struct{} // calls of CatchUp since the last look began

	// The goroutine's own: calls of CatchUp that end when the position reaches goal, which is -1 until it is known.
	due  []chan struct{}
	goal int64
	// undone means that the last look has failed, or left something to do.
	undone bool
}

// NewFollower returns a follower; Start runs it.
func NewFollower(r *Reader, cfg FollowerConfig) *Follower {
	f := &Follower{cfg: cfg, reader: r, wake: lifecycle.NewWake()}
	f.loop.Run = f.run
	return f
}

// Start reads where the log ends, and begins to follow it. It fails when the database cannot be reached.
func (f *Follower) Start(ctx context.Context) error {
	log, err := f.read(ctx, 0, 0)
	if err != nil {
		return err
	}
	from := log.Head
	if f.cfg.From != nil {
		if from, err = f.cfg.From(ctx, log.Head); err != nil {
			return err
		}
	}
	f.position.Store(int64(At(log.Epoch.Number, min(from, log.Head))))
	f.head.Store(log.Head)
	f.end = At(log.Epoch.Number, log.Head)
	f.started.Store(true)
	return f.loop.Start(ctx)
}

// Stop ends the follower.
func (f *Follower) Stop(ctx context.Context) error {
	f.started.Store(false)
	return f.loop.Stop(ctx)
}

// Wake makes the follower read the log now. It never blocks.
func (f *Follower) Wake() {
	f.woken.Add(1)
	f.wake.Signal()
}

// Position returns the position up to which all events have been applied.
func (f *Follower) Position() Position { return Position(f.position.Load()) }

// Head returns the seq of the newest event that the follower has read of. Unless the database is away, at most the events of the
// last 600 ms are newer.
func (f *Follower) Head() int64 { return f.head.Load() }

// End returns the end of the log when the follower started.
func (f *Follower) End() Position { return f.end }

// CatchUp returns when everything that was committed before the call has been applied. Concurrent calls share the work. It fails
// when ctx ends, and returns nil at once while the follower does not run.
func (f *Follower) CatchUp(ctx context.Context) error {
	if !f.started.Load() {
		return nil
	}
	done := make(chan struct{})
	f.mu.Lock()
	f.waiting = append(f.waiting, done)
	f.mu.Unlock()
	f.wake.Signal()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Follower) run(ctx context.Context) {
	lifecycle.Poll{
		Look: func(ctx context.Context, woken bool) (more bool, err error) {
			if !woken && f.rests() {
				return false, nil
			}
			f.looking.Store(true)
			defer f.looking.Store(false)
			more, err = f.look(ctx)
			f.undone = more || err != nil || len(f.due) > 0
			return more, err
		},
		Pace: func() time.Duration {
			if f.rests() {
				return f.lookout.rest(followEvery)
			}
			return followEvery
		},
		Retry:   followEvery, // not sooner by a signal: other nodes may write, and wake this one, all the time
		Wake:    f.wake,
		Warning: "this node does not follow the log",
	}.Run(ctx)
}

// rests reports whether the lookout has just seen that there is nothing to read.
func (f *Follower) rests() bool { return !f.undone && f.lookout.covers(f.Position()) }

// missed reports whether the follower has not seen the log up to its end although nothing has woken it.
func (f *Follower) missed(end Position) bool {
	return f.started.Load() && !f.looking.Load() && len(f.wake) == 0 && !f.Position().Covers(end)
}

// look reads and applies the next batch. It reports whether there may be more.
func (f *Follower) look(ctx context.Context) (more bool, err error) {
	b, err := f.next(ctx)
	if err != nil {
		return false, err
	}
	if b.To > b.From || b.Restart {
		f.cfg.Apply(ctx, b)
		f.position.Store(int64(b.Position()))
		f.cfg.Applied(b)
	}
	f.release()
	return len(b.Entries) == followBatch || b.Restart, nil
}

// errElsewhere reports that a read of the log used another database than the process's other reads.
var errElsewhere = errors.New("the connections of this node lead to different databases")

// read reads the log after a position, and reports its epoch to the process.
func (f *Follower) read(ctx context.Context, position int64, limit int) (Chunk, error) {
	look := f.reader.epochs.Look()
	c, err := f.reader.After(ctx, position, math.MaxInt64, limit)
	if err == nil && f.reader.epochs.See(look, c.Epoch).Number != c.Epoch.Number {
		err = errElsewhere
	}
	return c, err
}

// next reads the next batch, which is empty at the end of the log. That is one statement.
func (f *Follower) next(ctx context.Context) (b Batch, err error) {
	ctx, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	if err := f.gather(ctx); err != nil {
		return b, err
	}
	at := f.Position()
	log, err := f.read(ctx, at.Seq(), followBatch)
	if err != nil {
		return b, err
	}
	if log.Epoch.Number != at.Epoch() {
		return f.restart(log), nil
	}
	b = Batch{Epoch: at.Epoch(), From: at.Seq(), To: at.Seq(), Entries: log.Entries}
	if log.Head < b.From {
		// The database went back without noticing: a snapshot of its files was restored, or commits were not durable.
		return b, beginEpoch(ctx, f.reader.db, at.Epoch())
	}
	f.head.Store(log.Head)
	if n := len(b.Entries); n > 0 {
		b.To = b.Entries[n-1].Seq
	}
	if n := len(b.Entries); n == 0 && log.Head > b.From || n > 0 && b.Entries[0].Seq > b.From+1 {
		// If this process was frozen for days, retention may have removed the next events.
		b.Gap, b.To = log.Oldest > b.From, max(b.To, log.Oldest)
	}
	return b, nil
}

// restart returns the batch that begins another epoch. Every read of the database from now on includes what was committed before
// the epoch; events after that are applied as usual.
func (f *Follower) restart(log Chunk) Batch {
	from := max(log.Epoch.Since, log.Oldest)
	f.head.Store(log.Head)
	f.goal = -1 // the old goal was in the previous epoch
	return Batch{Epoch: log.Epoch.Number, From: from, To: from, Restart: true}
}

// gather takes the waiting calls of CatchUp, and finds the position that completes them. It sequences all committed events first,
// because an event that was committed just now may have no seq yet.
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

// release completes the calls of CatchUp whose position is reached.
func (f *Follower) release() {
	if len(f.due) == 0 || f.goal < 0 || f.Position().Seq() < f.goal {
		return
	}
	for _, done := range f.due {
		close(done)
	}
	f.due = nil
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) > 0 {
		f.wake.Signal()
	}
}
