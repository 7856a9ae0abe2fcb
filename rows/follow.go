package rows

import (
	"context"
	"log/slog"
	"time"

	"roost/events"
	"roost/internal/lifecycle"
)

// Follow makes the follower that keeps this node's reads true to the log: when its position covers an event, every read
// that begins afterwards shows what the event has changed, even if its writer died before invalidating anything. Applied
// is called when the position has moved, and must not block.
//
// It begins where the relay is, because Redis has taken everything up to there, and reads of Redis are suspended until
// it has reached what was the end of the log: see Recovery. It must be called before the first read, and the follower
// started before Recovery.
func (s *Store) Follow(r *events.Reader, applied func(b events.Batch)) *events.Follower {
	s.follower = events.NewFollower(r, events.FollowerConfig{Apply: s.apply, Applied: applied,
		From: func(ctx context.Context, head int64) (int64, error) {
			s.began = s.tier.Suspend()
			position, relayed, err := r.GroupPosition(ctx, relayGroup)
			if err != nil || !relayed {
				return head, err
			}
			return position, nil
		}})
	return s.follower
}

// apply confirms the invalidations of a batch. Events that name no rows suspend all reads of Redis: see Recovery. Events
// that retention removed have been relayed.
func (s *Store) apply(ctx context.Context, b events.Batch) {
	c := s.changesOf(b.Entries)
	s.tier.Confirm(ctx, c.invalidations...)
	if !c.unnamed() {
		return
	}
	if c.unreadable != nil {
		slog.ErrorContext(ctx, "rows are read from the database until the cache is cleared, because it is not known which ones an event has changed",
			"error", c.unreadable)
	}
	s.tier.Suspend()
}

// recoveryPoll is how often a suspended node looks whether it may read from Redis again.
const recoveryPoll = 50 * time.Millisecond

// recoveryTimeout bounds a look, but for the clearing of an embedded Redis.
const recoveryTimeout = 5 * time.Second

// recovery is the state of the service Recovery.
type recovery struct {
	store  *Store
	reader *events.Reader
	// Suspensions up to number end when the relay has passed need, a place in the log of the epoch.
	number, need, epoch int64
}

// Recovery is the service that sends the invalidations that Redis has not taken from this node, also while nobody reads,
// and that ends suspensions. A suspension ends once the relay has passed everything that was committed before it,
// because then Redis has taken all of that. The suspension of the start ends as soon as the follower has caught up,
// before the node serves if there is little to follow. Where no relay has ever run, as in embedded mode, Recovery clears
// the cache instead.
func (s *Store) Recovery(r *events.Reader) lifecycle.Service {
	c := &recovery{store: s, reader: r}
	return &starting{Loop: lifecycle.Loop{Run: c.run}, first: func(ctx context.Context) {
		short, cancel := context.WithTimeout(ctx, recoveryPoll)
		defer cancel()
		if s.follower != nil {
			_ = s.follower.CatchUp(short) // else later
		}
		if err := c.look(ctx); err != nil {
			slog.WarnContext(ctx, "rows are read from the database first", "error", err)
		}
	}}
}

// starting is a loop that does something before its start returns.
type starting struct {
	lifecycle.Loop
	first func(ctx context.Context)
}

func (s *starting) Start(ctx context.Context) error {
	s.first(ctx)
	return s.Loop.Start(ctx)
}

func (c *recovery) run(ctx context.Context) {
	tick := time.NewTicker(recoveryPoll)
	defer tick.Stop()
	suspended := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := c.look(ctx)
		now := c.store.tier.Suspension() != 0
		switch {
		case now && !suspended:
			slog.WarnContext(ctx, "rows are read from the database: redis may hold old ones until the relay has caught up", "error", err)
		case suspended && !now:
			slog.InfoContext(ctx, "rows are read from the cache again")
		}
		suspended = now
	}
}

// look sends what is pending, and ends the suspensions that may end.
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
	position, relayed, err := c.reader.GroupPosition(short, relayGroup)
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
	// What came since is over when the relay has passed everything that is committed by now.
	if c.need, err = c.reader.Sequenced(short); err == nil && position >= c.need {
		tier.Resume(c.number)
	}
	return err
}
