package homeaudit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"roost/cache/audit"
	"roost/domain/accounts"
	"roost/domain/timelines"
	"roost/internal/lifecycle"
	"roost/rows"
)

const (
	// DefaultRate is the most viewers a second, and DefaultViewers how many are drawn, unless the Config says otherwise.
	DefaultRate, DefaultViewers = 20, 1000
	// DefaultDepth is how many entries of a timeline are compared: two pages, so that the second may need what lists do not reach.
	DefaultDepth = 200
	// MaxDepth, MaxViewers and MaxUsers bound the fields of Config.
	MaxDepth, MaxViewers, MaxUsers = 5000, 1_000_000, 1000
	// looks is how often a difference must be seen before it is reported.
	looks = 3
	// maxSuspects is how many timelines may wait for another look. When so many wait, they are looked at before any others.
	maxSuspects = 1000
	// lookTimeout bounds one look.
	lookTimeout = time.Minute
)

// Config holds the options of an audit.
type Config struct {
	// Users are the usernames of the viewers. If there are none, Viewers is how many viewers who follow somebody are drawn at random;
	// 0 is DefaultViewers.
	Users   []string
	Viewers int
	// Depth is how many of the newest entries of each timeline are compared; 0 is DefaultDepth.
	Depth int
	// Repair removes the cached rows from which timelines that differ were derived.
	Repair bool
	// Rate is the most viewers a second; 0 is DefaultRate.
	Rate int
	// Examples is how many differences are reported one by one, at most audit.MaxExamples.
	Examples int
	// Progress, if not nil, is called after each viewer.
	Progress func(Progress) `json:"-"`

	settle time.Duration // audit.SettleFor, shorter in tests
}

// Check returns an error if a value is out of range.
func (c Config) Check() error {
	switch {
	case len(c.Users) > MaxUsers:
		return fmt.Errorf("at most %d users can be named", MaxUsers)
	case c.Viewers < 0 || c.Viewers > MaxViewers:
		return fmt.Errorf("viewers must be 1 to %d", MaxViewers)
	case c.Depth < 0 || c.Depth > MaxDepth:
		return fmt.Errorf("depth must be 1 to %d", MaxDepth)
	case c.Rate < 0:
		return fmt.Errorf("the rate is %d viewers a second, below 0", c.Rate)
	case c.Examples < 0 || c.Examples > audit.MaxExamples:
		return fmt.Errorf("examples must be 0 to %d", audit.MaxExamples)
	}
	return nil
}

// Progress is how far an audit has come. Found counts differences and timelines that will be looked at again.
type Progress struct{ Compared, Left, Found int64 }

// Auditor compares home timelines with SQL. Several may run at once, also while nodes serve.
type Auditor struct {
	rows      *rows.Store
	timelines *timelines.Timelines
}

// New returns an Auditor of the timelines that a store derives.
func New(store *rows.Store, t *timelines.Timelines) *Auditor { return &Auditor{store, t} }

// Run compares the timelines of viewers. If it ends early, because the context ends or because SQL does not answer, it returns an error and
// the report up to there.
func (a *Auditor) Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	c.settle, c.Depth = cmp.Or(c.settle, audit.SettleFor), cmp.Or(c.Depth, DefaultDepth)
	viewers, err := a.viewers(ctx, c)
	if err != nil {
		return nil, err
	}
	r := &run{Auditor: a, Config: c, report: &Report{}, began: time.Now(), left: int64(len(viewers))}
	err = r.all(ctx, viewers)
	r.report.Took = time.Since(r.began)
	return r.report, err
}

// viewers returns the viewers whose timelines are compared.
func (a *Auditor) viewers(ctx context.Context, c Config) ([]int64, error) {
	if len(c.Users) == 0 {
		return a.timelines.Viewers(ctx, cmp.Or(c.Viewers, DefaultViewers))
	}
	all := make([]int64, len(c.Users))
	for i, name := range c.Users {
		key, ok := accounts.NameKey(name)
		if !ok {
			return nil, fmt.Errorf("%q is no username", name)
		}
		found, err := a.rows.Names.Load(ctx, []string{key})
		if err != nil {
			return nil, err
		}
		if all[i] = found[key].UserID; all[i] == 0 {
			return nil, fmt.Errorf("there is no user %q", name)
		}
	}
	return all, nil
}

// suspect is a viewer whose timeline differed in each look so far.
type suspect struct {
	viewer int64
	all    []difference
}

// run is one audit.
type run struct {
	*Auditor
	Config
	report      *Report
	began       time.Time
	left        int64
	suspects    []suspect
	lastSuspect time.Time
}

