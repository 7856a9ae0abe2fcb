package tweets_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/domain/tweets"
	"roost/ent/tweethashtag"
	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/domaintest"
)

func hashtag(t *testing.T, name string) int64 {
	t.Helper()
	id, ok := tweets.HashtagNamed(name)
	if !ok {
		t.Fatalf("%q is no name of a hashtag", name)
	}
	return id
}

// tagged returns the tweets with a hashtag, read in pages of a size.
func tagged(t *testing.T, d *domaintest.Domain, name string, size int) (all []int64) {
	t.Helper()
	w := cursors.Whole(size)
	for {
		key := sqldb.Key{Owner: hashtag(t, name), Window: w}
		pages, err := d.Tweets.OfHashtags(t.Context(), []sqldb.Key{key})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range pages[key].Items {
			all = append(all, e.Item)
			w.Above = e.SortKey
		}
		if !pages[key].More {
			return all
		}
	}
}

func expect(t *testing.T, what string, got []int64, want ...int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Spellings that readers take for the same are one hashtag; the sign does not matter.
func TestHashtagNames(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"roost", "#Roost", "＃ＲＯＯＳＴ", "rooſt"}, {"straße", "STRASSE"}, {"café", "cafe\u0301", "CAFÉ"}, {"日本", "#日本"},
		{"istanbul", "ISTANBUL"}, {"İstanbul", "i\u0307stanbul"}, {"ısı", "#ısı"}, {strings.Repeat("ﷺ", 200)},
	} {
		for _, s := range same[1:] {
			if hashtag(t, s) != hashtag(t, same[0]) {
				t.Errorf("%s and %s are two hashtags", same[0], s)
			}
		}
	}
	if hashtag(t, "ısı") == hashtag(t, "isi") || hashtag(t, "roost") == hashtag(t, "roosts") {
		t.Error("two hashtags are one")
	}
	for _, none := range []string{"", "#", strings.Repeat("x", 4*tweets.MaxLength+1)} {
		if id, ok := tweets.HashtagNamed(none); ok {
			t.Errorf("%.20q is hashtag %d", none, id)
		}
	}
}

// A tweet is in the list of each of its first 10 hashtags, once, until it is deleted.
func TestTweetsOfHashtags(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := domaintest.On(t, c)
		user := d.Users(t, 1)[0]
		var all []int64
		for i := range 7 {
			all = append([]int64{d.Post(t, user, fmt.Sprintf("#Roost and #roost, tweet %d #n%d", i, i))}, all...)
		}
		many := "#roost"
		for i := range tweets.MaxHashtags {
			many += fmt.Sprintf(" #ＭＡＮＹ%d #many%d", i, i)
		}
		last := d.Post(t, user, many)
		d.Post(t, user, "roost #roosts a#roost http://example.com/#roost")
		all = append([]int64{last}, all...)
		expect(t, "#roost", tagged(t, d, "roost", 3), all...)
		expect(t, "the 10th hashtag", tagged(t, d, fmt.Sprint("many", tweets.MaxHashtags-2), 3), last)
		expect(t, "the 11th hashtag", tagged(t, d, fmt.Sprint("many", tweets.MaxHashtags-1), 3))
		long := strings.Repeat("ß", tweets.MaxLength-1)
		mine := d.Post(t, user, "#"+long)
		expect(t, "a long hashtag", tagged(t, d, long, 3), mine)

		d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, user, all[2]) })
		if n, err := d.Client.TweetHashtag.Query().Where(tweethashtag.TweetID(all[2])).Count(t.Context()); err != nil || n != 0 {
			t.Errorf("%d hashtags of a deleted tweet are left, %v", n, err)
		}
		// A release before hashtags marks only the tweet.
		if _, err := d.DB.ExecContext(t.Context(), "UPDATE tweets SET deleted_at = created_at WHERE id = $1", all[4]); err != nil {
			t.Fatal(err)
		}
		expect(t, "#roost after deletions", tagged(t, d, "roost", 2), append(append(slices.Clone(all[:2]), all[3]), all[5:]...)...)
	})
}

