package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"roost/cache"
	"roost/internal/lifecycle"
)

const (
	// Batch is the most keys of one statement and of one pipeline.
	Batch = 200
	// DefaultRate is the most keys that are compared in a second, unless Config.Rate is set.
	DefaultRate = 5000
	// SettleFor is how long an entry must stay older than SQL to count as Behind. A writer tries to invalidate for 1 s, and the
	// relay takes up to 2 s.
	SettleFor = 3 * time.Second
	// maxSuspects is how many keys may wait for a second look. When so many wait, they are looked at before any others.
	maxSuspects = 10_000
	// MaxExamples bounds Config.Examples.
	MaxExamples = 1000
)

// Config holds the options of an audit.
type Config struct {
	// Repair removes entries that have a problem.
	Repair bool
	// Rate is the most keys a second; 0 is DefaultRate.
	Rate int
	// Examples is how many findings are reported one by one, at most MaxExamples.
	Examples int
	// Progress, if not nil, is called after every batch.
	Progress func(Progress) `json:"-"`

	settle time.Duration // SettleFor, shorter in tests
}

// Check returns an error if a value is out of range.
func (c Config) Check() error {
	if c.Rate < 0 {
		return fmt.Errorf("the rate is %d keys a second, below 0", c.Rate)
	}
	if c.Examples < 0 || c.Examples > MaxExamples {
		return fmt.Errorf("examples must be 0 to %d", MaxExamples)
	}
	return nil
}

// Progress is how far an audit has come.
type Progress struct {
	Server string
	// Compared and Found count entries of all servers. Left is roughly how many keys of this server, entries and others, are left.
	Compared, Left, Found int64
}

// Auditor compares all entries with SQL. Several may run at once, also while nodes serve.
type Auditor struct {
	tier *cache.Tier
	rows rows
}

// NewAuditor returns an Auditor of a tier's entries.
func NewAuditor(tier *cache.Tier, kinds ...Kind) *Auditor { return &Auditor{tier, newRows(kinds)} }

// Run compares every entry. If it ends early, because the context ends or because SQL or a server of Redis does not answer, it returns an
// error and the report up to there.
func (a *Auditor) Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	c.settle = cmp.Or(c.settle, SettleFor)
	r := &run{Auditor: a, Config: c, report: &Report{}, began: time.Now()}
	err := a.tier.Scan(ctx, Batch, func(s cache.KeyBatch) error { return r.keyBatch(ctx, s) })
	if len(r.suspects) > 0 && ctx.Err() == nil {
		err = cmp.Or(r.recheck(ctx), err)
	}
	r.report.finish(time.Since(r.began))
	return r.report, err
}

// suspect is an entry that was not equal and will be looked at again.
type suspect struct {
	key     string
	version int64 // of the entry, at the first look
}

// run is one audit.
type run struct {
	*Auditor
	Config
	report      *Report
	began       time.Time
	paced       int64 // keys looked at
	server      string
	scanned     int64 // of the server
	suspects    []suspect
	lastSuspect time.Time // the last suspect
}

func (r *run) keyBatch(ctx context.Context, s cache.KeyBatch) error {
	if s.Server != r.server {
		r.server, r.scanned = s.Server, 0
	}
	r.scanned += int64(max(len(s.Keys), Batch))
	for keys := range slices.Chunk(s.Keys, Batch) {
		if err := r.batch(ctx, keys, nil); err != nil {
			return err
		}
		r.progress(max(0, s.Total-r.scanned))
		if err := r.pace(ctx, len(keys)); err != nil {
			return err
		}
		if len(r.suspects) >= maxSuspects {
			if err := r.recheck(ctx); err != nil {
				return err
			}
		}
	}
	if len(s.Keys) == 0 {
		r.progress(max(0, s.Total-r.scanned))
	}
	return ctx.Err()
}

func (r *run) progress(left int64) {
	if r.Progress != nil {
		r.Progress(Progress{Server: r.server, Compared: r.report.Sum().Compared, Left: left, Found: r.report.Found() + int64(len(r.suspects))})
	}
}

// pace counts keys, and waits until the rate allows that many.
func (r *run) pace(ctx context.Context, keys int) error {
	r.paced += int64(keys)
	due := time.Duration(float64(r.paced) / float64(cmp.Or(r.Rate, DefaultRate)) * float64(time.Second))
	return rest(ctx, due-time.Since(r.began))
}

