package app

import (
	"context"
	"errors"
	"net/http"

	"roost/cache"
	"roost/cache/audit"
	"roost/domain/countaudit"
	"roost/events"
	"roost/internal/sqldb"
	"roost/rows"
	"roost/rows/homeaudit"
)

// Audit runs an audit with options, and returns its report. If the audit ends early, there may be both a report and an error.
type Audit[C, R any] func(ctx context.Context, c C) (*R, error)

// AuditKind is a kind of audit: options of type C, with a function that is called with the progress P, and reports of type R.
type AuditKind[C checker, P, R any] struct {
	// path is the path on the admin address, and of names what is compared.
	path, of string
	// progress returns the field of the options that is called with the progress.
	progress func(c *C) *func(P)
	// over returns an audit of open stores.
	over func(s auditStores) Audit[C, R]
	// needsRedis reports that the audit is of no use without Redis.
	needsRedis bool
}

// The kinds of audits. CacheAudits compare all cache entries with SQL. TimelineAudits compare derived home timelines with SQL; a node
// compares those that it derives itself. CountAudits compare counts of tweets and users with the rows that they count. Explanations
// show what the counts of one tweet come from.
var (
	CacheAudits = AuditKind[audit.Config, audit.Progress, audit.Report]{
		path: "/audit/cache", of: "cache", needsRedis: true,
		progress: func(c *audit.Config) *func(audit.Progress) { return &c.Progress },
		over: func(s auditStores) Audit[audit.Config, audit.Report] {
			return audit.NewAuditor(s.rows.Tier(), s.rows.Kinds()...).Run
		}}
	TimelineAudits = AuditKind[homeaudit.Config, homeaudit.Progress, homeaudit.Report]{
		path: "/audit/timelines", of: "timelines", needsRedis: true,
		progress: func(c *homeaudit.Config) *func(homeaudit.Progress) { return &c.Progress },
		over: func(s auditStores) Audit[homeaudit.Config, homeaudit.Report] {
			return homeaudit.New(s.rows, s.sources.Timelines).Run
		}}
	CountAudits = AuditKind[countaudit.Config, countaudit.Progress, countaudit.Report]{
		path: "/audit/counts", of: "counts",
		progress: func(c *countaudit.Config) *func(countaudit.Progress) { return &c.Progress },
		over:     func(s auditStores) Audit[countaudit.Config, countaudit.Report] { return s.counts().Run }}
	Explanations = AuditKind[countaudit.Explain, struct{}, countaudit.Explanation]{
		path: "/audit/counts/explain", of: "counts of a tweet",
		over: func(s auditStores) Audit[countaudit.Explain, countaudit.Explanation] { return s.counts().Explain }}
)

// auditHandlers returns the handlers of all kinds of audits, by method and path.
func auditHandlers(s auditStores) map[string]http.Handler {
	return map[string]http.Handler{
		"POST " + CacheAudits.path:    CacheAudits.handler(CacheAudits.over(s)),
		"POST " + TimelineAudits.path: TimelineAudits.handler(TimelineAudits.over(s)),
		"POST " + CountAudits.path:    CountAudits.handler(CountAudits.over(s)),
		"POST " + Explanations.path:   Explanations.handler(Explanations.over(s)),
	}
}

// Open opens PostgreSQL and Redis for an audit outside of any node. closeStores closes both.
func (k AuditKind[C, P, R]) Open(ctx context.Context, c Config) (a Audit[C, R], closeStores func() error, err error) {
	s, closeStores, err := openAuditStores(ctx, c, k.needsRedis)
	if err != nil {
		return nil, nil, err
	}
	return k.over(s), closeStores, nil
}

// Remote returns audits by the node at an admin address, in the form of --admin-addr. If the context of one ends, the node's audit ends,
// too.
func (k AuditKind[C, P, R]) Remote(addr string) Audit[C, R] {
	return func(ctx context.Context, c C) (*R, error) {
		var progress func(P)
		if k.progress != nil {
			progress = *k.progress(&c)
		}
		return remoteAudit[C, P, R](ctx, addr, k.path, c, progress)
	}
}

// handler serves audits on the admin address.
func (k AuditKind[C, P, R]) handler(a Audit[C, R]) http.Handler {
	return auditRun[C, P, R](func(ctx context.Context, c C, progress func(P)) (*R, error) {
		if k.progress != nil {
			*k.progress(&c) = progress
		}
		return a(ctx, c)
	}).handler(k.of)
}

// auditStores is what audits compare.
type auditStores struct {
	db      *sqldb.DB
	log     *events.Log
	rows    *rows.Store
	sources rows.Sources
}

func (s auditStores) counts() *countaudit.Auditor { return countaudit.New(s.db, s.log, s.cachedCounts) }

// cachedCounts returns what Redis holds of the counts of a tweet.
func (s auditStores) cachedCounts(ctx context.Context, tweetID int64) countaudit.Cached {
	state, counts := s.rows.TweetCounts.Inspect(ctx, tweetID)
	words := map[cache.State]string{cache.Gone: "nothing", cache.Held: "counts", cache.Empty: "an entry without counts",
		cache.PreviousEpoch: "an entry of a previous epoch", cache.Broken: "an unreadable entry",
		cache.Away: "unknown, because Redis does not answer"}
	out := countaudit.Cached{State: words[state], Held: state == cache.Held}
	if counts != nil {
		out.Counts = counts.Wide()
	}
	return out
}

// openAuditStores opens PostgreSQL and Redis outside of any node. What is written through the log is invalidated in Redis. closeStores
// closes both. If Redis is not needed, it need not answer.
func openAuditStores(ctx context.Context, c Config, needsRedis bool) (s auditStores, closeStores func() error, err error) {
	stores, err := OpenStores(ctx, c)
	if err != nil {
		return s, nil, err
	}
	redis, err := cache.Open(cache.Config{URL: c.RedisURL})
	if err != nil {
		return s, nil, errors.Join(err, stores.Close())
	}
	closeStores = func() error { return errors.Join(redis.Close(), stores.Close()) }
	tier, err := cache.NewTier(redis)
	if err == nil {
		if err = errors.Join(tier.Probe(ctx), redis.Ping(ctx)); !needsRedis {
			err = ctx.Err()
		}
	}
	if err != nil {
		return s, nil, errors.Join(err, closeStores())
	}
	s = auditStores{db: stores.DB, log: events.New(stores.Client, c.clock())}
	s.sources = c.rowSources(stores, s.log)
	if s.rows, err = rows.New(tier, s.sources); err != nil {
		return s, nil, errors.Join(err, closeStores())
	}
	s.log.SetInvalidator(s.rows)
	epoch, err := events.CurrentEpoch(ctx, stores.DB)
	if err != nil {
		return s, nil, errors.Join(err, closeStores())
	}
	tier.SetEpoch(epoch.Number)
	if err := s.rows.LoadSuspended(ctx); err != nil {
		return s, nil, errors.Join(err, closeStores())
	}
	return s, closeStores, nil
}
