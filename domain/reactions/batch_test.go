package reactions

import (
	"reflect"
	"testing"
	"time"

	"roost/domain/tweets"
	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
)

// In one batch some reactions change, one is as it was, one takes back what is not there, and one is to a tweet that does not exist. Each
// has its own result, and only those that change are counted.
func TestEachOfABatchHasItsResult(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		db := dbtest.Open(t, c)
		client := ent.NewClient(ent.Driver(db.Driver))
		r := New(client, db, events.New(client, clock.Real{}))
		for id := range int64(2) {
			if err := client.Tweet.Create().SetID(id + 1).SetAuthorID(1).SetText("hello").SetCreatedAt(time.Now()).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		commit := func(all ...*setting) {
			committed := 0
			r.commit(t.Context(), all, func() { committed++ })
			if committed > 1 {
				t.Errorf("one batch has committed %d times", committed)
			}
		}
		one := func(tweet, user int64, kind Kind) *setting {
			return &setting{Key: Key{TweetID: tweet, UserID: user}, kind: kind}
		}
		before := one(1, 1, Like)
		commit(before)
		if before.err != nil || before.now.Counts.LikeCount != 1 {
			t.Fatalf("a like gives %+v, %v", before.now, before.err)
		}
		like, other, switched := one(1, 2, Like), one(2, 2, Dislike), one(1, 3, Dislike)
		same, nothing, missing := one(1, 1, Like), one(2, 1, None), one(99, 1, Like)
		commit(like, same, missing, other, nothing, switched)
		want := Counts{TweetID: 1, LikeCount: 2, DislikeCount: 1, Revision: 3}
		for _, s := range []*setting{like, switched} {
			if s.err != nil || s.now.Counts == nil || *s.now.Counts != want {
				t.Errorf("a change gives %+v, %v; want %+v", s.now, s.err, want)
			}
			if read, err := tweets.New(client, nil, nil, nil).ByID(t.Context(), []int64{1}); err != nil || !reflect.DeepEqual(s.now.Tweet, read[1]) {
				t.Errorf("a change gives the tweet %+v, which is %+v, %v", s.now.Tweet, read[1], err)
			}
		}
		if other.err != nil || other.now.Counts == nil || *other.now.Counts != (Counts{TweetID: 2, DislikeCount: 1, Revision: 1}) {
			t.Errorf("a change of another tweet gives %+v, %v", other.now, other.err)
		}
		for _, s := range []*setting{same, nothing} {
			if s.err != nil || s.now != (Now{}) {
				t.Errorf("what changes nothing gives %+v, %v", s.now, s.err)
			}
		}
		if errs.KindOf(missing.err) != errs.NotFound {
			t.Errorf("a tweet that does not exist gives %v", missing.err)
		}
		only := one(99, 1, Like)
		commit(only)
		if errs.KindOf(only.err) != errs.NotFound {
			t.Errorf("alone it gives %v", only.err)
		}
		if s := r.Stats(); s.Transactions != 2 || s.Changes != 4 {
			t.Errorf("the figures are %+v", s)
		}
	})
}
