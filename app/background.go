package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"time"

	"roost/cache"
	"roost/cache/audit"
	"roost/domain/accounts"
	"roost/domain/search"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/events"
	"roost/live"
	"roost/server"
)

// background holds the components of a node that work with the event log.
type background struct {
	epochs    *events.Epochs
	sequencer *events.Sequencer
	follower  *events.Follower // follower and tail are nil without the role api
	tail      *live.Tail
	waker     *cache.Waker
	sampler   *audit.Sampler    // nil without the role worker
	groups    []*events.Group   // none without the role worker
	fanout    *timelines.Fanout // nil without the role worker, or without prepared timelines
}

// quietAfter is how long the log must not have grown for the cache to be sampled less often.
const quietAfter = 10 * time.Second

// consumerGroups returns the product's consumer groups. Every node with the role worker works for each of them.
func (a *App) consumerGroups() []events.GroupConfig {
	all := append(append(tally(), a.Config.Groups...), a.sources.Reactions.Drain(), a.sources.Search.Group())
	if !a.redis.Embedded() { // an embedded cache ends with the only node that writes
		all = append(all, a.rows.Relay())
	}
	if a.fanout != nil {
		all = append(all, a.fanout.Group())
	}
	return all
}

// addBackground adds the services that work with the log: a sequencer on every node, and more for the roles api and worker.
func (a *App) addBackground() error {
	s := a.stores
	a.sequencer = events.NewSequencer(s.DB, a.logGrew)
	a.sequencer.Track(a.epochs)
	a.log.Observe(func([]events.Event) { a.sequencer.Wake() })
	a.services.Add("sequencer", a.sequencer)
	a.waker = cache.NewWaker(a.redis, a.wake)
	a.services.Add("waker", a.waker)
	reader := a.epochs.Track(s.DB)
	if a.Config.Has("api") {
		a.follower = a.rows.Follow(reader, func(b events.Batch) { a.tail.Take(b) })
		a.follower.Rely(a.sequencer.Lookout())
		a.tail = live.NewTail(a.hub, a.tailFrom)
		a.services.Add("log follower", a.follower)
	}
	a.services.Add("cache recovery", a.rows.Recovery(reader))
	if a.tail != nil {
		a.services.Add("live tail", a.tail)
	}
	if preparing := a.rows.Preparing(); preparing != nil {
		a.services.Add("prepared timelines", preparing)
	}
	if !a.Config.Has("worker") {
		return nil
	}
	a.sampler = audit.NewSampler(a.rows.Tier(), cmp.Or(a.Config.SampleEvery, audit.SampleEvery), a.rows.Kinds()...)
	a.sampler.RestWhile(func() bool { return a.sequencer.Lookout().Quiet(quietAfter) })
	a.services.Add("cache sampler", a.sampler)
	a.services.Add("sign-in cleaner", accounts.NewLimitCleaner(a.sources.Accounts))
	a.services.Add("idempotency key cleaner", tweets.NewKeyCleaner(a.sources.Tweets))
	a.services.Add("search filler", search.NewFiller(a.sources.Search))
	if a.Config.SearchKeep > 0 {
		a.services.Add("search cleaner", search.NewCleaner(a.sources.Search))
	}
	a.services.Add("hashtags of older tweets", tweets.NewHashtagFill(a.sources.Tweets, a.Config.clock().Now))
	a.services.Add("event cleaner", events.NewCleaner(s.Client, s.DB, a.Config.clock(), 0))
	for _, c := range a.consumerGroups() {
		g, err := events.NewGroup(s.Client, s.DB, a.Config.clock(), c)
		if err != nil {
			return err
		}
		g.Rely(a.sequencer.Lookout())
		a.groups = append(a.groups, g)
		a.services.Add("consumer group "+c.Name, g)
	}
	if a.fanout != nil { // after its group has registered
		a.services.Add("timeline fan-out", a.fanout.Chunks())
	}
	return nil
}

// tailFrom returns the position at which live updates begin: the end of the log when the follower started, or a later one.
func (a *App) tailFrom() events.Position {
	if end, at := a.follower.End(), a.follower.Position(); !at.Covers(end) && at.Epoch() == end.Epoch() {
		return end
	}
	return a.follower.Position()
}

// logGrew wakes this node and the others.
func (a *App) logGrew() {
	a.wake()
	a.waker.Grown()
}

// wake makes everything on this node that reads the log read it now.
func (a *App) wake() {
	if a.follower != nil {
		a.follower.Wake()
	}
	for _, g := range a.groups {
		g.Wake()
	}
}

// adminHandlers returns the handlers of the admin address that are about the log, and those of audits.
func (a *App) adminHandlers() map[string]http.Handler {
	all := EventHandlers(a.eventAdmin())
	maps.Copy(all, auditHandlers(auditStores{db: a.stores.DB, log: a.log, rows: a.rows, sources: a.sources.Sources}))
	return all
}

func (a *App) eventAdmin() *events.Admin {
	return events.NewAdmin(a.stores.Client, a.stores.DB, a.Config.clock())
}

// stuckAfter is how long background work may pause before the node reports that it is degraded.
const stuckAfter = time.Minute

// logChecks returns readiness checks that fail when background work has stopped. They are optional, because requests are served
// without that work.
func (a *App) logChecks() []server.Check {
	checks := []server.Check{{Name: "sequencer", Optional: true, Run: func(context.Context) error {
		return stuck("the sequencer", a.sequencer.Age())
	}}}
	for _, g := range a.groups {
		checks = append(checks, server.Check{Name: "group " + g.Name(), Optional: true, Run: func(context.Context) error {
			return stuck("a worker", g.Health().Looked)
		}})
	}
	return checks
}

func stuck(worker string, age time.Duration) error {
	if age > stuckAfter {
		return fmt.Errorf("%s last read the log %s ago", worker, age.Round(time.Second))
	}
	return nil
}

// ClearCache begins a new epoch of the cache: no entry that was made before is served any more.
func (a *App) ClearCache(ctx context.Context) error { return a.rows.Tier().Clear(ctx) }
