// Package loaders batches the lookups of one operation: one loader a question. A set of loaders lives as
// long as one query, one field of a mutation, or one event of a subscription, so nothing in it is ever
// old.
package loaders

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/counts"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/internal/caller"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// Sources are where answers come from.
type Sources struct {
	Accounts  *accounts.Accounts
	Counts    *counts.Store
	Follows   *follows.Follows
	Tweets    *tweets.Tweets
	Reactions *reactions.Reactions
	Timelines *timelines.Timelines
}

// Pages is a loader of pages of lists.
type Pages = Loader[sqldb.Key, cursors.Page[sqldb.Row]]

// Set are the loaders of one operation.
type Set struct {
	UserByID       *Loader[int64, *accounts.User]
	AccountByID    *Loader[int64, *accounts.Private]
	UserIDByName   *Loader[string, int64]
	SessionByID    *Loader[int64, *accounts.Session]
	UserCounts     *Loader[int64, counts.User]
	FollowedByMe   *Loader[int64, bool]
	FollowsMe      *Loader[int64, bool]
	HomeAuthors    *Loader[int64, []int64]
	FollowersPage  *Pages
	FollowingPage  *Pages
	TimelinePage   *Pages
	TweetByID      *Loader[int64, *tweets.Tweet]
	ReactionCounts *Loader[int64, *reactions.Counts]
	MyReaction     *Loader[int64, reactions.Kind]
}

// New makes an empty set. The viewer is read when a loader first asks, so that a sign-in inside the
// operation counts.
func New(s Sources, who *caller.Caller) *Set {
	return &Set{
		UserByID:       newLoader(s.Accounts.UsersByID),
		AccountByID:    newLoader(s.Accounts.PrivateByID),
		UserIDByName:   newLoader(s.Accounts.UserIDsByName),
		SessionByID:    newLoader(s.Accounts.SessionsByID),
		UserCounts:     newLoader(s.Counts.ByUser),
		FollowedByMe:   newLoader(mine(who, s.Follows.FollowedBy)),
		FollowsMe:      newLoader(mine(who, s.Follows.FollowersAmong)),
		HomeAuthors:    newLoader(s.Timelines.AuthorsFor),
		FollowersPage:  newLoader(s.Follows.Followers),
		FollowingPage:  newLoader(s.Follows.Following),
		TimelinePage:   newLoader(s.Timelines.OfUsers),
		TweetByID:      newLoader(s.Tweets.ByID),
		ReactionCounts: newLoader(s.Reactions.CountsOf),
		MyReaction:     newLoader(mine(who, s.Reactions.ByViewer)),
	}
}

// mine asks a question about the viewer; without one every answer is the zero value.
func mine[V any](who *caller.Caller, ask func(ctx context.Context, viewerID int64, ids []int64) (map[int64]V, error)) func(context.Context, []int64) (map[int64]V, error) {
	return func(ctx context.Context, ids []int64) (map[int64]V, error) {
		viewer := who.UserID()
		if viewer == 0 {
			return map[int64]V{}, nil
		}
		return ask(ctx, viewer, ids)
	}
}

type key struct{}

// With puts a set into the context.
func With(ctx context.Context, s *Set) context.Context { return context.WithValue(ctx, key{}, s) }

// From gives the set of the operation. Resolvers run under one; asking outside is a programming error
// and panics.
func From(ctx context.Context) *Set { return ctx.Value(key{}).(*Set) }
