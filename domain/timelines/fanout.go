package timelines

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"roost/cache"
	"roost/ent"
	"roost/events"
	"roost/internal/cursors"
	"roost/internal/errs"
	"roost/internal/faults"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

const (
	// FanoutGroup is the name of the consumer group that pushes.
	FanoutGroup = "timelines"
	// fanoutPoll is how often the group looks at the log when nothing wakes it.
	fanoutPoll = 50 * time.Millisecond
	// fanoutBatch is how many events one transaction pushes, each to at most one chunk of followers.
	fanoutBatch = 100
	// defaultChunk is FanoutConfig.Chunk.
	defaultChunk = 2000
	// maxFanouts is the most events that wait to be pushed in chunks. With more of them the group waits.
	maxFanouts = 1000
	// maxRecords is how many records a prepared timeline has before they become part of its snapshot.
	maxRecords = 400
)

// FanoutConfig says what is pushed.
type FanoutConfig struct {
	// MaxPushed is the number of followers from which on an author is merged; 0 pushes everybody. An author is pushed again with fewer
	// than four fifths of it.
	MaxPushed int64
	// Chunk is the most followers to whom one transaction pushes an event; 0 is 2,000.
	Chunk int
}

// Fanout pushes what authors add to home timelines into the prepared timelines of their followers. Any number of nodes may run one.
//
// All that it has done is in timeline_progress, timeline_sides and timeline_fanouts, which change in the transactions that move the
// position of its consumer group. So which authors are pushed is a function of the position in the log, and a killed worker continues at
// the chunk.
type Fanout struct {
	db    *sqldb.DB
	log   *events.Log
	lists *cache.Lists
	cfg   FanoutConfig
	wake  lifecycle.Wake

	mu   sync.Mutex
	long map[int64]bool // owners of timelines with many records

	stats struct{ pushed, renewed, lost, trimmed, waiting, merged atomic.Int64 }
}

// NewFanout returns the fan-out of a node.
func NewFanout(db *sqldb.DB, log *events.Log, lists *cache.Lists, cfg FanoutConfig) *Fanout {
	cfg.Chunk = cmp.Or(cfg.Chunk, defaultChunk)
	return &Fanout{db: db, log: log, lists: lists, cfg: cfg, wake: lifecycle.NewWake(), long: map[int64]bool{}}
}

// FanoutStats counts what a node has done since it started.
type FanoutStats struct {
	// Pushed counts records, one for each follower, whether or not the follower has a prepared timeline. Renewed counts sections of Redis
	// in which all prepared timelines were given up, Lost the batches that were repeated, and Trimmed the timelines whose records
	// became part of their snapshots.
	Pushed, Renewed, Lost, Trimmed int64
	// Waiting is the number of events that were to be pushed in chunks when the node last looked, MergedAuthors that of authors who were
	// merged.
	Waiting, MergedAuthors int64
}

// Stats returns the counts.
func (f *Fanout) Stats() FanoutStats {
	s := &f.stats
	return FanoutStats{s.pushed.Load(), s.renewed.Load(), s.lost.Load(), s.trimmed.Load(), s.waiting.Load(), s.merged.Load()}
}

// Group returns the consumer group that pushes events. It never skips an event: while a store is away, it waits. After an event that does
// not name the rows it has changed, all prepared timelines are given up.
func (f *Fanout) Group() events.GroupConfig {
	return events.GroupConfig{Name: FanoutGroup, Poll: fanoutPoll, Batch: fanoutBatch, Types: FanoutTypes(),
		Handler: events.HandlerFunc(func(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
			return f.waits(f.handle(sqldb.Background(ctx), tx, batch))
		})}
}

// FanoutTypes are the types of the events that concern prepared timelines. After follows the version of the viewer's list is another one.
func FanoutTypes() []string {
	return []string{events.TweetPosted{}.Type(), events.TweetDeleted{}.Type(), events.TweetRetweeted{}.Type(), events.RetweetUndone{}.Type(),
		events.RowsImported{}.Type()}
}

// waits turns an error into one for which the group waits.
func (f *Fanout) waits(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, cache.ErrAppendsLost) {
		f.stats.lost.Add(1)
	}
	return &errs.Error{Kind: errs.Unavailable, Message: "prepared timelines cannot be written", RetryAfter: fanoutPoll, Err: err}
}

