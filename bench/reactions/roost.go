package reactions

import (
	"context"
	"errors"
	"sync"

	"roost/cache"
	"roost/domain/accounts"
	"roost/domain/counts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/idlease"
	"roost/internal/ids"
	"roost/rows"
)

// roost is Roost's way: its domain, its cached rows, the drainer and the relay, wired as a node with the role worker wires them.
type roost struct {
	stores
	client    *ent.Client
	redis     *cache.Redis
	rows      *rows.Store
	reactions *reactions.Reactions
	sequencer *events.Sequencer
	relay     *events.Group
	drainer   *events.Group
	deaths    deaths
}

func openRoost(ctx context.Context, s stores) (_ Counter, err error) {
	redis, err := cache.Open(cache.Config{URL: s.redis})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, redis.Close())
		}
	}()
	tier, err := cache.NewTier(redis)
	if err != nil {
		return nil, err
	}
	now := clock.Real{}
	r := &roost{stores: s, client: ent.NewClient(ent.Driver(s.db.Driver)), redis: redis}
	log, made := events.New(r.client, now), ids.NewGenerator(now, idlease.New(s.db))
	r.reactions = reactions.New(r.client, s.db, log)
	r.rows, err = rows.New(tier, rows.Sources{
		Accounts: accounts.New(r.client, log, made, now, accounts.DefaultConfig()), Counts: counts.New(r.client),
		Follows: follows.New(r.client, s.db, log, made), Tweets: tweets.New(r.client, s.db, log, made), Reactions: r.reactions,
		Retweets: retweets.New(r.client, s.db, log, made), Timelines: timelines.New(s.db),
	})
	if err != nil {
		return nil, err
	}
	r.deaths = deaths{Invalidator: r.rows, die: s.die}
	log.SetInvalidator(&r.deaths)
	r.sequencer = events.NewSequencer(s.db, func() { r.relay.Wake() })
	log.Observe(func([]events.Event) { r.sequencer.Wake() })
	if r.relay, err = r.group(r.rows.Relay()); err != nil {
		return nil, err
	}
	if r.drainer, err = r.group(r.reactions.Drain()); err != nil {
		return nil, err
	}
	return r, errors.Join(r.relay.Start(ctx), r.sequencer.Start(ctx), r.Resume(ctx))
}

func (r *roost) group(c events.GroupConfig) (*events.Group, error) {
	g, err := events.NewGroup(r.client, r.db, clock.Real{}, c)
	if err == nil {
		g.Rely(r.sequencer.Lookout())
	}
	return g, err
}

// Like is part of Counter.
func (r *roost) Like(ctx context.Context, user, tweet int64) (err error) {
	defer func() {
		if v := recover(); v != nil && v != any(errDied) {
			panic(v)
		}
		if r.deaths.took(reactions.Key{TweetID: tweet, UserID: user}) {
			err = errDied
		}
	}()
	_, err = r.reactions.Set(ctx, user, tweet, reactions.Like)
	return err
}

// Shown is part of Counter.
func (r *roost) Shown(ctx context.Context, tweet int64) (int64, error) {
	all, err := r.rows.TweetCounts.Load(ctx, []int64{tweet})
	if err != nil || all[tweet] == nil {
		return 0, err
	}
	return int64(all[tweet].LikeCount), nil
}

// Interrupt is part of Counter.
func (r *roost) Interrupt(ctx context.Context) error { return r.drainer.Stop(ctx) }

// Resume is part of Counter.
func (r *roost) Resume(ctx context.Context) error { return r.drainer.Start(ctx) }

// Stop is part of Counter.
func (r *roost) Stop(ctx context.Context) error {
	return errors.Join(r.drainer.Stop(ctx), r.relay.Stop(ctx), r.sequencer.Stop(ctx), r.redis.Close())
}

// deaths are writers that die between their commit and the invalidation: they panic. Others whose reactions were in the same transaction
// get an error.
type deaths struct {
	events.Invalidator
	die func() bool

	mu   sync.Mutex
	dead map[reactions.Key]bool
}

// Begin is part of events.Invalidator.
func (d *deaths) Begin(ctx context.Context, all []events.Event) (finish func(committed bool)) {
	finish = d.Invalidator.Begin(ctx, all)
	if !d.die() {
		return finish
	}
	return func(committed bool) {
		if !committed {
			finish(false)
			return
		}
		d.mu.Lock()
		for _, e := range all {
			if e, ok := e.(events.ReactionsChanged); ok {
				for _, c := range e.Changes {
					if d.dead == nil {
						d.dead = map[reactions.Key]bool{}
					}
					d.dead[reactions.Key{TweetID: e.TweetID, UserID: c.UserID}] = true
				}
			}
		}
		d.mu.Unlock()
		panic(errDied)
	}
}

// took reports whether the writer of a like died.
func (d *deaths) took(key reactions.Key) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead[key]
}
