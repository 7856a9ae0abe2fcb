package entities

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"roost/cache"
	"roost/domain/accounts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/ent"
	"roost/events"
	"roost/internal/errs"
)

// All invalidation is here: one function an event says which rows it left at which version.

func (s *Store) of(e events.Event) []cache.Invalidation {
	switch e := e.(type) {
	case events.UserSignedUp:
		return s.userSignedUp(e)
	case events.ProfileUpdated:
		return s.profileUpdated(e)
	case events.SettingsUpdated:
		return s.settingsUpdated(e)
	case events.PasswordChanged:
		return s.passwordChanged(e)
	case events.SessionStarted:
		return s.sessionStarted(e)
	case events.SessionUsed:
		return s.sessionUsed(e)
	case events.SessionEnded:
		return s.sessionEnded(e)
	case events.UserFollowed:
		return s.userFollowed(e)
	case events.UserUnfollowed:
		return s.userUnfollowed(e)
	case events.TweetPosted:
		return s.tweetPosted(e)
	case events.TweetDeleted:
		return s.tweetDeleted(e)
	case events.ReactionSet:
		return s.reactionSet(e)
	}
	return nil // RowsImported: see Relay
}

func (s *Store) userSignedUp(e events.UserSignedUp) []cache.Invalidation {
	key, _ := accounts.NameKey(e.Username)
	return []cache.Invalidation{s.Accounts.at(e.UserID, 1), s.Names.at(key, e.NameVer)}
}

func (s *Store) profileUpdated(e events.ProfileUpdated) []cache.Invalidation {
	return []cache.Invalidation{s.Accounts.at(e.UserID, e.Ver)}
}

func (s *Store) settingsUpdated(e events.SettingsUpdated) []cache.Invalidation {
	all := []cache.Invalidation{s.Accounts.at(e.UserID, e.Ver)}
	if e.OldNameVer > 0 {
		key, _ := accounts.NameKey(e.OldUsername)
		all = append(all, s.Names.at(key, e.OldNameVer))
	}
	if e.NewNameVer > 0 {
		key, _ := accounts.NameKey(e.NewUsername)
		all = append(all, s.Names.at(key, e.NewNameVer))
	}
	return all
}

func (s *Store) passwordChanged(e events.PasswordChanged) []cache.Invalidation {
	return []cache.Invalidation{s.Accounts.at(e.UserID, e.Ver)}
}

func (s *Store) sessionStarted(e events.SessionStarted) []cache.Invalidation {
	return []cache.Invalidation{s.Sessions.at(e.SessionID, 1)}
}

func (s *Store) sessionUsed(e events.SessionUsed) []cache.Invalidation {
	return []cache.Invalidation{s.Sessions.at(e.SessionID, e.Ver)}
}

func (s *Store) sessionEnded(e events.SessionEnded) []cache.Invalidation {
	return []cache.Invalidation{s.Sessions.at(e.SessionID, e.Ver)}
}

func (s *Store) userFollowed(e events.UserFollowed) []cache.Invalidation {
	return s.edge(e.FollowerID, e.FolloweeID, e.Ver, e.FollowerVer, e.FolloweeVer, e.FollowingVer)
}

func (s *Store) userUnfollowed(e events.UserUnfollowed) []cache.Invalidation {
	return s.edge(e.FollowerID, e.FolloweeID, e.Ver, e.FollowerVer, e.FolloweeVer, e.FollowingVer)
}

// edge is a changed follow: the edge, the follower's list, and the counts of both ends.
func (s *Store) edge(follower, followee, ver, followerVer, followeeVer, followingVer int64) []cache.Invalidation {
	all := append(s.counted(follower, followerVer), s.counted(followee, followeeVer)...)
	return append(all, s.Follows.at(follows.Edge{FollowerID: follower, FolloweeID: followee}, ver), s.Followed.at(follower, followingVer))
}

// counted are changed counts of a user. The first make the row, which has the version of the user's list.
func (s *Store) counted(user, ver int64) []cache.Invalidation {
	all := []cache.Invalidation{s.UserCounts.at(user, ver)}
	if ver == 1 {
		all = append(all, s.Followed.at(user, 1))
	}
	return all
}

func (s *Store) tweetPosted(e events.TweetPosted) []cache.Invalidation {
	return append(s.counted(e.AuthorID, e.AuthorVer), s.Tweets.at(e.TweetID, 1))
}

// tweetDeleted names the tweet first: see strict.
func (s *Store) tweetDeleted(e events.TweetDeleted) []cache.Invalidation {
	return append([]cache.Invalidation{s.Tweets.at(e.TweetID, e.Ver)}, s.counted(e.AuthorID, e.AuthorVer)...)
}