// fanoutRun is what one transaction does.
type fanoutRun struct {
	f       *Fanout
	tx      *ent.Tx
	writer  string
	appends cache.Appends
	// renew gives up all prepared timelines.
	renew bool
}

func (f *Fanout) run(tx *ent.Tx) *fanoutRun { return &fanoutRun{f: f, tx: tx, writer: NewPreparedID()} }

func (f *Fanout) handle(ctx context.Context, tx *ent.Tx, batch []events.Entry) error {
	run := f.run(tx)
	records := run.recordsOf(ctx, batch)
	if err := run.hasRoom(ctx); err != nil {
		return err
	}
	pushed, err := run.sides(ctx, records)
	if err != nil {
		return err
	}
	faults.At("timelines.before-followers")
	if err := run.pushAll(ctx, pushed); err != nil {
		return err
	}
	return run.move(ctx, batch[len(batch)-1].Seq)
}

// recordsOf returns the records of a batch.
func (r *fanoutRun) recordsOf(ctx context.Context, batch []events.Entry) (all []Record) {
	for _, entry := range batch {
		e, err := entry.Event()
		if err != nil {
			slog.ErrorContext(ctx, "all prepared timelines are given up, because an event cannot be read", "error", err)
		}
		if _, imported := e.(events.RowsImported); imported || err != nil {
			r.renew = true
			continue
		}
		if record, ok := RecordOf(entry.Seq, e); ok {
			all = append(all, record)
		}
	}
	return all
}

// hasRoom fails while too many events wait to be pushed in chunks.
func (r *fanoutRun) hasRoom(ctx context.Context) error {
	var n int64
	if err := sqldb.ScanOne(ctx, r.tx.Client(), "SELECT count(*) FROM timeline_fanouts", nil, &n); err != nil {
		return fmt.Errorf("count what is to be pushed: %w", err)
	}
	if n >= maxFanouts {
		return fmt.Errorf("%d events wait to be pushed in chunks", n)
	}
	return nil
}

// followersOf are the followers of an author, in the order in which their follows began.
var followersOf = sqldb.Lists{Table: "follows", Owner: "followee_id", SortKey: "sort_key", Item: "follower_id", Where: "active"}

// chunkAfter asks for the next followers after a sort key, oldest follows first.
func (f *Fanout) chunkAfter(author, done int64) sqldb.Key {
	return sqldb.Key{Owner: author, Window: cursors.Window{Size: f.cfg.Chunk, Above: math.MaxInt64, Below: done, Backward: true}}
}

// pushAll pushes records to the followers of their users. Those of users with more followers than a chunk has are noted and pushed later.
func (r *fanoutRun) pushAll(ctx context.Context, records []Record) error {
	byUser := map[int64][]Record{}
	var keys []sqldb.Key
	for _, record := range records {
		if byUser[record.UserID] == nil {
			keys = append(keys, r.f.chunkAfter(record.UserID, 0))
		}
		byUser[record.UserID] = append(byUser[record.UserID], record)
	}
	if len(keys) == 0 {
		return nil
	}
	pages, err := followersOf.Pages(ctx, r.f.db.Driver, keys)
	if err != nil {
		return err
	}
	var appends []cache.Append
	at := map[int64]int{}
	for _, k := range keys {
		mine := byUser[k.Owner]
		if pages[k].More {
			if err := r.defers(ctx, mine...); err != nil {
				return err
			}
			continue
		}
		elements := make([]any, len(mine))
		for i := range mine {
			elements[i] = mine[i].Element()
		}
		for _, follower := range pages[k].Items {
			i, ok := at[follower.Item]
			if !ok {
				i, appends = len(appends), append(appends, cache.Append{Owner: follower.Item})
				at[follower.Item] = i
			}
			appends[i].Elements = append(appends[i].Elements, elements...)
		}
	}
	return r.push(ctx, appends)
}

// push appends to prepared timelines.
func (r *fanoutRun) push(ctx context.Context, appends []cache.Append) error {
	if len(appends) == 0 {
		return nil
	}
	faults.At("timelines.before-push")
	if err := r.f.lists.Push(ctx, r.writer, &r.appends, appends, maxRecords, r.f.noteLong); err != nil {
		return err
	}
	for i := range appends {
		r.f.stats.pushed.Add(int64(len(appends[i].Elements)))
	}
	return nil
}

