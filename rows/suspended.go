package rows

import (
	"context"
	"log/slog"
	"time"

	"roost/domain/retweets"
	"roost/domain/suspensions"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/events"
	"roost/internal/lifecycle"
)

// What a suspended user has made stays in the cache as it is. The functions in this file leave it out when it is read, by the set of
// suspended users that the process keeps: it reads the set when its follower begins, and changes it with each event of the log, before the
// follower's position moves.

// LoadSuspended reads who is suspended. A process without a follower has the state of the last call.
func (s *Store) LoadSuspended(ctx context.Context) error {
	return s.timelines.LoadSuspended(ctx, &s.suspended)
}

// RenewSuspended reads who is suspended again if no follower keeps it up to date, as in a command that runs for long.
func (s *Store) RenewSuspended(ctx context.Context) error {
	if s.follower != nil {
		return nil
	}
	return s.LoadSuspended(ctx)
}

const (
	// suspendedTimeout bounds one read of who is suspended.
	suspendedTimeout = time.Second
	// suspendedRetry is the pause before such a read is repeated.
	suspendedRetry = 100 * time.Millisecond
)

// followSuspended notes what a batch says about suspensions. It reads who is suspended if the batch does not say it: events are missing or
// cannot be read, or the log has begun another epoch. Then it waits until the database answers, without which there is nothing to follow
// either. Only the follower's batches are noted: the relay may handle a single event of long ago.
func (s *Store) followSuspended(ctx context.Context, b events.Batch) {
	reread := b.Gap || b.Restart
	for _, entry := range b.Entries {
		if entry.Type != (events.UserSuspended{}).Type() && entry.Type != (events.UserRestored{}).Type() {
			continue
		}
		e, err := entry.Event()
		if reread = reread || err != nil; err == nil {
			s.noteSuspended(e)
		}
	}
	for reread && ctx.Err() == nil {
		short, cancel := context.WithTimeout(ctx, suspendedTimeout)
		err := s.LoadSuspended(short)
		cancel()
		if err == nil {
			return
		}
		if s.warnings.suspended.Allow() {
			slog.WarnContext(ctx, "the log is not followed until it is known who is suspended", "error", err)
		}
		lifecycle.Pause(ctx, nil, suspendedRetry)
	}
}

// Suspended returns the users who are suspended.
func (s *Store) Suspended() *suspensions.Set { return &s.suspended }

// noteSuspended notes what an event says about suspensions.
func (s *Store) noteSuspended(e events.Event) {
	switch e := e.(type) {
	case events.UserSuspended:
		s.suspended.Note(e.UserID, e.Version, true)
	case events.UserRestored:
		s.suspended.Note(e.UserID, e.Version, false)
	}
}

// Audience is timelines.Timelines.Audience, for which a user who is suspended is in no home timeline.
func (s *Store) Audience(ctx context.Context, of timelines.Ends, viewers []int64) ([]int64, error) {
	if s.suspended.Has(of.AuthorID) || s.suspended.Has(of.ParentAuthorID) {
		return nil, nil
	}
	return s.timelines.Audience(ctx, of, viewers)
}

// shownAuthor reports whether a tweet is not known to be one of a suspended user. It reads nothing: it looks at the
// copies that the process keeps.
func (s *Store) shownAuthor(tweetID int64) bool {
	if s.suspended.Empty() {
		return true
	}
	t, ok := s.Tweets.Local(tweetID)
	return !ok || !s.suspended.Has(t.AuthorID)
}

// VisibleTweet returns a tweet that was read if it is visible, otherwise nil. The tweet may be nil.
func (s *Store) VisibleTweet(t *tweets.Tweet) *tweets.Tweet { return tweets.Visible(t, &s.suspended) }

// VisibleRetweet reports whether a retweet with a key may be seen, as far as that depends on the user.
func (s *Store) VisibleRetweet(k retweets.Key) bool { return !s.suspended.Has(k.UserID) }

// HomeAuthors returns the authors whose entries a viewer's home timeline shows: those of timelines.HomeAuthors who are not suspended.
// Nobody may change the result.
func (s *Store) HomeAuthors(viewerID int64, followed *timelines.Followed) []int64 {
	return timelines.ShownAuthors(viewerID, followed, s.suspended.Now())
}