func (r *run) all(ctx context.Context, viewers []int64) error {
	for _, viewer := range viewers {
		all, err := r.look(ctx, viewer, true)
		if err != nil {
			return err
		}
		r.left--
		r.report.Viewers++
		if len(all) > 0 {
			r.suspects, r.lastSuspect = append(r.suspects, suspect{viewer, all}), time.Now()
		}
		r.progress()
		due := time.Duration(float64(r.report.Viewers) / float64(cmp.Or(r.Rate, DefaultRate)) * float64(time.Second))
		if err := rest(ctx, due-time.Since(r.began)); err != nil {
			return err
		}
		if len(r.suspects) >= maxSuspects {
			if err := r.recheck(ctx); err != nil {
				return err
			}
		}
	}
	return r.recheck(ctx)
}

func (r *run) progress() {
	if r.Progress != nil {
		r.Progress(Progress{Compared: r.report.Viewers, Left: r.left, Found: r.report.Found() + int64(len(r.suspects))})
	}
}

// rest waits, and returns the error of ctx if that ends first.
func rest(ctx context.Context, d time.Duration) error {
	if d > 0 {
		lifecycle.Pause(ctx, nil, d)
	}
	return ctx.Err()
}

// look compares the timeline of a viewer once. At the first look the entries are counted.
func (r *run) look(ctx context.Context, viewer int64, first bool) ([]difference, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	before, err := r.stored(ctx, viewer, r.Depth)
	if err != nil {
		return nil, err
	}
	got, err := r.derived(ctx, viewer, r.Depth)
	if err != nil {
		return nil, err
	}
	if first {
		r.report.Entries += int64(len(got.entries))
	}
	if slices.Equal(before.entries, got.entries) {
		return nil, nil
	}
	after, err := r.stored(ctx, viewer, r.Depth)
	if err != nil {
		return nil, err
	}
	return differences(before, got, after), nil
}

// recheck looks at the suspects again, each time when all of them have had time to settle, and reports what stays different.
func (r *run) recheck(ctx context.Context) error {
	for n := 1; n < looks && len(r.suspects) > 0; n++ {
		if err := rest(ctx, r.settle-time.Since(r.lastSuspect)); err != nil {
			return err
		}
		if err := r.rows.RenewSuspended(ctx); err != nil {
			return err
		}
		again := r.suspects
		r.suspects = nil
		for _, s := range again {
			still, err := r.still(ctx, s)
			switch {
			case err != nil:
				return err
			case len(still) == 0:
				r.report.Settled++
			default:
				r.suspects = append(r.suspects, suspect{s.viewer, still})
			}
			r.progress()
		}
		r.lastSuspect = time.Now()
	}
	found := r.suspects
	r.suspects = nil
	for _, s := range found {
		if err := r.note(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// still looks at a suspect again, and returns the differences that are still there.
func (r *run) still(ctx context.Context, s suspect) (all []difference, err error) {
	now, err := r.look(ctx, s.viewer, false)
	for _, d := range s.all {
		if slices.Contains(now, d) {
			all = append(all, d)
		}
	}
	return all, err
}

// note reports a timeline that differs and, if the audit repairs, repairs it.
func (r *run) note(ctx context.Context, s suspect) error {
	name := ""
	if found, err := r.rows.Accounts.Load(ctx, []int64{s.viewer}); err == nil && found[s.viewer] != nil {
		name = found[s.viewer].User.Username
	}
	r.report.Differing++
	for _, d := range s.all {
		r.report.add(d)
		if len(r.report.Examples) < r.Examples {
			r.report.Examples = append(r.report.Examples, d.finding(s.viewer, name))
		}
	}
	r.progress()
	if !r.Repair {
		return ctx.Err()
	}
	repaired, err := r.repair(ctx, s)
	if repaired {
		r.report.Repaired++
	}
	return err
}

// repair removes what the timeline of a viewer was derived from, and reports whether all differences are gone then.
func (r *run) repair(ctx context.Context, s suspect) (bool, error) {
	stored, err := r.stored(ctx, s.viewer, r.Depth)
	if err != nil {
		return false, err
	}
	got, err := r.derived(ctx, s.viewer, r.Depth)
	if err != nil {
		return false, err
	}
	authors := append(slices.Clone(stored.authors), got.authors...)
	slices.Sort(authors)
	var tweets []int64
	for _, d := range s.all {
		tweets = append(tweets, max(d.derived.Item, d.stored.Item))
	}
	if err := r.rows.DropHome(ctx, s.viewer, slices.Compact(authors), tweets); err != nil {
		return false, ctx.Err() // Redis does not answer, and the timeline counts as not repaired
	}
	still, err := r.still(ctx, s)
	return err == nil && len(still) == 0, err
}
