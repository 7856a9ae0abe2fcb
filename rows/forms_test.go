package rows

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"roost/cache"
	"roost/domain/follows"
	"roost/domain/reactions"
	"roost/domain/retweets"
	"roost/domain/timelines"
	"roost/events"
)

// What a writer wrote a reader reads, and nothing else: every shorter or longer text is noticed.
func TestFieldsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, count := rapid.Int64().Draw(t, "n"), rapid.IntRange(0, 3).Draw(t, "count")
		text, flag := rapid.String().Draw(t, "text"), rapid.Bool().Draw(t, "flag")
		at := time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		var w writer
		w.number(n)
		w.count(count)
		w.flag(flag)
		w.text(text)
		w.maybe(nil)
		w.maybe(&text)
		w.time(at)
		read := func(data string) (ok bool) {
			r := reader{data: data}
			n2, count2, flag2, text2, none, some, at2 := r.number(), r.count(), r.flag(), r.text(), r.maybe(), r.maybe(), r.time()
			return r.done() && n2 == n && count2 == count && flag2 == flag && text2 == text && none == nil && *some == text && at2.Equal(at)
		}
		if !read(string(w)) {
			t.Fatalf("%q does not come back", w)
		}
		for _, data := range []string{string(w[:len(w)-1]), string(w) + "x", ""} {
			if r := (reader{data: data}); func() bool {
				r.number()
				r.count()
				r.flag()
				r.text()
				r.maybe()
				r.maybe()
				r.time()
				return r.done()
			}() {
				t.Fatalf("%q is read as whole", data)
			}
		}
	})
}

// Keys can be taken apart again, and no key is that of two entities.
func TestKeys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		name := rapid.StringMatching(`[a-z0-9_]{1,15}`).Draw(t, "name")
		all := map[string]bool{}
		for _, k := range []keys[int64]{accountKeys, userCountsKeys, sessionKeys, followedKeys, authorListKeys, tweetKeys, tweetCountsKeys,
			reactedKeys, retweetedKeys} {
			key := k.of(a)
			all[key] = true
			if got, ok := k.from(key); !ok || got != a {
				t.Errorf("%q is of %d", key, got)
			}
		}
		edge, reaction := follows.Edge{FollowerID: a, FolloweeID: b}, reactions.Key{TweetID: a, UserID: b}
		retweet := retweets.Key(reaction)
		for key, ok := range map[string]func() bool{
			followKeys.of(edge):       func() bool { k, ok := followKeys.from(followKeys.of(edge)); return ok && k == edge },
			reactionKeys.of(reaction): func() bool { k, ok := reactionKeys.from(reactionKeys.of(reaction)); return ok && k == reaction },
			retweetKeys.of(retweet):   func() bool { k, ok := retweetKeys.from(retweetKeys.of(retweet)); return ok && k == retweet },
			nameKeys.of(name):         func() bool { k, ok := nameKeys.from(nameKeys.of(name)); return ok && k == name },
		} {
			all[key] = true
			if !ok() {
				t.Errorf("%q is not what it was", key)
			}
		}
		if len(all) != 13 {
			t.Errorf("some entities share a key: %v", all)
		}
		for key := range all {
			if !strings.HasPrefix(key, cache.EntryPrefix) {
				t.Errorf("%q would survive a new epoch", key)
			}
		}
	})
	for _, bad := range []string{"", followPrefix, followPrefix + "1", followPrefix + "1:", followPrefix + "x:2", "x" + followPrefix + "1:2",
		followedPrefix + "1:2", reactionPrefix + "1:2"} {
		if _, ok := followKeys.from(bad); ok {
			t.Errorf("%q is the key of a follow", bad)
		}
	}
}

// The largest list fits into an entry.
func TestTheLongestListFits(t *testing.T) {
	t.Parallel()
	f := &timelines.Followed{Version: 1}
	for i := range follows.MaxFollowing {
		f.UserIDs = append(f.UserIDs, int64(i+1)<<50) // further apart than ids are that were made in a day
	}
	form := followedForm(nil)
	var w writer
	form.write(&w, f)
	if len(w) > cache.MaxData {
		t.Errorf("it takes %d bytes", len(w))
	}
	r := reader{data: string(w)}
	if got := form.read(&r, 7, 1); !r.done() || !slices.Equal(got.UserIDs, f.UserIDs) {
		t.Error("it does not come back")
	}
}

// An author's list of as many entries as it may have fits into an entry of the cache, also if all of them are retweets; of plain
// tweets it takes little more than their ids.
func TestTheLongestAuthorListFits(t *testing.T) {
	t.Parallel()
	ids := make([]int64, timelines.MaxAuthorEntries)
	for i := range ids {
		ids[i] = 1<<62 - int64(i)<<40
	}
	l := timelines.AuthorList{Version: 1, CompleteFrom: ids[len(ids)-1], SortKeys: timelines.PackSortKeys(ids)}
	form := authorListForm(nil)
	for _, most := range []int{8*len(ids) + 16, 48 * len(ids)} {
		var w writer
		form.write(&w, l)
		if len(w) > most || len(w) > cache.MaxData {
			t.Errorf("%d entries, of which %d are special, take %d bytes, more than %d", len(ids), len(l.Special), len(w), most)
		}
		r := reader{data: string(w)}
		if got := form.read(&r, 7, 1); !r.done() || got.SortKeys != l.SortKeys || !slices.Equal(got.Special, l.Special) {
			t.Error("the list does not come back")
		}
		for i, id := range ids {
			l.Special = append(l.Special, timelines.SpecialEntry{Index: int64(i), Kind: timelines.RetweetEntry, TweetID: id - 1, AuthorID: id + 1,
				ParentAuthorID: id})
		}
	}
	r := reader{data: "\x00\x07seven b\x00"}
	if form.read(&r, 7, 1); r.done() {
		t.Error("a part of a sort key is read as one")
	}
}

// Every event of the log is one that names rows, or an import; the relay gets all of them.
func TestEveryEventIsHandled(t *testing.T) {
	t.Parallel()
	s := &Store{}
	s.Accounts, s.Names = stub(accountForm(nil)), stub(nameForm(nil))
	s.Sessions, s.UserCounts = stub(sessionForm(nil)), stub(userCountsForm(nil))
	s.Follows, s.Followed, s.AuthorLists = stub(followForm(nil)), stub(followedForm(nil)), stub(authorListForm(nil))
	s.Tweets, s.TweetCounts = stub(tweetForm(nil, nil, &goneTweets{})), stub(tweetCountsForm(nil, nil))
	s.Reactions, s.Reacted = stub(reactionForm(nil)), stub(reactedForm(nil))
	s.Retweets, s.Retweeted = stub(retweetForm(nil)), stub(retweetedForm(nil))
	if types := s.Relay().Types; len(types) > 0 {
		t.Errorf("the relay gets only %v", types)
	}
	for _, e := range events.All() {
		_, imported := e.(events.RowsImported)
		if named := len(s.of(e)) > 0; named == imported {
			t.Errorf("%s names rows: %v", e.Type(), named)
		}
	}
}

func stub[K comparable, V any](f form[K, V]) *Entity[K, V] { return &Entity[K, V]{form: f} }
