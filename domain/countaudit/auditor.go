package countaudit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"roost/events"
	"roost/internal/lifecycle"
	"roost/internal/sqldb"
)

const (
	// DefaultRate is the most tweets or users a second, unless Config.Rate is set.
	DefaultRate = 5000
	// MaxExamples bounds Config.Examples.
	MaxExamples = 1000
	// batch is the most ids of one statement.
	batch = 500
	// statementTimeout bounds each statement.
	statementTimeout = time.Minute
)

// Config holds the options of an audit.
type Config struct {
	// Repair corrects counts that differ from their rows.
	Repair bool
	// Rate is the most tweets or users a second; 0 is DefaultRate.
	Rate int
	// Examples is how many differences are reported one by one, at most MaxExamples.
	Examples int
	// Progress, if not nil, is called after every batch.
	Progress func(Progress) `json:"-"`
}

// Check returns an error if a value is out of range.
func (c Config) Check() error {
	switch {
	case c.Rate < 0:
		return fmt.Errorf("the rate is %d tweets or users a second, below 0", c.Rate)
	case c.Examples < 0 || c.Examples > MaxExamples:
		return fmt.Errorf("examples must be 0 to %d", MaxExamples)
	}
	return nil
}

// Progress is how far an audit has come. Found is how many counts differ so far.
type Progress struct{ Tweets, Users, Found int64 }

// Auditor compares counts with rows. Several may run at once, also while nodes serve.
type Auditor struct {
	db     *sqldb.DB
	log    *events.Log
	cached func(ctx context.Context, tweetID int64) Cached
}

// New returns an Auditor of a database, whose repairs are written through the log. cached returns what the cache holds of a tweet's counts,
// for Explain. It may be nil.
func New(db *sqldb.DB, log *events.Log, cached func(ctx context.Context, tweetID int64) Cached) *Auditor {
	return &Auditor{db, log, cached}
}

// Run compares all counts. If it ends early, because the context ends or because SQL does not answer, it returns an error and the report up
// to there.
func (a *Auditor) Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	began := time.Now()
	r := &run{Auditor: a, Config: c, report: newReport(), began: began}
	err := r.all(ctx, tweetKind, &r.report.Tweets)
	if err == nil {
		err = r.all(ctx, userKind, &r.report.Users)
	}
	r.report.Took = time.Since(began)
	return r.report, err
}

// run is one audit.
type run struct {
	*Auditor
	Config
	report *Report
	began  time.Time
}

// all compares the counts of all tweets or of all users, and adds their number to compared.
func (r *run) all(ctx context.Context, k kind, compared *int64) error {
	for after := int64(math.MinInt64); ; {
		n, last, err := r.batch(ctx, k, after)
		if err != nil {
			return err
		}
		*compared += n
		if r.Progress != nil {
			r.Progress(Progress{Tweets: r.report.Tweets, Users: r.report.Users, Found: r.report.Found()})
		}
		if n < batch {
			return nil
		}
		after = last
		due := time.Duration(float64(r.report.Tweets+r.report.Users) / float64(cmp.Or(r.Rate, DefaultRate)) * float64(time.Second))
		if rest := due - time.Since(r.began); rest > 0 {
			lifecycle.Pause(ctx, nil, rest)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// batch compares the counts of the next ids, and returns their number and the last of them.
func (r *run) batch(ctx context.Context, k kind, after int64) (n, last int64, err error) {
	limited, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	err = sqldb.ScanOne(limited, r.db, `SELECT count(*), coalesce(max(id), 0) FROM (
		SELECT id FROM `+k.table+` WHERE id > $1 ORDER BY id LIMIT $2) AS batch`, []any{after, batch}, &n, &last)
	if err != nil {
		return 0, 0, fmt.Errorf("read the ids of %ss: %w", k.of, err)
	}
	if n == 0 {
		return 0, 0, nil
	}
	all, err := r.differences(ctx, k, after, last)
	if err != nil {
		return 0, 0, err
	}
	for _, d := range all {
		if err := r.note(ctx, k, d); err != nil {
			return 0, 0, err
		}
	}
	return n, last, nil
}

// note reports a difference and, if the audit repairs, repairs it.
func (r *run) note(ctx context.Context, k kind, d difference) error {
	var err error
	repaired := false
	if r.Repair {
		err = r.repair(ctx, k, d.id)
		repaired = err == nil
		if errors.Is(err, errNoRow) {
			err = nil
		}
	}
	for i, c := range k.counts {
		if d.missing(k, i) == 0 {
			continue
		}
		f := Finding{Of: k.of, ID: k.global(d.id), Count: c, Stored: d.stored[i], Recounted: d.actual[i], Repaired: repaired}
		r.report.add(f)
		if len(r.report.Examples) < r.Examples {
			r.report.Examples = append(r.report.Examples, f)
		}
	}
	return err
}
