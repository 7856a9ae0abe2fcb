package reactions_test

import (
	"context"
	"slices"
	"testing"

	"roost/domain/reactions"
	"roost/events"
	"roost/internal/errs"
	"roost/testkit/domaintest"
)

// Each change of a user's reaction changes the counts of the tweet by one step, with a higher revision; setting the same
// reaction again changes nothing.
func TestReactionsAreCountedOnce(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	tweet := d.Post(t, users[0], "hello")
	d.Emitted()
	revision := int32(0)
	for i, c := range []struct {
		kind            reactions.Kind
		likes, dislikes int32
	}{{reactions.Like, 1, 0}, {reactions.Dislike, 0, 1}, {reactions.None, 0, 0}, {reactions.Dislike, 0, 1}, {reactions.Like, 1, 0}} {
		set, err := d.Reactions.Set(t.Context(), users[1], tweet, c.kind)
		if err != nil {
			t.Fatal(err)
		}
		now := set.Counts
		revision++
		want := reactions.Counts{TweetID: tweet, LikeCount: c.likes, DislikeCount: c.dislikes, Revision: revision}
		if now == nil || *now != want {
			t.Errorf("change %d returns %+v, want %+v", i, now, want)
		}
		got := d.Emitted()
		emitted := got[0].(events.ReactionsChanged)
		if len(got) != 1 || emitted.Counts().Revision != int64(revision) || emitted.Changes[0].Version != int64(i+1) {
			t.Errorf("change %d emits %+v", i, got)
		}
		again, err := d.Reactions.Set(t.Context(), users[1], tweet, c.kind)
		if err != nil || again != (reactions.Now{}) || len(d.Emitted()) != 0 {
			t.Errorf("setting %s again returns %+v, %v", c.kind, again, err)
		}
		stored, err := d.Reactions.CountsOf(t.Context(), []int64{tweet})
		if err != nil || stored[tweet] == nil || *stored[tweet] != want {
			t.Errorf("change %d stores %+v, %v", i, stored[tweet], err)
		}
	}
}

// There is nothing to take back where there was no reaction, and none to a tweet that is not visible.
func TestReactionsToNothing(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	users := d.Users(t, 2)
	tweet, deleted := d.Post(t, users[0], "hello"), d.Post(t, users[0], "deleted")
	set := func(tweet int64, kind reactions.Kind) error {
		_, err := d.Reactions.Set(t.Context(), users[1], tweet, kind)
		return err
	}
	d.Do(t, func(context.Context) error { return set(deleted, reactions.Like) },
		func(ctx context.Context) error { return d.Tweets.Delete(ctx, users[0], deleted) },
		func(context.Context) error { return set(tweet, reactions.None) })
	for _, kind := range []reactions.Kind{reactions.None, reactions.Like, reactions.Dislike} {
		domaintest.Refused(t, set(deleted, kind), errs.NotFound, "tweet")
		domaintest.Refused(t, set(tweet+1<<40, kind), errs.NotFound, "tweet")
	}
	counts, err := d.Reactions.CountsOf(t.Context(), []int64{tweet, deleted})
	if err != nil || counts[tweet] != nil || counts[deleted].LikeCount != 1 {
		t.Errorf("the counts are %+v and %+v, %v", counts[tweet], counts[deleted], err)
	}
}

func TestKindsHaveNames(t *testing.T) {
	t.Parallel()
	var names []string
	for k := reactions.None; k <= reactions.Dislike; k++ {
		names = append(names, k.String())
		if got, ok := reactions.KindOf(k.String()); !ok || got != k {
			t.Errorf("%s is read as %s, %t", k, got, ok)
		}
	}
	if !slices.Equal(names, []string{"NONE", "LIKE", "DISLIKE"}) {
		t.Errorf("the names are %v", names)
	}
	if k, ok := reactions.KindOf("LOVE"); ok {
		t.Errorf("LOVE is read as %s", k)
	}
}
