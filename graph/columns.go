package graph

import (
	"context"

	"roost/cache"
	"roost/graph/plan"
	"roost/internal/caller"
	"roost/internal/parallel"
	"roost/loaders"
)

// env connects the plans of one operation with the stores, the viewer and the site.
type env struct {
	*Resolver
	set       *loaders.Set
	who       *caller.Caller
	requests  []*cache.Request // of this level, answered in one round trip
	alongside []func()         // statements of this level
}

func envOf(r *plan.Run) *env { return r.Env.(*env) }

// Fetch is part of plan.Env.
func (e *env) Fetch(ctx context.Context) {
	e.set.Position() // that of before the first read
	asks := e.alongside
	if len(e.requests) > 0 {
		asks = append(asks, func() { e.set.Answer(ctx, e.requests...) })
	}
	parallel.Run(asks...)
	clear(e.requests)
	clear(asks)
	e.requests, e.alongside = e.requests[:0], asks[:0]
}

// columnOf returns the column that asks a question of the loaders.
func columnOf[K comparable, V any](q *loaders.Question[K, V]) *plan.Column[K, V] {
	return &plan.Column[K, V]{Source: func() plan.Source[K, V] { return &asked[K, V]{question: q} }}
}

// asked answers a column from a question of the loaders.
type asked[K comparable, V any] struct {
	question *loaders.Question[K, V]
	at       func(ctx context.Context, i int) (V, error) // of a cached question
	got      map[K]V                                     // of any other
	err      error
	missing  []K // the keys that were asked for, if some were primed
}

// Ask is part of plan.Source. What a mutation has primed is not asked for again.
func (a *asked[K, V]) Ask(r *plan.Run, keys []K) bool {
	e := envOf(r)
	if a.missing = a.missing[:0]; a.question.AnyKnown(e.set) {
		for _, k := range keys {
			if _, ok := a.question.Known(e.set, k); !ok {
				a.missing = append(a.missing, k)
			}
		}
		if keys = a.missing; len(keys) == 0 {
			return false
		}
	}
	if a.question.Cached() {
		asked, at := a.question.Ask(e.set, keys)
		before := len(e.requests)
		a.at, e.requests = at, asked.AppendTo(e.requests)
		return len(e.requests) > before
	}
	e.alongside = append(e.alongside, func() { a.got, a.err = a.question.Fetch(r.Ctx, e.set, keys) })
	return true
}

// Answer is part of plan.Source.
func (a *asked[K, V]) Answer(r *plan.Run, keys []K, to []V) ([]V, error) {
	e := envOf(r)
	primed := a.question.AnyKnown(e.set)
	next := 0
	for _, k := range keys {
		v, ok := V(*new(V)), false
		if primed {
			v, ok = a.question.Known(e.set, k)
		}
		if !ok {
			var err error
			if v, err = a.read(r, k, next); err != nil {
				return to, err
			}
			next++
		}
		to = append(to, v)
	}
	return to, nil
}

// read returns the answer for the i-th key that was asked for.
func (a *asked[K, V]) read(r *plan.Run, k K, i int) (V, error) {
	if a.question.Cached() {
		return a.at(r.Ctx, i)
	}
	return a.got[k], a.err
}

// Keep is part of plan.Source. A key that was answered although others failed keeps its answer.
func (a *asked[K, V]) Keep(r *plan.Run, keys []K, values []V, err error) {
	set := envOf(r).set
	for i, k := range keys {
		if err == nil {
			a.question.Keep(r.Ctx, set, k, values[i])
		} else if v, answered := a.got[k]; answered {
			a.question.Keep(r.Ctx, set, k, v)
		} else {
			a.question.KeepError(set, k, err)
		}
	}
}

// Reset is part of plan.Source.
func (a *asked[K, V]) Reset() {
	clear(a.missing)
	*a = asked[K, V]{question: a.question, missing: a.missing[:0]}
}

// The columns of the tables, one for each question.
var (
	accountRow     = columnOf(loaders.AccountByID)
	sessionRow     = columnOf(loaders.SessionByID)
	userIDByName   = columnOf(loaders.UserIDByName)
	userCounts     = columnOf(loaders.UserCounts)
	followedByMe   = columnOf(loaders.FollowedByMe)
	followsMe      = columnOf(loaders.FollowsMe)
	tweetRow       = columnOf(loaders.TweetByID)
	reactionCounts = columnOf(loaders.ReactionCounts)
	myReaction     = columnOf(loaders.MyReaction)
	retweetRow     = columnOf(loaders.RetweetByID)
	myRetweet      = columnOf(loaders.MyRetweet)
	retweetsPage   = columnOf(loaders.RetweetsPage)
	tweetsFound    = columnOf(loaders.TweetsFound)
	usersFound     = columnOf(loaders.UsersFound)
	repliesPage    = columnOf(loaders.RepliesPage)
	ancestorsOf    = columnOf(loaders.Ancestors)
	followersPage  = columnOf(loaders.FollowersPage)
	followingPage  = columnOf(loaders.FollowingPage)
	timelinePage   = columnOf(loaders.TimelinePage)
	hashtagRow     = columnOf(loaders.HashtagByID)
	hashtagName    = columnOf(loaders.HashtagName)
	hashtagPage    = columnOf(loaders.HashtagPage)
	homePage       = columnOf(loaders.HomePage)
	sessionList    = columnOf(loaders.SessionsOf)
)

func exists[T any](v *T) bool { return v != nil }