// rest waits, and returns the error of ctx if that ends first.
func rest(ctx context.Context, d time.Duration) error {
	if d > 0 {
		lifecycle.Pause(ctx, nil, d)
	}
	return ctx.Err()
}

// batch compares keys. At the first look, first is nil. At the second look it holds the versions that the entries had at the first.
func (r *run) batch(ctx context.Context, keys []string, first map[string]int64) error {
	byKind := map[Kind][]string{}
	var foreign []string
	for _, key := range keys {
		if k := r.rows.of(key); k != nil {
			byKind[k] = append(byKind[k], key)
		} else {
			foreign = append(foreign, key)
		}
	}
	var bad []finding
	for _, key := range foreign {
		bad = append(bad, finding{Finding{Key: key, Problem: Unreadable}, r.report.of(UnknownKind)})
	}
	for k, mine := range byKind {
		values, err := stored(ctx, k, mine)
		if err != nil {
			return err
		}
		count := r.report.of(k.Name())
		for i, p := range r.tier.Inspect(ctx, mine) {
			key, v := mine[i], values[i]
			var problem Problem
			switch was, again := first[key]; {
			case p.State == cache.Away:
				r.report.Away++
			case again:
				problem = r.second(k, count, p, v, was)
			default:
				problem = r.first(k, count, key, p, v)
			}
			if problem != "" {
				bad = append(bad, finding{Finding{Key: key, Kind: k.Name(), Problem: problem, Held: p.Value.Version, Stored: v.Version}, count})
			}
		}
	}
	return r.note(ctx, bad)
}

// first judges an entry at the first look. It remembers an entry that is older or newer as a suspect.
func (r *run) first(k Kind, count *Counts, key string, p cache.Inspected, v cache.Value) Problem {
	switch p.State {
	case cache.Empty:
		count.Empty++
	case cache.PreviousEpoch:
		count.PreviousEpoch++
		return PreviousEpoch
	case cache.Broken:
		return Unreadable
	case cache.Held:
		count.Compared++
		switch compare(k, p.Value, v) {
		case equal:
			count.Equal++
		case differs:
			return Differs
		default:
			r.suspects = append(r.suspects, suspect{key, p.Value.Version})
			r.lastSuspect = time.Now()
		}
	}
	return ""
}

// second judges an entry that was not equal at the first look.
func (r *run) second(k Kind, count *Counts, p cache.Inspected, v cache.Value, was int64) Problem {
	if p.State != cache.Held {
		count.Settled++ // it is gone, or reads do not see it
		return ""
	}
	switch verdict := compare(k, p.Value, v); {
	case verdict == equal:
		count.Settled++
	case verdict == differs:
		return Differs
	case verdict == newer && p.Value.Version == was:
		return Ahead
	case verdict == behind && p.Value.Version == was:
		return Behind
	default:
		count.Settled++ // it has changed since
	}
	return ""
}

// recheck looks at the suspects once more, when all of them have had time to settle.
func (r *run) recheck(ctx context.Context) error {
	if err := rest(ctx, r.Config.settle-time.Since(r.lastSuspect)); err != nil {
		return err
	}
	all := r.suspects
	r.suspects = nil
	for some := range slices.Chunk(all, Batch) {
		keys, versions := make([]string, 0, len(some)), make(map[string]int64, len(some))
		for _, s := range some {
			if _, twice := versions[s.key]; !twice {
				keys = append(keys, s.key)
			}
			versions[s.key] = s.version
		}
		if err := r.batch(ctx, keys, versions); err != nil {
			return err
		}
		if err := r.pace(ctx, len(keys)); err != nil {
			return err
		}
	}
	return nil
}

// note counts findings and, if the audit repairs, removes their entries.
func (r *run) note(ctx context.Context, bad []finding) error {
	if len(bad) == 0 {
		return nil
	}
	if r.Repair {
		keys := make([]string, len(bad))
		for i, f := range bad {
			keys[i] = f.Key
		}
		err := r.tier.Drop(ctx, keys...)
		for i := range bad {
			bad[i].Removed = err == nil
		}
		r.report.Failed = cmp.Or(r.report.Failed, err != nil)
	}
	for _, f := range bad {
		r.report.add(f, r.Examples)
	}
	return ctx.Err()
}