// A page that continues after a cursor has every tweet once, while tweets come and go.
func TestHashtagPagesWhileTweetsComeAndGo(t *testing.T) {
	t.Parallel()
	d := domaintest.New(t)
	user := d.Users(t, 1)[0]
	var all []int64
	for range 30 {
		all = append([]int64{d.Post(t, user, "#roost")}, all...)
	}
	key := sqldb.Key{Owner: hashtag(t, "roost"), Window: cursors.Whole(4)}
	var got []int64
	gone := map[int64]bool{}
	for more := true; more; {
		pages, err := d.Tweets.OfHashtags(t.Context(), []sqldb.Key{key})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range pages[key].Items {
			got = append(got, e.Item)
		}
		if more = pages[key].More; !more {
			break
		}
		key.Window.Above = got[len(got)-1]
		d.Post(t, user, "#ROOST")
		// The item of the cursor, an earlier one, and the one that would come next.
		for _, id := range []int64{got[len(got)-1], got[0], all[slices.Index(all, got[len(got)-1])+1]} {
			gone[id] = true
			d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, user, id) })
		}
	}
	seen := map[int64]bool{}
	for _, id := range got {
		seen[id] = true
	}
	if !slices.IsSortedFunc(got, func(a, b int64) int { return int(b - a) }) || len(seen) != len(got) {
		t.Errorf("a tweet is repeated, or not in order: %v", got)
	}
	for _, id := range all {
		if !seen[id] && !gone[id] {
			t.Errorf("tweet %d is missing", id)
		}
	}
}

// The name of a hashtag is its most common spelling in the newest 100 visible tweets, the newest of several.
func TestSpellings(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := domaintest.On(t, c)
		user := d.Users(t, 1)[0]
		id, none := hashtag(t, "roost"), hashtag(t, "none")
		check := func(want string, newest int64) {
			t.Helper()
			got, err := d.Tweets.Hashtags(t.Context(), []int64{none, id})
			if err != nil || len(got) != 1 || got[id].Name != want || got[id].Newest != newest || got[id].ID != id {
				t.Errorf("got %+v, %v; want %s with tweet %d", got, err, want, newest)
			}
		}
		unused := func() {
			t.Helper()
			if got, err := d.Tweets.Hashtags(t.Context(), []int64{id}); err != nil || len(got) != 0 {
				t.Errorf("a hashtag that no tweet has is %v, %v", got, err)
			}
		}
		unused()
		for range 60 {
			d.Post(t, user, "#roost")
		}
		first := d.Post(t, user, "#ROOST")
		check("roost", first)
		for range 50 {
			d.Post(t, user, "#Roost")
		}
		check("Roost", d.Post(t, user, "#rOOst")) // 48 of roost are among the newest 100
		a, b := d.Post(t, user, "#ROOST"), d.Post(t, user, "#Roost")
		check("Roost", b)
		d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, user, b) })
		check("Roost", a)
		if _, err := d.DB.ExecContext(t.Context(), "UPDATE tweets SET deleted_at = created_at"); err != nil {
			t.Fatal(err)
		}
		unused()
	})
}

// The fill stores the hashtags of tweets from before in batches, goes on where it was, and ends a day after its first start.
func TestHashtagFill(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := domaintest.On(t, c)
		user := d.Users(t, 1)[0]
		older := func(n int) (last int64) {
			for range n {
				last = d.Post(t, user, "#roost #other")
			}
			if _, err := d.Client.TweetHashtag.Delete().Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			return last
		}
		step := func(want bool) {
			t.Helper()
			if more, err := tweets.NewHashtagFill(d.Tweets, d.Clock.Now).Step(t.Context()); err != nil || more != want {
				t.Errorf("a step reports %v, %v, want %v", more, err, want)
			}
		}
		const n = 501 // one more than a batch
		older(n)
		step(false) // they are too new
		d.Clock.Add(2 * time.Minute)
		step(true)
		step(false)
		if got := tagged(t, d, "roost", 100); len(got) != n || len(tagged(t, d, "other", 100)) != n {
			t.Errorf("%d tweets have the hashtag, want %d", len(got), n)
		}
		mine := d.Post(t, user, "#roost")
		d.Clock.Add(2 * time.Minute)
		step(false) // the tweet has its hashtag already
		expect(t, "the newest", tagged(t, d, "roost", 100)[:1], mine)

		later := older(1) // by a node of an older release, in the time that the fill waits for
		d.Clock.Add(time.Hour)
		step(false)
		expect(t, "a tweet of an hour later", tagged(t, d, "roost", 100), later)
		d.Clock.Add(24 * time.Hour)
		step(false)
		older(1)
		d.Clock.Add(time.Hour)
		step(false)
		expect(t, "after the end", tagged(t, d, "roost", 100))
	})
}
