package app

import (
	"context"
	"errors"
	"net/http"

	"roost/cache"
	"roost/cache/audit"
	"roost/domain/timelines"
	"roost/events"
	"roost/rows"
	"roost/rows/homeaudit"
)

// CacheAudit compares all cache entries with SQL, in this process or through the admin address of a node.
type CacheAudit interface {
	Run(ctx context.Context, c audit.Config) (*audit.Report, error)
}

// TimelineAudit compares derived home timelines with SQL, in this process or through the admin address of a node, which then compares
// those that it derives itself.
type TimelineAudit interface {
	Run(ctx context.Context, c homeaudit.Config) (*homeaudit.Report, error)
}

var (
	_ CacheAudit    = (*audit.Auditor)(nil)
	_ CacheAudit    = RemoteAudit{}
	_ TimelineAudit = (*homeaudit.Auditor)(nil)
	_ TimelineAudit = RemoteTimelineAudit{}
)

// OpenCacheAudit opens PostgreSQL and Redis for an audit outside of any node. closeStores closes both.
func OpenCacheAudit(ctx context.Context, c Config) (a *audit.Auditor, closeStores func() error, err error) {
	store, _, closeStores, err := openRows(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	return audit.NewAuditor(store.Tier(), store.Kinds()...), closeStores, nil
}

// OpenTimelineAudit opens PostgreSQL and Redis for an audit outside of any node. closeStores closes both.
func OpenTimelineAudit(ctx context.Context, c Config) (a *homeaudit.Auditor, closeStores func() error, err error) {
	store, timelines, closeStores, err := openRows(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	return homeaudit.New(store, timelines), closeStores, nil
}

// openRows opens PostgreSQL and Redis for reads outside of any node. closeStores closes both.
func openRows(ctx context.Context, c Config) (store *rows.Store, t *timelines.Timelines, closeStores func() error, err error) {
	stores, err := OpenStores(ctx, c)
	if err != nil {
		return nil, nil, nil, err
	}
	redis, err := cache.Open(cache.Config{URL: c.RedisURL})
	if err != nil {
		return nil, nil, nil, errors.Join(err, stores.Close())
	}
	closeStores = func() error { return errors.Join(redis.Close(), stores.Close()) }
	tier, err := cache.NewTier(redis)
	if err == nil {
		err = errors.Join(tier.Probe(ctx), redis.Ping(ctx))
	}
	if err != nil {
		return nil, nil, nil, errors.Join(err, closeStores())
	}
	sources := c.rowSources(stores, events.New(stores.Client, c.clock()))
	if store, err = rows.New(tier, sources); err != nil {
		return nil, nil, nil, errors.Join(err, closeStores())
	}
	epoch, err := events.CurrentEpoch(ctx, stores.DB)
	if err != nil {
		return nil, nil, nil, errors.Join(err, closeStores())
	}
	tier.SetEpoch(epoch.Number)
	return store, sources.Timelines, closeStores, nil
}

// auditPath and timelineAuditPath are the paths of audits on the admin address.
const (
	auditPath         = "/audit/cache"
	timelineAuditPath = "/audit/timelines"
)

func auditHandler(a CacheAudit) http.Handler {
	return auditRun[audit.Config, audit.Progress, audit.Report](
		func(ctx context.Context, c audit.Config, progress func(audit.Progress)) (*audit.Report, error) {
			c.Progress = progress
			return a.Run(ctx, c)
		}).handler("cache")
}

func timelineAuditHandler(a TimelineAudit) http.Handler {
	return auditRun[homeaudit.Config, homeaudit.Progress, homeaudit.Report](
		func(ctx context.Context, c homeaudit.Config, progress func(homeaudit.Progress)) (*homeaudit.Report, error) {
			c.Progress = progress
			return a.Run(ctx, c)
		}).handler("timelines")
}

// RemoteAudit runs audits of the cache in another process, a running node.
type RemoteAudit struct{ addr string }

// NewRemoteAudit returns a RemoteAudit of the node at an admin address, in the form of --admin-addr.
func NewRemoteAudit(addr string) RemoteAudit { return RemoteAudit{addr} }

// Run makes the node audit its cache. If ctx ends, the node's audit ends, too.
func (r RemoteAudit) Run(ctx context.Context, c audit.Config) (*audit.Report, error) {
	return remoteAudit[audit.Config, audit.Progress, audit.Report](ctx, r.addr, auditPath, c, c.Progress)
}

// RemoteTimelineAudit runs audits of home timelines in another process, a running node.
type RemoteTimelineAudit struct{ addr string }

// NewRemoteTimelineAudit returns a RemoteTimelineAudit of the node at an admin address, in the form of --admin-addr.
func NewRemoteTimelineAudit(addr string) RemoteTimelineAudit { return RemoteTimelineAudit{addr} }

// Run makes the node compare the timelines that it derives. If ctx ends, the node's audit ends, too.
func (r RemoteTimelineAudit) Run(ctx context.Context, c homeaudit.Config) (*homeaudit.Report, error) {
	return remoteAudit[homeaudit.Config, homeaudit.Progress, homeaudit.Report](ctx, r.addr, timelineAuditPath, c, c.Progress)
}