// defers notes that records are to be pushed in chunks.
func (r *fanoutRun) defers(ctx context.Context, records ...Record) error {
	tx := r.tx
	for i := range records {
		_, err := tx.Client().ExecContext(ctx, "INSERT INTO timeline_fanouts (id, author_id, record, done, chunks) VALUES ($1, $2, $3, 0, 0) "+
			"ON CONFLICT (id) DO NOTHING", records[i].Seq, records[i].UserID, []byte(records[i].Element()))
		if err != nil {
			return fmt.Errorf("note what is to be pushed in chunks: %w", err)
		}
	}
	return nil
}

// move moves the marks in Redis: everything up to an offset in the log is pushed, but for what is still to be pushed in chunks. It ends
// the run. The row that it locks lets one run after the other do this.
func (r *fanoutRun) move(ctx context.Context, upTo int64) error {
	c := r.tx.Client()
	var m cache.Move
	lock := ""
	if r.f.db.IsPostgres() {
		lock = " FOR UPDATE OF p"
	}
	faults.At("timelines.before-mark")
	if err := r.f.ensureProgress(ctx, r.tx); err != nil {
		return err
	}
	err := sqldb.ScanOne(ctx, c, "SELECT p.seq, p.last, coalesce((SELECT epoch FROM log_heads WHERE id = 1), 0) FROM timeline_progress AS p "+
		"WHERE p.id = 1"+lock, nil, &m.Mark.Seq, &m.Last, &m.Mark.Epoch)
	if err != nil {
		return fmt.Errorf("read how far prepared timelines are: %w", err)
	}
	type waiting struct{ author, first int64 }
	all, err := sqldb.ScanAll(ctx, c, "SELECT author_id, min(id) FROM timeline_fanouts GROUP BY author_id", nil,
		func(w *waiting) []any { return []any{&w.author, &w.first} })
	if err != nil {
		return fmt.Errorf("read what is to be pushed in chunks: %w", err)
	}
	m.Mark.Seq = max(m.Mark.Seq, upTo)
	m.Mark.Settled = m.Mark.Seq
	for _, w := range all {
		m.Mark.Except = append(m.Mark.Except, w.author)
		m.Mark.Settled = min(m.Mark.Settled, w.first-1)
	}
	m.This, m.Generation, m.Renew = NewPreparedID(), NewPreparedID(), r.renew
	renewed, err := r.f.lists.Move(ctx, &r.appends, m)
	r.f.stats.renewed.Add(int64(renewed))
	if err != nil {
		return err
	}
	faults.At("timelines.before-commit")
	if _, err := c.ExecContext(ctx, "UPDATE timeline_progress SET seq = $1, last = $2 WHERE id = 1", m.Mark.Seq, m.This); err != nil {
		return fmt.Errorf("note how far prepared timelines are: %w", err)
	}
	return nil
}

// ensureProgress makes the row of the progress if there is none. Then nothing was pushed, and the group begins at its position.
func (f *Fanout) ensureProgress(ctx context.Context, tx *ent.Tx) error {
	_, err := tx.Client().ExecContext(ctx, "INSERT INTO timeline_progress (id, seq, last) SELECT 1, coalesce(min(position), 0), $1 "+
		"FROM group_partitions WHERE group_name = $2 HAVING NOT EXISTS (SELECT 1 FROM timeline_progress WHERE id = 1) "+
		"ON CONFLICT (id) DO NOTHING", NewPreparedID(), FanoutGroup)
	if err != nil {
		return fmt.Errorf("note how far prepared timelines are: %w", err)
	}
	return nil
}

// noteLong notes that a prepared timeline has many records.
func (f *Fanout) noteLong(owner int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.long) < maxFanouts { // the others are noted with their next record
		f.long[owner] = true
	}
	f.wake.Signal()
}

// takeLong returns the timelines that were noted.
func (f *Fanout) takeLong() (all []int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for owner := range f.long {
		all = append(all, owner)
	}
	f.long = map[int64]bool{}
	slices.Sort(all)
	return all
}
