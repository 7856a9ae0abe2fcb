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
	// followEvery is how often the log is looked at when nobody wakes the follower.
	followEvery = 200 * time.Millisecond
	// followBatch is the most events of one batch, and followTimeout how long reading one may take.
	followBatch   = 1000
	followTimeout = 5 * time.Second
)

// Batch holds the events of the log behind From, up to and including To.
type Batch struct {
	Epoch    int64
	From, To int64
	Entries  []Entry
	// Gap says that the first events of the batch are missing, because retention removed them before this node
	// read them.
	Gap bool
	// Restart says that the log is in another epoch than before the batch, which has no events and ends where the epoch
	// began. Positions from before it mean nothing any more.
	Restart bool
}

// Position is the position up to which the batch goes.
func (b Batch) Position() Position { return At(b.Epoch, b.To) }

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
	wake     lifecycle.Wake
	position atomic.Int64 // a Position
	head     atomic.Int64 // of the log, at the last look
	end      Position     // of the log, at the start
	started  atomic.Bool

	mu      sync.Mutex
	waiting []chan struct{} // calls of CatchUp since the last look began

	// The goroutine's own: calls of CatchUp that end when the position reaches goal, which is -1 until it is known.
	due  []chan struct{}
	goal int64
}

// NewFollower makes a follower; Start runs it.
func NewFollower(r *Reader, cfg FollowerConfig) *Follower {
	f := &Follower{cfg: cfg, reader: r, wake: lifecycle.NewWake()}
	f.loop.Run = f.run
	return f
}

// Start fails when the database cannot be asked where the log ends.
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

// Wake makes it look now; it never blocks.
func (f *Follower) Wake() {
	f.wake.Signal()
}

// Position is the position up to which all events have been applied.
func (f *Follower) Position() Position { return Position(f.position.Load()) }

// Head is the place of the newest event at the last look, 200 ms ago at most unless the database is away.
func (f *Follower) Head() int64 { return f.head.Load() }

// End is where the log ended when the follower started.
func (f *Follower) End() Position { return f.end }

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
	lifecycle.Poll{
		Look:    func(ctx context.Context, _ bool) (bool, error) { return f.look(ctx) },
		Every:   followEvery,
		Retry:   followEvery, // not sooner by a signal: other nodes may write, and wake this one, all the time
		Wake:    f.wake,
		Warning: "this node does not follow the log",
	}.Run(ctx)
}

// look applies the next batch. It reports whether there may be more.
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

// errElsewhere says that a read of the log came from another database than the process's other reads.
var errElsewhere = errors.New("the connections of this node lead to different databases")

// read reads the log behind a position.
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
		// PostgreSQL could not notice: a snapshot of its files was restored, or commits were not durable.
		return b, beginEpoch(ctx, f.reader.db, at.Epoch())
	}
	f.head.Store(log.Head)
	if n := len(b.Entries); n > 0 {
		b.To = b.Entries[n-1].Seq
	}
	if n := len(b.Entries); n == 0 && log.Head > b.From || n > 0 && b.Entries[0].Seq > b.From+1 {
		// A process that was frozen for days may find that retention has removed what comes next.
		b.Gap, b.To = log.Oldest > b.From, max(b.To, log.Oldest)
	}
	return b, nil
}

// restart goes on where another epoch of the log began. What was committed before is in every read of the database since;
// what came afterwards is applied as ever.
func (f *Follower) restart(log Chunk) Batch {
	from := max(log.Epoch.Since, log.Oldest)
	f.head.Store(log.Head)
	f.goal = -1 // of the log as it was
	return Batch{Epoch: log.Epoch.Number, From: from, To: from, Restart: true}
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
		f.Wake()
	}
}
