package api

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"roost/domain/timelines"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

const (
	// homeAuthors are followed by the viewer, homeStrangers are not.
	homeAuthors, homeStrangers = 24, 6
	// maxUnfollowed is how many authors are unfollowed, so that most of the timeline remains.
	maxUnfollowed = 2
)

// shifting is a home timeline that changes while it is read, through two nodes. Nobody is followed meanwhile, so an entry never comes
// back to a place that it has left, and only moves to newer places.
type shifting struct {
	nodes              [2]*apitest.Roost
	db                 *sqldb.DB
	viewer             *apitest.User
	people             map[int64]*apitest.User
	authors, strangers []int64

	mu       sync.Mutex
	authorOf map[int64]int64   // by tweet
	tweets   []int64           // that may be deleted
	brought  []timelines.Entry // retweets that may be undone
	// When mutations were sent and answered: tweets of authors that came, tweets that were deleted, authors who were unfollowed, and
	// retweets that were undone.
	came, deleted, unfollowed map[int64]span
	undone                    map[timelines.Entry]span
	arrivals, departures      int
	changed                   chan struct{}
}

// span is the time of a mutation. It is answered if answered is not zero.
type span struct{ sent, answered time.Time }

// before reports whether the mutation was answered before a time.
func (s span) before(at time.Time) bool { return !s.answered.IsZero() && s.answered.Before(at) }

// newShifting makes a viewer with a home timeline of n entries.
func newShifting(t *testing.T, a, b *apitest.Roost, dice *rand.Rand, n int) *shifting {
	t.Helper()
	users := a.SignUps(t, "shifting", 1+homeAuthors+homeStrangers)
	s := &shifting{nodes: [2]*apitest.Roost{a, b}, db: a.DB(t), viewer: users[0], people: map[int64]*apitest.User{},
		authorOf: map[int64]int64{}, came: map[int64]span{}, deleted: map[int64]span{}, unfollowed: map[int64]span{},
		undone: map[timelines.Entry]span{}, changed: make(chan struct{}, 1)}
	for i, u := range users[1:] {
		id := rig.UserID(t, u.ID)
		s.people[id] = u
		if i < homeAuthors {
			s.viewer.Follow(t, u.ID)
			s.authors = append(s.authors, id)
		} else {
			s.strangers = append(s.strangers, id)
		}
	}
	rig.WriteHistory(t, s.db, dice, s.authors, s.strangers, n)
	rig.ClearCache(t, a)
	posts, err := sqldb.ScanAll(t.Context(), s.db, "SELECT id, author_id FROM tweets", nil,
		func(r *[2]int64) []any { return []any{&r[0], &r[1]} })
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range posts {
		s.authorOf[p[0]] = p[1]
		s.tweets = append(s.tweets, p[0])
	}
	for _, e := range s.whole(t) {
		if e.By != 0 {
			s.brought = append(s.brought, e)
		}
	}
	return s
}

// whole reads the timeline with plain SQL.
func (s *shifting) whole(t *testing.T) []timelines.Entry {
	t.Helper()
	return rig.WholeHome(t, s.db, rig.UserID(t, s.viewer.ID))
}

// during has writers change the timeline while fn runs: as fast as they can, or in a soak about ten times a second each. Five times as
// many entries come as go.
func (s *shifting) during(t *testing.T, dice *rand.Rand, fn func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	for range testtime.Soak(2, 1) {
		own := rand.New(rand.NewPCG(dice.Uint64(), 0))
		all.Go(func() {
			for ctx.Err() == nil {
				if err := s.change(own); err != nil {
					t.Error(err)
					return
				}
				if testtime.Soaking() {
					select {
					case <-time.After(80 * time.Millisecond):
					case <-ctx.Done():
					}
				}
			}
		})
	}
	fn()
}

func (s *shifting) change(dice *rand.Rand) error {
	comes, err := dice.IntN(6) > 0, error(nil)
	if comes {
		err = s.come(dice)
	} else {
		err = s.leave(dice)
	}
	s.mu.Lock()
	if comes {
		s.arrivals++
	} else {
		s.departures++
	}
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return err
}

