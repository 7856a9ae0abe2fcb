package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"roost/cache"
)

const (
	// Batch is the most keys of one statement and one pipeline.
	Batch = 200
	// DefaultRate is how many keys a second are looked at, unless Config says otherwise.
	DefaultRate = 5000
	// SettleFor is how long an entry must stay as it is to be behind: a writer tries for a second, the relay
	// takes two.
	SettleFor = 3 * time.Second
	// maxSuspects bounds what is remembered to be looked at again; when it is reached that is done first.
	maxSuspects = 10_000
	// MaxExamples bounds Config.Examples.
	MaxExamples = 1000
)

// Config is what an audit does.
type Config struct {
	// Repair removes what differs from SQL.
	Repair bool
	// Rate is the most keys a second; 0 is DefaultRate.
	Rate int
	// Examples is how many findings are told one by one, at most MaxExamples.
	Examples int
	// Progress, if set, is told after every batch.
	Progress func(Progress) `json:"-"`

	settle time.Duration // SettleFor, shorter in tests
}

// Check tells what is wrong with a Config.
func (c Config) Check() error {
	if c.Rate < 0 {
		return fmt.Errorf("a rate of %d keys a second", c.Rate)
	}
	if c.Examples < 0 || c.Examples > MaxExamples {
		return fmt.Errorf("examples must be 0 to %d", MaxExamples)
	}
	return nil
}

// Progress tells how far an audit is.
type Progress struct {
	Server string
	// Compared counts entries in all; Left is about how many keys of this server, entries and others, are left.
	Compared, Left, Found int64
}

// Auditor compares all entries with SQL. It may run beside itself and everything else.
type Auditor struct {
	tier *cache.Tier
	rows rows
}

// NewAuditor compares the entries of a tier.
func NewAuditor(tier *cache.Tier, kinds ...Kind) *Auditor { return &Auditor{tier, newRows(kinds)} }

// Run looks at every entry. Progress and report tell how far it came when it ends early: with the context, or
// when SQL or a server of Redis does not answer.
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

// suspect is an entry that was not equal.
type suspect struct {
	key     string
	version int64 // of the entry
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

// pace waits until the keys so far are no more than the rate allows.
func (r *run) pace(ctx context.Context, keys int) error {
	r.paced += int64(keys)
	due := time.Duration(float64(r.paced) / float64(cmp.Or(r.Rate, DefaultRate)) * float64(time.Second))
	return rest(ctx, due-time.Since(r.began))
}

func rest(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// batch compares keys. With first, the versions that they were held at before, it is the second look.
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

// first counts an entry, or remembers it.
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

// second judges an entry that was not equal, some time ago.
func (r *run) second(k Kind, count *Counts, p cache.Inspected, v cache.Value, was int64) Problem {
	if p.State != cache.Held {
		count.Settled++ // it went, or will
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
		count.Settled++ // it changes all the time
	}
	return ""
}

// again looks once more at what was not equal, when all of it has had time to settle.
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

// note counts findings and, if it is asked to, removes them.
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
