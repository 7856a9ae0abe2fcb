// Package loaders batches the look-ups of one GraphQL operation, with one loader for each question.
//
// A Set of loaders exists for one query, one field of a mutation, or one event of a subscription, so the values that it
// remembers are never older than this query, field or event. Rows are read through the cache. A Level collects the keys of
// several loaders and fetches their values in one round trip:
//
//	set := loaders.From(ctx)
//	level := set.Level()
//	set.TweetByID.Want(level, tweetIDs)
//	set.ReactionCounts.Want(level, tweetIDs)
//	level.Fetch(ctx)
//	tweet, err := set.TweetByID.Load(ctx, id) // without waiting
//
// A key that was not prefetched is batched with other keys that are asked for within a millisecond. Sets and loaders are safe
// for concurrent use; a Level belongs to one goroutine.
package loaders

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/counts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/events"
	"roost/internal/caller"
	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/rows"
)

// Sources are what loaders read from: rows through the cache, pages of lists from SQL.
type Sources struct {
	rows.Sources
	Rows     *rows.Store
	Sessions *accounts.Authenticator
	// Position returns the position of the log up to which every cached read that begins now shows all effects; nil means always 0.
	Position func() events.Position
}

// Pages loads pages of lists.
type Pages = Loader[sqldb.Key, cursors.Page[sqldb.Row]]

// Set holds the loaders of one query, one field of a mutation or one event of a subscription.
type Set struct {
	rows *reads

	// AccountByID and SessionByID return nil for unknown ids.
	AccountByID *Loader[int64, *accounts.Account]
	SessionByID *Loader[int64, *accounts.Session]
	// UserIDByName ignores case. It returns 0 for names that nobody has.
	UserIDByName *Loader[string, int64]
	UserCounts   *Loader[int64, counts.UserCounts]
	// FollowedByMe reports whether the viewer follows a user, FollowsMe whether the user follows the viewer.
	FollowedByMe, FollowsMe *Loader[int64, bool]
	// HomeAuthors returns the users whose tweets a viewer's home timeline holds. Nobody may change the slice.
	HomeAuthors *Loader[int64, []int64]
	// These load pages of a user's followers, of the users that the user follows, and of the user's own tweets.
	FollowersPage, FollowingPage, TimelinePage *Pages
	// TweetByID returns nil for unknown and deleted tweets.
	TweetByID      *Loader[int64, *tweets.Tweet]
	ReactionCounts *Loader[int64, *reactions.Counts]
	// MyReaction returns the viewer's own reaction to a tweet.
	MyReaction *Loader[int64, reactions.Kind]
}

// New returns the loaders of one operation.
func New(s Sources, who *caller.Caller) *Set {
	requested := &reads{store: s.Rows, now: s.Position}
	if requested.now == nil {
		requested.now = func() events.Position { return 0 }
	}
	id := func(id int64) (int64, bool) { return id, true }
	// Called each time, because signing in changes the viewer in the middle of an operation.
	viewer := who.UserID
	return &Set{
		rows:        requested,
		AccountByID: cached(requested, s.Rows.Accounts, id, func(_ int64, a *accounts.Account, _ bool) *accounts.Account { return a }),
		SessionByID: cached(requested, s.Rows.Sessions, id, func(_ int64, row *accounts.StoredSession, ok bool) *accounts.Session {
			if !ok {
				return nil
			}
			return s.Sessions.AsOfNow(row)
		}),
		UserIDByName: cached(requested, s.Rows.Names, accounts.NameKey, func(_ string, c accounts.NameClaim, _ bool) int64 { return c.UserID }),
		UserCounts:   cached(requested, s.Rows.UserCounts, id, func(_ int64, c counts.UserCounts, _ bool) counts.UserCounts { return c }),
		FollowedByMe: cached(requested, s.Rows.Follows, func(id int64) (follows.Edge, bool) {
			e := follows.Edge{FollowerID: viewer(), FolloweeID: id}
			return e, viewer() != 0 && e.Possible()
		}, isActive),
		FollowsMe: cached(requested, s.Rows.Follows, func(id int64) (follows.Edge, bool) {
			e := follows.Edge{FollowerID: id, FolloweeID: viewer()}
			return e, viewer() != 0 && e.Possible()
		}, isActive),
		HomeAuthors: cached(requested, s.Rows.Followed, id, func(viewer int64, f *timelines.Followed, _ bool) []int64 {
			return timelines.HomeAuthors(viewer, f)
		}),
		FollowersPage: newLoader(s.Follows.Followers),
		FollowingPage: newLoader(s.Follows.Following),
		TimelinePage:  newLoader(s.Timelines.OfUsers),
		TweetByID:     cached(requested, s.Rows.Tweets, id, func(_ int64, t *tweets.Tweet, _ bool) *tweets.Tweet { return tweets.Visible(t) }),
		ReactionCounts: cached(requested, s.Rows.TweetCounts, id, func(id int64, c *reactions.Counts, ok bool) *reactions.Counts {
			if !ok {
				return &reactions.Counts{TweetID: id}
			}
			return c
		}),
		MyReaction: cached(requested, s.Rows.Reactions, func(id int64) (reactions.Key, bool) {
			return reactions.Key{TweetID: id, UserID: viewer()}, viewer() != 0
		}, func(_ int64, s reactions.State, _ bool) reactions.Kind { return s.Kind }),
	}
}

// Position returns the position of the log up to which the values of all loaders show every effect. It is noted before the first read.
func (s *Set) Position() events.Position { return s.rows.position() }

func isActive(_ int64, s follows.State, _ bool) bool { return s.Active }

// Authors returns the authors of tweets from the process alone, without a read. ok is false unless the process keeps all of the tweets.
func (s *Set) Authors(tweetIDs []int64) (authors []int64, ok bool) {
	authors = make([]int64, len(tweetIDs))
	for i, id := range tweetIDs {
		t, ok := s.rows.store.Tweets.Local(id)
		if !ok {
			return nil, false
		}
		authors[i] = t.AuthorID
	}
	return authors, true
}

type key struct{}

// With returns a context that contains the operation's set.
func With(ctx context.Context, s *Set) context.Context { return context.WithValue(ctx, key{}, s) }

// From returns the operation's set from its context.
func From(ctx context.Context) *Set { return ctx.Value(key{}).(*Set) }
