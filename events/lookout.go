package events

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"roost/internal/sqldb"
)

const (
	// lookoutEvery is how often a lookout looks. Together with what runs once a minute, it keeps an idle node below two statements
	// a second.
	lookoutEvery = 600 * time.Millisecond
	// lookoutFresh is how long readers rely on what a lookout has found. A lookout that fails or hangs looks later than that, and
	// then all readers look for themselves again.
	lookoutFresh = time.Second
	// alertFor is how long all readers look for themselves after a wake-up was lost, because the next ones may be lost, too.
	alertFor = 10 * time.Second
	// graceFor is how long a wake-up may be on its way. A look that happens between a commit and its wake-up finds the events first.
	graceFor = 100 * time.Millisecond
)

// Lookout finds what the readers of the log in one process would have missed because a wake-up was lost: events that nobody has
// sequenced, because their writer died or is not a node; events that another node has sequenced; and work of the retry queues.
// It takes one statement each 600 ms (lookoutEvery), in the goroutine of the Sequencer. A Follower or a Group that relies on it
// reads the database only when it is woken, when the lookout has found something, or when it has left work undone.
//
// The lookout only saves statements: no reader depends on it. While it fails or takes long, and for 10 s after it has found that
// a wake-up was lost, the sequencer and all readers look as often as they do without it.
type Lookout struct {
	db       *sqldb.DB
	follower *Follower // nil if none relies on the lookout
	groups   []*Group

	mu       sync.Mutex
	looked   time.Time // when the last look began
	position Position  // the end of the log then
	todo     bool      // a group had work to do then, or will have before the next look
	alert    time.Time // until then wake-ups are taken to be lost
	grew     time.Time // when the log was last seen to have grown
	grace    time.Duration
	// Events were found before their wake-up came, which may be lost. The zero value is none.
	suspicion suspicion
}

// suspicion is that a wake-up was lost. Any wake-up that comes soon disproves it: either it is the one, or they do arrive.
type suspicion struct {
	since time.Time
	// came counts wake-ups, and seen is its value before the events were found.
	came *atomic.Int64
	seen int64
}

// resolve reports whether the suspicion is proven, or disproved; both are false while the wake-up may still be on its way.
func (s suspicion) resolve(now time.Time, grace time.Duration) (proven, disproved bool) {
	if s.came.Load() != s.seen {
		return false, true
	}
	return now.Sub(s.since) >= grace, false
}

// suspect notes that events were found without a wake-up.
func (l *Lookout) suspect(came *atomic.Int64, seen int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.suspicion.came == nil {
		l.suspicion = suspicion{time.Now(), came, seen}
	}
}

// judge takes wake-ups to be lost if one that was due has not come.
func (l *Lookout) judge() {
	l.mu.Lock()
	if l.suspicion.came == nil {
		l.mu.Unlock()
		return
	}
	proven, disproved := l.suspicion.resolve(time.Now(), l.grace)
	if proven || disproved {
		l.suspicion = suspicion{}
	}
	l.mu.Unlock()
	if proven {
		l.lost()
	}
}

// sight is what one look has found.
type sight struct {
	assigned int64 // events that the look has sequenced
	epoch    Epoch
	head     int64 // the seq of the newest event, without those that the look has sequenced
	todo     bool
}

// pace returns the time until the sequencer's next look.
func (l *Lookout) pace() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.alert) {
		return sequenceEvery
	}
	next := l.looked.Add(lookoutEvery)
	if due := l.suspicion.since.Add(l.grace); l.suspicion.came != nil && due.Before(next) {
		next = due
	}
	return max(time.Until(next), time.Millisecond)
}

// due reports whether it is time to look.
func (l *Lookout) due() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.looked) >= lookoutEvery
}

// lost makes all readers look for themselves for a while.
func (l *Lookout) lost() {
	now := time.Now()
	l.mu.Lock()
	before := l.alert
	l.alert = now.Add(alertFor)
	l.mu.Unlock()
	if now.After(before) {
		l.wake()
	}
}

