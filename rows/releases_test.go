package rows

import (
	"context"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"roost/cache"
	"roost/domain/reactions"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/internal/ids"
)

// before is how the release before stores a kind of row whose form has changed since.
type before[V any] struct {
	write func(w *writer, v V)
	read  func(r *reader)
}

var tweetBefore = before[*tweets.Tweet]{
	write: func(w *writer, t *tweets.Tweet) {
		w.number(t.AuthorID)
		w.text(t.Text)
		w.time(t.CreatedAt)
		w.flag(t.Deleted)
	},
	read: func(r *reader) { r.number(); r.text(); r.time(); r.flag() },
}

var authorListBefore = before[timelines.AuthorList]{
	write: func(w *writer, l timelines.AuthorList) {
		w.number(l.CompleteFrom)
		w.text(string(l.SortKeys))
		w.count(len(l.Special))
		for _, e := range l.Special {
			for _, n := range []int64{e.Index, int64(e.Kind), e.TweetID, e.AuthorID, e.ParentAuthorID} {
				w.number(n)
			}
		}
	},
	read: func(r *reader) {
		r.number()
		r.text()
		for range 5 * r.count() {
			r.number()
		}
	},
}

// The likes had the number of retweets above their 32 bits, and the dislikes a mark above theirs.
var countsBefore = before[*reactions.Counts]{
	write: func(w *writer, c *reactions.Counts) {
		w.number(int64(c.RetweetCount)<<32 | int64(uint32(c.LikeCount)))
		w.number(1<<32 | int64(uint32(c.DislikeCount)))
	},
	read: func(r *reader) { r.number(); r.number() },
}

// checkBefore stores a row in both forms, and reads each as the other.
func checkBefore[K comparable, V any](t *rapid.T, form form[K, V], before before[V], key K, v V) {
	t.Helper()
	var now, then writer
	form.write(&now, v)
	if r := (reader{data: string(now)}); func() bool { before.read(&r); return r.done() }() {
		t.Errorf("%s: the release before reads %+v", form.name, v)
	}
	before.write(&then, v)
	r := reader{data: string(then)}
	if got := form.read(&r, key, 1); r.done() {
		t.Errorf("%s: what the release before has stored is read as %+v", form.name, got)
	}
	if r := (reader{data: string(then)}); func() bool { before.read(&r); return !r.done() }() {
		t.Errorf("%s: the release before does not read what it stores", form.name)
	}
}

// Nodes of two releases share entries, and neither takes the form of the other for its own: the entry counts as damaged, and is read
// from SQL.
func TestFormsOfTwoReleases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Int64Range(0, 1<<60)
		tweet := tweets.Tweet{ID: ids.TweetID(number.Draw(t, "id")), AuthorID: number.Draw(t, "author"), Text: rapid.String().Draw(t, "text"),
			Deleted: rapid.Bool().Draw(t, "deleted")}
		checkBefore(t, tweetForm(nil, nil, &goneTweets{}), tweetBefore, int64(tweet.ID), &tweet)
		c := reactions.Counts{LikeCount: rapid.Int32().Draw(t, "likes"), DislikeCount: rapid.Int32().Draw(t, "dislikes"),
			RetweetCount: rapid.Int32().Draw(t, "retweets")}
		checkBefore(t, tweetCountsForm(nil, nil), countsBefore, 7, &c)
		l := timelines.AuthorList{CompleteFrom: number.Draw(t, "from")}
		for i := range rapid.Int64Range(0, 3).Draw(t, "entries") {
			l.SortKeys += timelines.SortKeys(binary.LittleEndian.AppendUint64(nil, uint64(number.Draw(t, "key"))))
			if rapid.Bool().Draw(t, "special") {
				l.Special = append(l.Special, timelines.SpecialEntry{Index: i, Kind: timelines.RetweetEntry, TweetID: number.Draw(t, "tweet"),
					AuthorID: number.Draw(t, "author"), ParentAuthorID: number.Draw(t, "parent")})
			}
		}
		checkBefore(t, authorListForm(nil), authorListBefore, 7, l)
	})
	onBoth(t, func(t *testing.T, r *rig) {
		w := newReactor(t, r, 1)
		tweet := w.tweets[0]
		w.set(t, tweet, reactions.Like)
		if _, _, err := w.Retweets.Retweet(t.Context(), w.viewer, tweet); err != nil {
			t.Fatal(err)
		}
		old := newEntity(r.there.tier, tweetCountsForm(r.Reactions, nil))
		old.write = countsBefore.write
		fill := old.Ask([]int64{tweet}) // an old node fills the entry
		r.there.Answer(t.Context(), fill.Request())
		stored := fill.Request().Values[0].Data
		for range 2 {
			got, err := r.here.TweetCounts.Load(t.Context(), []int64{tweet})
			if err != nil || *got[tweet] != (reactions.Counts{TweetID: tweet, LikeCount: 1, RetweetCount: 1, Revision: 2}) {
				t.Errorf("the counts are %+v, %v", got[tweet], err)
			}
		}
		if data := r.stored(t, cache.EntryPrefix+"tc:1000"); data == stored {
			t.Error("the entry of the old node is still there")
		}
	})
}

// stored returns the data of an entry as the cache has it.
func (r *rig) stored(t *testing.T, key string) string {
	t.Helper()
	req := cache.Request{Kind: r.there.TweetCounts.kind, Keys: []string{key}, Load: func(context.Context, []string) ([]cache.Value, error) {
		return []cache.Value{{}}, nil
	}}
	r.there.Answer(t.Context(), &req)
	return req.Values[0].Data
}
