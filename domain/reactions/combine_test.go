package reactions

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"roost/internal/errs"
	"roost/internal/reqstats"
)

// stalled is a combiner whose transactions wait until the test lets them go on.
type stalled struct {
	combiner
	begun chan []*setting
	goOn  chan struct{}
	early bool // commits call committed, and then wait once more
}

func newStalled() *stalled {
	s := &stalled{begun: make(chan []*setting, 100), goOn: make(chan struct{})}
	s.commit = func(ctx context.Context, batch []*setting, committed func()) {
		reqstats.From(ctx).SQL(0)
		s.begun <- batch
		<-s.goOn
		if s.early {
			committed()
			<-s.goOn
		}
		for _, one := range batch {
			one.now.Counts = &Counts{TweetID: one.TweetID, LikeCount: int32(one.kind)}
		}
	}
	return s
}

// set calls set in a goroutine.
func (s *stalled) set(ctx context.Context, tweet, user int64, kind Kind) (result func() (*Counts, error)) {
	var now Now
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		now, err = s.combiner.set(ctx, Key{TweetID: tweet, UserID: user}, kind)
	}()
	synctest.Wait()
	return func() (*Counts, error) {
		<-done
		return now.Counts, err
	}
}

// A reaction that comes alone does not wait. Those that come while a transaction commits share the next one.
func TestReactionsGatherWhileOneCommits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalled()
		ctx, stats := reqstats.With(t.Context())
		all := []func() (*Counts, error){s.set(t.Context(), 1, 0, Like)}
		if first := <-s.begun; len(first) != 1 {
			t.Errorf("%d are in the first transaction", len(first))
		}
		for user := range int64(5) {
			all = append(all, s.set(ctx, 1+user%2, user, Dislike))
		}
		s.goOn <- struct{}{}
		if second := <-s.begun; len(second) != 5 {
			t.Errorf("%d are in the second transaction", len(second))
		}
		s.goOn <- struct{}{}
		for i, result := range all {
			if now, err := result(); err != nil || now.LikeCount != int32(min(i, 1)+1) {
				t.Errorf("reaction %d: %+v, %v", i, now, err)
			}
		}
		if n := stats.Statements(); n != 5 {
			t.Errorf("5 requests that share a statement count %d", n)
		}
		if s.busy || len(s.waiting) > 0 {
			t.Error("afterwards something is under way")
		}
	})
}

// Reactions of one user to one tweet take effect one after the other, each in a transaction of its own, in the order of the calls.
func TestTapsOfOneUserKeepTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalled()
		s.set(t.Context(), 1, 0, Like)
		<-s.begun
		for _, kind := range []Kind{Like, Dislike, None} {
			s.set(t.Context(), 1, 7, kind)
		}
		s.set(t.Context(), 1, 8, Like)
		for _, want := range []string{"[7 LIKE 8 LIKE]", "[7 DISLIKE]", "[7 NONE]"} {
			s.goOn <- struct{}{}
			var got []string
			for _, one := range <-s.begun {
				got = append(got, fmt.Sprint(one.UserID, " ", one.kind))
			}
			if fmt.Sprint(got) != want {
				t.Errorf("a transaction has %v, want %s", got, want)
			}
		}
		s.goOn <- struct{}{}
		synctest.Wait()
	})
}

// The next transaction begins when the one before has committed, and does not wait for what follows the commit.
func TestTheNextBatchBeginsAfterTheCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalled()
		s.early = true
		first := s.set(t.Context(), 1, 0, Like)
		<-s.begun
		second := s.set(t.Context(), 1, 1, Like)
		if len(s.begun) > 0 {
			t.Error("a transaction begins before the one before has committed")
		}
		s.goOn <- struct{}{}
		<-s.begun
		for range 3 {
			s.goOn <- struct{}{}
		}
		for _, result := range []func() (*Counts, error){first, second} {
			if now, err := result(); err != nil || now == nil {
				t.Errorf("got %+v, %v", now, err)
			}
		}
	})
}

// A caller who gives up while the reaction waits takes it back. One whose reaction is being set gets an error, and it may be set
// nevertheless. One who is to lead a transaction does so for the others.
func TestGivingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalled()
		first, giveUpFirst := context.WithCancel(t.Context())
		leads := s.set(first, 1, 0, Like)
		<-s.begun
		giveUpFirst() // it leads, so it stays
		waits, giveUp := context.WithCancel(t.Context())
		gone := s.set(waits, 1, 1, Like)
		second := s.set(t.Context(), 1, 2, Like)
		third, giveUpThird := context.WithCancel(t.Context())
		unknown := s.set(third, 1, 3, Like)
		giveUp()
		if _, err := gone(); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who gave up got %v", err)
		}
		s.goOn <- struct{}{}
		if batch := <-s.begun; len(batch) != 2 || batch[0].UserID != 2 {
			t.Errorf("the next transaction has %d", len(batch))
		}
		giveUpThird()
		if _, err := unknown(); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who left in between got %v", err)
		}
		s.goOn <- struct{}{}
		for _, result := range []func() (*Counts, error){leads, second} {
			if now, err := result(); err != nil || now == nil {
				t.Errorf("a leader got %+v, %v", now, err)
			}
		}
	})
}

// A transaction has at most maxCombined reactions, and at most maxWaiting wait. More are refused with a time after which to try again.
func TestLimitsOfCombining(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalled()
		s.set(t.Context(), 1, 0, Like)
		<-s.begun
		var all sync.WaitGroup
		for user := range int64(maxWaiting) {
			all.Go(func() {
				if _, err := s.combiner.set(t.Context(), Key{TweetID: 1, UserID: user}, Like); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		_, err := s.combiner.set(t.Context(), Key{TweetID: 1, UserID: -1}, Like)
		if refused, ok := errors.AsType[*errs.Error](err); !ok || refused.Kind != errs.Unavailable || refused.RetryAfter <= 0 {
			t.Errorf("one too many got %v", err)
		}
		for range maxWaiting / maxCombined {
			s.goOn <- struct{}{}
			if n := len(<-s.begun); n != maxCombined {
				t.Errorf("a transaction has %d reactions", n)
			}
		}
		s.goOn <- struct{}{}
		all.Wait()
	})
}

// If the leader's transaction panics, the others of the batch fail and the next batch begins.
func TestAPanicFailsItsBatchOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalled()
		calm := s.commit
		s.set(t.Context(), 1, 0, Like)
		<-s.begun
		panicked := make(chan any, 1)
		go func() {
			defer func() { panicked <- recover() }()
			_, _ = s.combiner.set(t.Context(), Key{TweetID: 1, UserID: 1}, Like)
		}()
		synctest.Wait()
		other := s.set(t.Context(), 1, 2, Like)
		s.commit = func(context.Context, []*setting, func()) { panic("out of order") }
		s.goOn <- struct{}{}
		if p := <-panicked; p != "out of order" {
			t.Errorf("the leader panics with %v", p)
		}
		if _, err := other(); !errors.Is(err, errPanicked) {
			t.Errorf("the other one got %v", err)
		}
		s.commit = calm
		last := s.set(t.Context(), 1, 3, Like)
		<-s.begun
		s.goOn <- struct{}{}
		if now, err := last(); err != nil || now == nil {
			t.Errorf("afterwards: %+v, %v", now, err)
		}
	})
}
