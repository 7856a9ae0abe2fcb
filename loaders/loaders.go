// Package loaders has the questions that a GraphQL operation can ask, and batches them.
//
// A Set exists for one query, one field of a mutation, or one event of a subscription, so the values that it remembers are never
// older than this query, field or event. Rows are read through the cache. A resolver asks for one key; it is batched with other keys
// of the same question that are asked for within a millisecond, and each key is fetched once:
//
//	tweet, err := loaders.TweetByID.Load(ctx, id)
//
// A plan asks all questions of a level together, without a loader, so that their rows come in one round trip:
//
//	tweets, tweet := loaders.TweetByID.Ask(set, ids)
//	counts, count := loaders.ReactionCounts.Ask(set, ids)
//	set.Answer(ctx, counts.AppendTo(tweets.AppendTo(nil))...)
//	t, err := tweet(ctx, 0)
//
// Both read what a mutation has primed. Sets and questions are safe for concurrent use.
package loaders

import (
	"cmp"
	"context"
	"sync"
	"time"

	"roost/cache"
	"roost/domain/accounts"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/timelines"
	"roost/events"
	"roost/internal/caller"
	"roost/internal/moment"
	"roost/rows"
)

// Sources are what loaders read from: rows through the cache, pages of lists from SQL.
type Sources struct {
	rows.Sources
	Rows     *rows.Store
	Sessions *accounts.Authenticator
	// Position returns the position of the log up to which every cached read that begins now shows all effects; nil means always 0.
	Position func() events.Position
	// Wait is how long a loader gathers keys into a batch; 0 is a millisecond.
	Wait time.Duration
}

func (s *Sources) wait() time.Duration { return cmp.Or(s.Wait, wait) }

// Set holds what one query, one field of a mutation or one event of a subscription has read.
type Set struct {
	sources *Sources
	who     *caller.Caller // signing in changes the viewer in the middle of an operation
	moment  *moment.Moment // nil if each read has its own
	once    sync.Once
	from    events.Position

	// followed is the list of those whom the viewer follows.
	followed viewerRow[*timelines.Followed]
	// reacted is the list of the viewer's newest reactions.
	reacted viewerRow[*reactions.List]
	// retweeted is the list of the viewer's newest retweets.
	retweeted viewerRow[*retweets.List]
	// authors are those of the tweets of the home page that was read last.
	authors knownAuthors

	mu      sync.Mutex
	loaders map[any]any // by question; made when they are used
}

// New returns the set of an operation, whose reads share the context's moment; see package moment.
func New(ctx context.Context, sources *Sources) *Set {
	return &Set{sources: sources, who: caller.From(ctx), moment: moment.From(ctx)}
}

// loader returns the loader of a question, nil if it was not used yet.
func (s *Set) loader(question any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loaders[question]
}

// loaderOr returns the loader of a question, which is made if it was not used yet.
func (s *Set) loaderOr(question any, newLoader func() any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.loaders[question]
	if !ok {
		if s.loaders == nil {
			s.loaders = map[any]any{}
		}
		l = newLoader()
		s.loaders[question] = l
	}
	return l
}

// Position returns the position of the log up to which the values of all loaders show every effect. It is noted before the first read.
func (s *Set) Position() events.Position {
	s.once.Do(func() {
		if s.sources.Position != nil {
			s.from = s.moment.Note(func() any { return s.sources.Position() }).(events.Position)
		}
	})
	return s.from
}

// Answer answers requests together, in one round trip of the cache and at most one SQL statement for each kind of rows.
func (s *Set) Answer(ctx context.Context, all ...*cache.Request) {
	s.Position()
	s.sources.Rows.Answer(ctx, all...)
}

// Suspended reports whether a user is suspended.
func (s *Set) Suspended(userID int64) bool { return s.sources.Rows.Suspended().Has(userID) }

// AppendAuthors appends the authors of tweets without a read. ok is false unless all of them are known: the process keeps the tweet, or
// has made a home page from lists that contain it.
func (s *Set) AppendAuthors(tweetIDs, to []int64) (_ []int64, ok bool) {
	for _, id := range tweetIDs {
		if t, ok := s.sources.Rows.Tweets.Local(id); ok {
			to = append(to, t.AuthorID)
		} else if author, ok := s.authors.of(id); ok {
			to = append(to, author)
		} else {
			return to, false
		}
	}
	return to, true
}

// knownAuthors finds the authors of tweets, which never change. It is safe for concurrent use.
type knownAuthors struct {
	mu      sync.Mutex
	find    func() map[int64]int64 // nil if byTweet is complete
	byTweet map[int64]int64
}

// note replaces the authors by those that find returns, which is called when one is needed.
func (a *knownAuthors) note(find func() map[int64]int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.find = find
}

// of returns the author of a tweet; ok is false if it is not known.
func (a *knownAuthors) of(tweetID int64) (author int64, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.find != nil {
		a.byTweet, a.find = a.find(), nil
	}
	author, ok = a.byTweet[tweetID]
	return author, ok
}

type key struct{}

// With returns a context that contains the operation's set.
func With(ctx context.Context, s *Set) context.Context { return context.WithValue(ctx, key{}, s) }

// From returns the operation's set from its context.
func From(ctx context.Context) *Set { return ctx.Value(key{}).(*Set) }

// Has reports whether a context contains a set.
func Has(ctx context.Context) bool { return ctx.Value(key{}) != nil }