func (s *Store) reactionSet(e events.ReactionSet) []cache.Invalidation {
	return []cache.Invalidation{
		s.Reactions.at(reactions.Stand{TweetID: e.TweetID, UserID: e.UserID}, e.Ver),
		s.TweetCounts.at(e.TweetID, e.Revision),
	}
}

// strict is, of the events after which not even the moment between commit and invalidation may show what was before,
// the row that it is about.
func (s *Store) strict(e events.Event) []cache.Invalidation {
	switch e.(type) {
	case events.SessionEnded, events.PasswordChanged, events.TweetDeleted:
		return s.of(e)[:1]
	}
	return nil
}

// StrictTypes are the types of the events whose rows are announced before their commit.
func StrictTypes() []string {
	return []string{events.SessionEnded{}.Type(), events.PasswordChanged{}.Type(), events.TweetDeleted{}.Type()}
}

func (e *Entity[K, V]) at(key K, version int64) cache.Invalidation {
	return cache.Invalidation{Kind: e.kind, Key: e.keys.of(key), Version: version}
}

var _ events.Copies = (*Store)(nil)

// Announce makes the store an events.Copies. It takes one trip for strict events, and one after the commit. What
// Redis does not take within a second is left to the relay; reads of this node see the write all the same.
func (s *Store) Announce(ctx context.Context, all []events.Event) (ended func(committed bool)) {
	var strict []string
	for _, e := range all {
		for _, i := range s.strict(e) {
			strict = append(strict, i.Key)
		}
	}
	var intent cache.Intent
	if len(strict) > 0 {
		var err error
		if intent, err = s.tier.Intend(ctx, strict...); err != nil {
			slog.DebugContext(ctx, "a write is not announced", "error", err)
		}
	}
	return func(committed bool) {
		switch {
		case committed:
			// Its error is counted, and the relay's to mend.
			_ = s.tier.Invalidate(ctx, intent, s.invalidations(all)...)
		case len(strict) > 0:
			s.tier.Withdraw(context.WithoutCancel(ctx), intent)
		}
	}
}

// Forget makes the store an events.Copies. It takes one trip; what Redis does not take is left to who changed the
// rows.
func (s *Store) Forget(ctx context.Context, all []events.Event) {
	var keys []string
	for _, i := range s.invalidations(all) {
		keys = append(keys, i.Key)
	}
	s.tier.Drop(context.WithoutCancel(ctx), keys...)
}

// invalidations are those of events, the newest of each key.
func (s *Store) invalidations(all []events.Event) []cache.Invalidation {
	var out []cache.Invalidation
	index := map[string]int{}
	for _, e := range all {
		for _, i := range s.of(e) {
			at, seen := index[i.Key]
			if !seen {
				index[i.Key] = len(out)
				out = append(out, i)
			} else if out[at].Version < i.Version {
				out[at] = i
			}
		}
	}
	return out
}

// Repeat repeats the invalidations of events of the log. An error says that Redis has not taken all of them.
func (s *Store) Repeat(ctx context.Context, entries []events.Entry) error {
	all := make([]events.Event, 0, len(entries))
	for _, entry := range entries {
		e, err := entry.Event()
		if err != nil {
			return err
		}
		all = append(all, e)
	}
	return s.tier.Invalidate(ctx, cache.Intent{}, s.invalidations(all)...)
}

// Relay is the consumer group that repeats every invalidation until Redis accepts it, and begins a new epoch of
// the cache when rows were imported, which are not named. Its lease is short, so that another node soon goes on when
// one is killed. An epoch that takes longer, of more than some million entries, is begun again until it is done;
// what was removed stays so.
func (s *Store) Relay() events.GroupConfig {
	return events.GroupConfig{Name: "cache", Lease: relayLease, Handler: events.HandlerFunc(s.relay)}
}

// relayLease is how long a batch may take: an invalidation tries for a second.
const relayLease = 2 * time.Second

func (s *Store) relay(ctx context.Context, _ *ent.Tx, batch []events.Entry) error {
	err := s.Repeat(ctx, batch)
	imported := slices.ContainsFunc(batch, func(e events.Entry) bool { return e.Type == events.RowsImported{}.Type() })
	if err == nil && imported {
		err = s.tier.Clear(ctx)
	}
	if err == nil {
		return nil
	}
	// The relay waits for Redis rather than give an event up.
	return &errs.Error{Kind: errs.Unavailable, Message: "redis does not take invalidations", RetryAfter: time.Second, Err: fmt.Errorf("repeat: %w", err)}
}