// come adds a tweet of an author, or an author's retweet of a new tweet of a stranger or of any old tweet.
func (s *shifting) come(dice *rand.Rand) error {
	author := s.authors[dice.IntN(homeAuthors)]
	switch dice.IntN(6) {
	case 0:
		s.mu.Lock()
		tweet := s.tweets[dice.IntN(len(s.tweets))]
		s.mu.Unlock()
		return s.retweet(dice, author, tweet)
	case 1:
		tweet, err := s.post(dice, s.strangers[dice.IntN(homeStrangers)])
		if err != nil {
			return err
		}
		return s.retweet(dice, author, tweet)
	}
	sent := time.Now()
	tweet, err := s.post(dice, author)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.came[tweet] = span{sent, time.Now()}
	return nil
}

func (s *shifting) post(dice *rand.Rand, author int64) (tweet int64, err error) {
	posted, err := tweeted(rig.UserOn(s.nodes[dice.IntN(2)], s.people[author]))
	if err != nil {
		return 0, err
	}
	id, _ := ids.Tweet(posted)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.authorOf[int64(id)] = author
	s.tweets = append(s.tweets, int64(id))
	return int64(id), nil
}

// retweet retweets a tweet, unless it has been deleted meanwhile.
func (s *shifting) retweet(dice *rand.Rand, user, tweet int64) error {
	_, err := s.unlessDeleted(dice, user, tweet, rig.Retweet)
	return err
}

// unlessDeleted runs a mutation about a tweet. It reports false if the tweet has been deleted.
func (s *shifting) unlessDeleted(dice *rand.Rand, user, tweet int64, query string) (done bool, err error) {
	res, err := rig.UserOn(s.nodes[dice.IntN(2)], s.people[user]).Do(context.Background(), query,
		apitest.Vars{"id": ids.TweetID(tweet).String()})
	switch {
	case err != nil:
		return false, err
	case res.String("op.userErrors.0.code") == "NOT_FOUND":
		return false, nil
	case len(res.Errors) > 0 || res.Get("op.userErrors.0") != nil:
		return false, fmt.Errorf("a mutation is answered with %s", res.Body)
	}
	return true, nil
}

// leave undoes a retweet, deletes a tweet, or unfollows an author.
func (s *shifting) leave(dice *rand.Rand) error {
	s.mu.Lock()
	if author := s.authors[1+dice.IntN(homeAuthors-1)]; len(s.unfollowed) < maxUnfollowed && dice.IntN(10) == 0 {
		s.mu.Unlock()
		return run(s, s.unfollowed, author, func() (bool, error) {
			return true, follows(rig.UserOn(s.nodes[dice.IntN(2)], s.viewer), "unfollowUser", s.people[author].ID)
		})
	}
	if len(s.brought) > 0 && dice.IntN(3) == 0 {
		e := take(dice, &s.brought)
		s.mu.Unlock()
		return run(s, s.undone, e, func() (bool, error) { return s.unlessDeleted(dice, e.By, e.Item, rig.Unretweet) })
	}
	tweet := take(dice, &s.tweets)
	author := s.people[s.authorOf[tweet]]
	s.mu.Unlock()
	return run(s, s.deleted, tweet, func() (bool, error) {
		return true, untweeted(rig.UserOn(s.nodes[dice.IntN(2)], author), ids.TweetID(tweet).String())
	})
}

// run notes when a mutation is sent and, if it was done, when it was answered.
func run[K comparable](s *shifting, in map[K]span, key K, mutation func() (done bool, err error)) error {
	note := func(at span) {
		s.mu.Lock()
		defer s.mu.Unlock()
		in[key] = at
	}
	sent := time.Now()
	note(span{sent: sent})
	done, err := mutation()
	if done && err == nil {
		note(span{sent, time.Now()})
	}
	return err
}

// take removes a random item and returns it.
func take[T any](dice *rand.Rand, all *[]T) T {
	i, last := dice.IntN(len(*all)), len(*all)-1
	item := (*all)[i]
	(*all)[i] = (*all)[last]
	*all = (*all)[:last]
	return item
}
