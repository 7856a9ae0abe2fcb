// Package loaders batches the lookups of one operation: one loader a question. A set of loaders lives as
// long as one query, one field of a mutation, or one event of a subscription, so nothing in it is ever
// old. Rows come through the cache: a Level asks several questions in one round trip.
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
	// Position is the position of the log whose effects show in every cached read that begins now; nil is always 0.
	Position func() events.Position
}

// Pages is a loader of pages of lists.
type Pages = Loader[sqldb.Key, cursors.Page[sqldb.Row]]

// Set is one loader for each question, for one query, mutation or subscription event.
type Set struct {
	rows *reads

	// AccountByID and SessionByID give nil for unknown ids.
	AccountByID *Loader[int64, *accounts.Account]
	SessionByID *Loader[int64, *accounts.Session]
	// UserIDByName ignores case; it gives 0 for names that nobody has.
	UserIDByName *Loader[string, int64]
	UserCounts   *Loader[int64, counts.UserCounts]
	// FollowedByMe and FollowsMe tell whether the viewer follows a user, and is followed by one.
	FollowedByMe, FollowsMe *Loader[int64, bool]
	// HomeAuthors are those whose tweets a viewer's home timeline holds. Nobody may change what it gives.
	HomeAuthors *Loader[int64, []int64]
	// Pages of a user's followers, of those the user follows, and of the user's own tweets.
	FollowersPage, FollowingPage, TimelinePage *Pages
	// TweetByID gives nil for unknown and deleted tweets.
	TweetByID      *Loader[int64, *tweets.Tweet]
	ReactionCounts *Loader[int64, *reactions.Counts]
	// MyReaction is the viewer's own.
	MyReaction *Loader[int64, reactions.Kind]
}

// New makes the loaders of one operation.
func New(s Sources, who *caller.Caller) *Set {
	requested := &reads{store: s.Rows, now: s.Position}
	if requested.now == nil {
		requested.now = func() events.Position { return 0 }
	}
	id := func(id int64) (int64, bool) { return id, true }
	// Asked each time: signing in makes it somebody in the middle of an operation.
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
			return follows.Edge{FollowerID: viewer(), FolloweeID: id}, related(viewer(), id)
		}, isActive),
		FollowsMe: cached(requested, s.Rows.Follows, func(id int64) (follows.Edge, bool) {
			return follows.Edge{FollowerID: id, FolloweeID: viewer()}, related(viewer(), id)
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

// Position is the position of the log that the set may be reported to be true of: everything up to there shows in
// whatever its loaders answer. It is noted before their first read.
func (s *Set) Position() events.Position { return s.rows.position() }

// related reports whether one may follow the other: nobody follows oneself, and there may be no viewer.
func related(viewer, id int64) bool { return viewer != 0 && viewer != id }

func isActive(_ int64, s follows.State, _ bool) bool { return s.Active }

// Authors gives the authors of tweets without asking anybody; ok is false unless the process keeps all of the
// tweets.
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

// With puts a set into the context of an operation.
func With(ctx context.Context, s *Set) context.Context { return context.WithValue(ctx, key{}, s) }

// From gives the operation's set.
func From(ctx context.Context) *Set { return ctx.Value(key{}).(*Set) }
