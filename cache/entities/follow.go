package entities

import (
	"context"
	"log/slog"
	"time"

	"roost/events"
	"roost/internal/lifecycle"
)

// Follow makes the follower that keeps this node's reads true to the log: when its position covers an event, every read
// that begins afterwards shows what the event has changed, whoever wrote it and whatever became of the writer. Applied
// is called when the position has moved, and must not block.
//
// It must be called before the first read, and the follower started before Recovery.
func (s *Store) Follow(r *events.Reader, applied func(b events.Batch)) *events.Follower {
	s.follower = events.NewFollower(r, events.FollowerConfig{Apply: s.apply, Applied: applied})
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

// recovery ends suspensions.
type recovery struct {
	store  *Store
	reader *events.Reader
	// The relay must have passed need before the suspension with the number ends.
	number, need int64
}

// Recovery is the service that has this node read from Redis again after a suspension: once the relay has passed
// everything that was committed before, because then Redis has taken all of it. A node also begins suspended, since it
// does not know what Redis has not taken from others, and is out of that before it serves if the relay is not behind.
// Without a relay it clears the cache itself.
func (s *Store) Recovery(r *events.Reader) lifecycle.Service {
	c := &recovery{store: s, reader: r}
	return &starting{Loop: lifecycle.Loop{Run: c.run}, first: func(ctx context.Context) {
		s.tier.Suspend()
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
		if now := c.store.tier.Suspension() != 0; now != suspended {
			suspended = now
			slog.WarnContext(ctx, "rows are read from the database instead of the cache", "suspended", now, "error", err)
		}
	}
}

// look ends the suspension if it may end.
func (c *recovery) look(ctx context.Context) error {
	tier := c.store.tier
	number := tier.Suspension()
	if number == 0 {
		return nil
	}
	short, cancel := context.WithTimeout(ctx, recoveryTimeout)
	defer cancel()
	position, relayed, err := c.reader.GroupPosition(short, relayGroup)
	if err != nil {
		return err
	}
	if !relayed { // as in embedded mode
		if err := tier.Clear(ctx); err != nil {
			return err
		}
		tier.Resume(number)
		return nil
	}
	if position >= c.need && number != c.number {
		if c.need, err = c.reader.Sequenced(short); err != nil {
			return err
		}
		c.number = number
	}
	if position >= c.need {
		tier.Resume(number)
	}
	return nil
}
