package rows

import (
	"context"
	"log/slog"
	"time"

	"roost/events"
	"roost/internal/lifecycle"
)

// Follow returns the follower that keeps this node's reads as new as the log. Once the follower's position covers an event, every read
// that begins afterwards shows what the event has changed, even if the node that wrote it died before it invalidated anything. applied
// is called when the position has moved, and must not block.
//
// The follower begins at the relay's position, because Redis has taken all invalidations up to there. Reads of Redis are suspended
// until it has reached what was the end of the log at the start; see Recovery. Follow must be called before the first read, and the
// follower must be started before Recovery.
func (s *Store) Follow(r *events.Reader, applied func(b events.Batch)) *events.Follower {
	s.follower = events.NewFollower(r, events.FollowerConfig{Apply: s.apply, Applied: applied,
		From: func(ctx context.Context, head int64) (int64, error) {
			s.began = s.tier.Suspend()
			if err := s.startUnlisted(ctx); err != nil {
				return head, err
			}
			if err := s.LoadSuspended(ctx); err != nil {
				return head, err
			}
			position, relayed, err := r.GroupPosition(ctx, RelayGroup)
			if err != nil || !relayed {
				return head, err
			}
			return position, nil
		}})
	return s.follower
}

// apply confirms the invalidations of a batch. Events that do not name their rows suspend all reads of Redis; see Recovery. Events that
// retention has removed were relayed before.
func (s *Store) apply(ctx context.Context, b events.Batch) {
	s.followSuspended(ctx, b)
	if s.prepared != nil {
		s.prepared.recent.note(b)
	}
	c := s.changesOf(b.Entries)
	if c.unlisted {
		s.unlisted.seen(0)
	}
	// After an error this node reads these rows from SQL, until Redis has taken the invalidations.
	_ = s.tier.Confirm(ctx, c.invalidations...)
	_ = s.renewCounts(ctx, c.counts)
	if !c.unnamed() {
		return
	}
	if c.unreadable != nil && s.warnings.unnamed.Allow() {
		slog.ErrorContext(ctx, "rows are read from the database until the cache is cleared: an event does not name the rows it changed",
			"error", c.unreadable)
	}
	s.tier.Suspend()
}

const (
	// recoveryPoll is how often a node sends pending invalidations and checks whether a suspension may end.
	recoveryPoll = 50 * time.Millisecond
	// settledPoll is how often it looks whether there are any. The tier wakes it when there are.
	settledPoll = 5 * time.Second
)

// recoveryTimeout bounds one such check, except for clearing an embedded Redis.
const recoveryTimeout = 5 * time.Second

// recovery is the state of the service Recovery.
type recovery struct {
	store  *Store
	reader *events.Reader
	// Suspensions up to number end when the relay's position has reached need, an offset in the log of the epoch.
	number, need, epoch int64

	// suspended is set while the log says that rows are read from the database. Redis may come and go, so warnings limits
	// how often it says so.
	suspended bool
	warnings  lifecycle.Throttle
}

// Recovery returns the service that sends this node's pending invalidations, also while nobody reads, and that ends suspensions.
//
// A suspension ends once the relay has passed everything that was committed before it, because then Redis has taken all of that. The
// suspension of the start ends as soon as the follower has caught up; if there is little to follow, that is before the node serves.
// If no relay has ever run, as in embedded mode, Recovery clears the cache instead.
func (s *Store) Recovery(r *events.Reader) lifecycle.Service {
	c := &recovery{store: s, reader: r}
	run := func(ctx context.Context) {
		lifecycle.Pause(ctx, nil, recoveryPoll) // first has just looked
		c.poll().Run(ctx)
	}
	return &starting{Loop: lifecycle.Loop{Run: run}, first: func(ctx context.Context) {
		short, cancel := context.WithTimeout(ctx, recoveryPoll)
		defer cancel()
		if s.follower != nil {
			_ = s.follower.CatchUp(short) // if it does not, the loop goes on
		}
		if err := c.look(ctx); err != nil {
			slog.WarnContext(ctx, "rows are read from the database at first", "error", err)
		}
	}}
}

// starting is a loop that calls first before Start returns.
type starting struct {
	lifecycle.Loop
	first func(ctx context.Context)
}

func (s *starting) Start(ctx context.Context) error {
	s.first(ctx)
	return s.Loop.Start(ctx)
}

func (c *recovery) poll() lifecycle.Poll {
	p := lifecycle.Steadily(recoveryPoll, "whether rows may be read from redis again is not known", func(ctx context.Context) error {
		defer c.report(ctx)
		return c.look(ctx)
	})
	p.Wake = c.store.tier.WhenUnsettled()
	p.Pace = func() time.Duration {
		if c.store.tier.Unsettled() {
			return recoveryPoll
		}
		return settledPoll
	}
	return p
}

// report logs that a suspension has begun, and that all have ended.
func (c *recovery) report(ctx context.Context) {
	switch now := c.store.tier.Suspension() != 0; {
	case now && !c.suspended && c.warnings.Allow():
		c.suspended = true
		slog.WarnContext(ctx, "rows are read from the database: redis may hold old ones until the relay has caught up")
	case c.suspended && !now:
		c.suspended = false
		slog.InfoContext(ctx, "rows are read from the cache again")
	}
}

// look sends the pending invalidations, and ends each suspension that may end.
func (c *recovery) look(ctx context.Context) error {
	tier := c.store.tier
	tier.SendPending(ctx)
	if tier.Suspension() == 0 {
		return nil
	}
	if epoch := tier.Epoch(); epoch != c.epoch {
		c.number, c.need, c.epoch = 0, 0, epoch
	}
	short, cancel := context.WithTimeout(ctx, recoveryTimeout)
	defer cancel()
	position, relayed, err := c.reader.GroupPosition(short, RelayGroup)
	if err != nil {
		return err
	}
	if !relayed {
		number := tier.Suspension()
		if err := tier.Clear(ctx); err != nil {
			return err
		}
		tier.Resume(number)
		return nil
	}
	if f := c.store.follower; f != nil && (f.Position() >= f.End() || f.Position().Epoch() != f.End().Epoch()) {
		tier.Resume(c.store.began)
	}
	if position < c.need {
		return nil
	}
	tier.Resume(c.number)
	if c.number = tier.Suspension(); c.number == 0 {
		return nil
	}
	// Suspensions that began since then end when the relay has passed everything that is committed by now.
	if c.need, err = c.reader.Sequenced(short); err == nil && position >= c.need {
		tier.Resume(c.number)
	}
	return err
}