// wake makes all readers look now.
func (l *Lookout) wake() {
	if l.follower != nil {
		l.follower.wake.Signal()
	}
	for _, g := range l.groups {
		g.Wake()
	}
}

// covers reports whether a reader at a position need not look, because the log ended there a moment ago. A log that ended before has gone
// back, or the reader has moved since, so the reader looks for itself.
func (l *Lookout) covers(p Position) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fresh() && l.position == p
}

// idle reports whether the groups need not look, because they had nothing to do a moment ago.
func (l *Lookout) idle() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fresh() && !l.todo
}

// Quiet reports whether the log has not grown for a time, as far as the lookout has seen.
func (l *Lookout) Quiet(d time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fresh() && time.Since(l.grew) > d
}

// rest returns how long a reader that need not look may rest until it asks the lookout again; least if that is longer.
func (l *Lookout) rest(least time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(least, lookoutFresh-time.Since(l.looked))
}

func (l *Lookout) fresh() bool {
	now := time.Now()
	return now.Sub(l.looked) < lookoutFresh && now.After(l.alert)
}

// look sequences events with an id above a bound, and looks at everything else that readers wait for. It is one statement.
func (l *Lookout) look(ctx context.Context, above int64) (s sight, err error) {
	ctx, cancel := context.WithTimeout(ctx, sequenceTimeout)
	defer cancel()
	args := []any{int64(sequenceBatch), above}
	log := "roost_sequence($1, $2) AS s"
	if !l.db.IsPostgres() {
		args = nil
		log = "(SELECT 0 AS assigned, epoch, epoch_since AS since FROM log_heads WHERE id = 1) AS s"
	}
	todo := l.todoSQL(&args)
	query := "SELECT s.assigned, s.epoch, s.since, " + headOf(l.db) + ", " + todo + " FROM " + log
	into := []any{&s.assigned, &s.epoch.Number, &s.epoch.Since, &s.head, &s.todo}
	if l.db.IsPostgres() {
		// The function writes, so this is not for the reading pool.
		err = l.db.Writer().QueryRowContext(ctx, query, args...).Scan(into...)
	} else {
		err = sqldb.ScanOne(ctx, l.db, query, args, into...)
	}
	if err != nil {
		return s, fmt.Errorf("sequence events: %w", err)
	}
	return s, nil
}

// todoSQL returns SQL for whether a group has work to do, and appends its arguments.
func (l *Lookout) todoSQL(args *[]any) string {
	if len(l.groups) == 0 {
		return "1 = 0"
	}
	var names []string
	for _, g := range l.groups {
		*args = append(*args, g.cfg.Name)
		names = append(names, fmt.Sprintf("$%d", len(*args)))
	}
	*args = append(*args, l.groups[0].clock.Now().Add(lookoutFresh))
	in := "group_name IN (" + strings.Join(names, ", ") + ")"
	return fmt.Sprintf(`EXISTS(SELECT 1 FROM group_partitions WHERE %[1]s AND position < %[2]s)
		OR EXISTS(SELECT 1 FROM retry_queue WHERE %[1]s AND NOT dead AND next_at <= $%[3]d)`, in, headOf(l.db), len(*args))
}

// note stores what a look that began at a time has found, and wakes the readers that have something to do.
func (l *Lookout) note(began time.Time, s sight) {
	end := At(s.epoch.Number, s.head)
	l.mu.Lock()
	if l.position != end {
		l.grew = began
	}
	l.looked, l.position, l.todo = began, end, s.todo
	l.mu.Unlock()
	if f := l.follower; f != nil {
		if came := f.woken.Load(); f.missed(end) {
			l.suspect(&f.woken, came)
			f.wake.Signal()
		}
	}
	if s.todo {
		for _, g := range l.groups {
			g.Wake()
		}
	}
}

// Rely makes the follower rely on a lookout. It must be called before both start.
func (f *Follower) Rely(l *Lookout) { f.lookout, l.follower = l, f }

// Rely makes the group rely on a lookout. It must be called before both start.
func (g *Group) Rely(l *Lookout) {
	g.lookout = l
	l.groups = append(l.groups, g)
}
