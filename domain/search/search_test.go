package search_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/domain/accounts"
	"roost/domain/search"
	"roost/ent"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/errs"
	"roost/internal/sqldb"
	"roost/internal/words"
	"roost/testkit/dbtest"
	"roost/testkit/domaintest"
	"roost/testkit/testtime"
)

// indexed returns the domain on one kind of database, with the consumer group of search and a filler at work.
func indexed(t *testing.T, c sqldb.Config) *domaintest.Domain {
	t.Helper()
	d := domaintest.On(t, c)
	group, err := events.NewGroup(d.Client, d.DB, clock.Real{}, d.Search.Group())
	if err != nil {
		t.Fatal(err)
	}
	sequencer, filler := events.NewSequencer(d.DB, func() {}), search.NewFiller(d.Search)
	d.Log.Observe(func([]events.Event) { sequencer.Wake() })
	if err := errors.Join(sequencer.Start(t.Context()), group.Start(t.Context()), filler.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := errors.Join(filler.Stop(ctx), group.Stop(ctx), sequencer.Stop(ctx)); err != nil {
			t.Error(err)
		}
	})
	return d
}

func find(t *testing.T, d *domaintest.Domain, k search.Key) []int64 {
	t.Helper()
	if k.Size == 0 {
		k.Size = 50
	}
	p, err := d.Search.Tweets(t.Context(), k)
	if err != nil {
		t.Fatalf("%+v: %v", k, err)
	}
	out := make([]int64, len(p.Items))
	for i, place := range p.Items {
		out[i] = place.ID
	}
	return out
}

// Both kinds of databases find the same, from the event of a tweet to the event of its deletion.
func TestTweetsAreFound(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := indexed(t, c)
		d.Users(t, 3)
		texts := []string{
			"Finally fixed the cache, after ten years. #Caching @user2", "cache", "the cache is not the cache", "#go_lang rocks and 東京タワー",
			"a node-js thing at https://www.example.com/a_b", "'; DROP TABLE tweets; -- 100% of C++ \\ _x_ \"",
			"AND OR NOT NEAR fixed", "👩‍👩‍👧 e\u0301te\u0301",
		}
		all := make([]int64, len(texts))
		for i, text := range texts {
			all[i] = d.Post(t, int64(i%3+1), text)
		}
		d.Do(t, func(ctx context.Context) error { return d.Follows.Follow(ctx, 1, 2) })
		testtime.Until(t, "the tweets are found", func() bool { return len(find(t, d, search.Key{Query: "-nothing"})) == len(all) })
		for _, c := range []struct {
			key  search.Key
			want []int
		}{
			{search.Key{Query: "cache"}, []int{1, 2, 0}}, // shares of 1, 1/6 and less than 1/8
			{search.Key{Query: "CACHE", Order: search.Newest}, []int{2, 1, 0}},
			{search.Key{Query: `"the cache"`, Order: search.Newest}, []int{2, 0}},
			{search.Key{Query: `"not the cache"`}, []int{2}},
			{search.Key{Query: `"cache the"`}, nil},
			{search.Key{Query: `cache -"the cache"`}, []int{1}},
			{search.Key{Query: "-the -fixed", Order: search.Newest}, []int{7, 5, 4, 3, 1}},
			{search.Key{Query: "#caching"}, []int{0}},
			{search.Key{Query: "#cache"}, nil},
			{search.Key{Query: "@user2"}, []int{0}},
			{search.Key{Query: "#go_lang"}, []int{3}},
			{search.Key{Query: "go_lang rocks"}, []int{3}},
			{search.Key{Query: `"#go_lang rocks"`}, []int{3}},
			{search.Key{Query: "京タ"}, []int{3}},
			{search.Key{Query: "京"}, []int{3}},
			{search.Key{Query: "タ京"}, nil},
			{search.Key{Query: "example.com"}, []int{4}},
			{search.Key{Query: "node-js"}, []int{4}},
			{search.Key{Query: "js-node"}, nil},
			{search.Key{Query: "'; DROP"}, []int{5}},
			{search.Key{Query: "100% c++"}, []int{5}},
			{search.Key{Query: "AND"}, []int{6, 3}},
			{search.Key{Query: "NOT fixed"}, []int{6}},
			{search.Key{Query: "near(fixed"}, []int{6}},
			{search.Key{Query: "été 👩‍👩‍👧"}, []int{7}},
			{search.Key{Query: "wcache w_63ache hcaching fixed*"}, nil},
			{search.Key{Query: "cache", Filter: search.Filter{Author: 2}}, []int{1}},
			{search.Key{Query: "cache", Filter: search.Filter{Follower: 1}}, []int{1}},
			{search.Key{Query: "cache", Filter: search.Filter{From: all[1]}}, []int{1, 2}},
			{search.Key{Query: "cache", Filter: search.Filter{Before: all[1]}}, []int{0}},
			{search.Key{Query: "cache", Filter: search.Filter{Nothing: true}}, nil},
		} {
			want := make([]int64, len(c.want))
			for i, n := range c.want {
				want[i] = all[n]
			}
			if got := find(t, d, c.key); !slices.Equal(got, want) {
				t.Errorf("%+v finds %v, want %v of %v", c.key, got, want, all)
			}
		}
		d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, 2, all[1]) })
		if got := find(t, d, search.Key{Query: "cache"}); slices.Contains(got, all[1]) {
			t.Error("a deleted tweet is found as long as its entry is there")
		}
		testtime.Until(t, "the entry of the deleted tweet is removed", func() bool { return entries(t, d.DB) == len(all)-1 })
	})
}

// entries is the number of entries of tweets.
func entries(t *testing.T, db *sqldb.DB) (n int) {
	t.Helper()
	if err := db.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM search_tweets").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// What is hostile to either database is taken literally or refused, and changes nothing.
func TestHostileQueries(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := indexed(t, c)
		d.Users(t, 1)
		id := d.Post(t, 1, "a plain text")
		testtime.Until(t, "the tweet is found", func() bool { return len(find(t, d, search.Key{Query: "plain"})) == 1 })
		for _, query := range []string{
			"'; DROP TABLE search_tweets; --", "%", "_", "\\", "'", `"`, `""`, "\x00", "pl%", "p_ain", `pla\in`, "plain\x00", "a:*", "a & b | !c",
			"(a <-> b)",
			"NEAR(a b, 3) ^c {d} NOT e*", "tokens:a", "a::tsquery", "$1", "?", "*", "-", "\xff\xfe", strings.Repeat("a", 10<<10),
			strings.Repeat("a ", 250), strings.Repeat(`"`, 500), "-" + strings.Repeat("😀", 100), strings.Repeat("猫", 60), "--a", "'' OR 1=1",
		} {
			for _, order := range []search.Order{search.Relevant, search.Newest} {
				p, err := d.Search.Tweets(t.Context(), search.Key{Query: query, Order: order, Size: 5})
				q, refusal := words.Parse(query)
				switch {
				case refusal != nil:
					if !errs.Is(err, errs.BadRequest) {
						t.Errorf("%.30q: %v, want %v", query, err, refusal)
					}
				case err != nil:
					t.Errorf("%.30q: %v", query, err)
				case (len(p.Items) > 0) != q.Matches(words.Tokens("a plain text")):
					t.Errorf("%.30q finds %v", query, p.Items)
				}
			}
			if _, err := d.Search.Users(t.Context(), search.UserKey{Query: query, Size: 5}); err != nil && !errs.Is(err, errs.BadRequest) {
				t.Errorf("users by %.30q: %v", query, err)
			}
		}
		if got := find(t, d, search.Key{Query: "plain"}); !slices.Equal(got, []int64{id}) {
			t.Errorf("after that the tweet is not found: %v", got)
		}
	})
}

// Pages of a search have every tweet once that is there all the time, while tweets come and go.
func TestPagesWhileTweetsComeAndGo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := domaintest.On(t, c)
		d.Users(t, 1)
		fillAll := func() {
			t.Helper()
			if _, err := d.Search.Rebuild(t.Context(), false, nil); err != nil {
				t.Fatal(err)
			}
		}
		var stay, go_ []int64
		for i := range 60 {
			id := d.Post(t, 1, fmt.Sprintf("word %s", strings.Repeat("x ", i%7)))
			if i%5 == 3 {
				go_ = append(go_, id)
			} else {
				stay = append(stay, id)
			}
		}
		fillAll()
		for _, order := range []search.Order{search.Relevant, search.Newest} {
			var got []int64
			k := search.Key{Query: "word", Order: order, Size: 7}
			for page := 0; ; page++ {
				p, err := d.Search.Tweets(t.Context(), k)
				if err != nil {
					t.Fatal(err)
				}
				for _, place := range p.Items {
					got = append(got, place.ID)
				}
				if !p.More {
					break
				}
				k.After = p.Items[len(p.Items)-1]
				d.Post(t, 1, "word")
				if len(go_) > 0 && page%2 == 0 {
					gone := go_[len(go_)-1]
					go_ = go_[:len(go_)-1]
					d.Do(t, func(ctx context.Context) error { return d.Tweets.Delete(ctx, 1, gone) })
				}
				fillAll()
			}
			slices.Sort(got)
			if n := len(got); len(slices.Compact(got)) != n {
				t.Errorf("order %d: a tweet is repeated", order)
			}
			for _, id := range stay {
				if !slices.Contains(got, id) {
					t.Errorf("order %d: %d is missing", order, id)
				}
			}
		}
	})
}

// Users are found by the beginning of their username and by words of their name, and without a query by their followers.
func TestUsersAreFound(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := indexed(t, c)
		ids := map[string]int64{}
		for _, u := range [][2]string{{"Ada", "Ada Lovelace"}, {"ada_l", "Somebody"}, {"adam", "Adam Smith"},
			{"bob", "Bob Lovelace Jones"}, {"zoe", "東京 zoe"}} {
			in := accounts.SignUp{Username: u[0], Email: u[0] + "@example.com", Password: "correct horse", Name: &u[1]}
			made, err := d.Accounts.SignUp(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			ids[u[0]] = made.UserID
		}
		users := func(query string) (names []string) {
			t.Helper()
			p, err := d.Search.Users(t.Context(), search.UserKey{Query: query, Size: 50})
			if err != nil {
				t.Fatalf("%q: %v", query, err)
			}
			for _, found := range p.Items {
				for name, id := range ids {
					if id == found.ID {
						names = append(names, name)
					}
				}
			}
			return names
		}
		testtime.Until(t, "the users are found", func() bool { return len(users("zoe")) == 1 && len(users("lovelace")) == 2 })
		for query, want := range map[string]string{
			"ad": "Ada ada_l adam", "@ADA": "Ada ada_l adam", "ada_": "Ada ada_l", "lovelace": "Ada bob", "jones lovelace": "bob", "京": "zoe",
			"smith":         "adam",
			"somebody else": "", "%": "", "a%": "", "_": "", "lace": "", "bob": "bob",
		} {
			if got := strings.Join(users(query), " "); got != want {
				t.Errorf("%q finds %q, want %q", query, got, want)
			}
		}
		d.Do(t,
			func(ctx context.Context) error { return d.Follows.Follow(ctx, ids["Ada"], ids["bob"]) },
			func(ctx context.Context) error { return d.Follows.Follow(ctx, ids["zoe"], ids["bob"]) },
			func(ctx context.Context) error { return d.Follows.Follow(ctx, ids["bob"], ids["zoe"]) })
		if got := users(" "); len(got) < 2 || got[0] != "bob" || got[1] != "zoe" {
			t.Errorf("the most followed are %v", got)
		}
		k := search.UserKey{Size: 1}
		for _, want := range []string{"bob", "zoe"} {
			p, err := d.Search.Users(t.Context(), k)
			if err != nil || len(p.Items) != 1 || p.Items[0].ID != ids[want] || !p.More {
				t.Fatalf("a page has %+v, %v; want %s", p, err, want)
			}
			k.After = p.Items[0]
		}
		k = search.UserKey{Query: "ad", Size: 1}
		for _, want := range []string{"Ada", "ada_l", "adam"} {
			p, err := d.Search.Users(t.Context(), k)
			if err != nil || len(p.Items) != 1 || p.Items[0].ID != ids[want] || p.More != (want != "adam") {
				t.Fatalf("a page has %+v, %v; want %s", p, err, want)
			}
			k.After = p.Items[0]
		}
	})
}

// A rebuild that is interrupted goes on where it was; searches find everything meanwhile, or with empty what is indexed again.
func TestRebuild(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := domaintest.On(t, c)
		d.Users(t, 1)
		const n = search.Batch + 20
		rows := make([]*ent.TweetCreate, n)
		for i := range rows {
			rows[i] = d.Client.Tweet.Create().SetID(int64(i + 1)).SetAuthorID(1).SetText("word").SetCreatedAt(d.Clock.Now())
		}
		if err := d.Client.Tweet.CreateBulk(rows...).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, empty := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			resumed, err := d.Search.Rebuild(ctx, empty, func(p search.Progress) {
				if p.Rows > search.Batch { // the users and a batch of tweets
					cancel()
				}
			})
			if !errors.Is(err, context.Canceled) || resumed {
				t.Fatalf("the interrupted rebuild: %t, %v", resumed, err)
			}
			if got := entries(t, d.DB); got != search.Batch {
				t.Errorf("after the interruption there are %d entries, want %d", got, search.Batch)
			}
			left := 0
			resumed, err = d.Search.Rebuild(t.Context(), empty, func(p search.Progress) { left = p.Rows })
			if err != nil || !resumed || left != n-search.Batch {
				t.Errorf("the next rebuild: %t, %v, %d rows", resumed, err, left)
			}
			if got := entries(t, d.DB); got != n {
				t.Errorf("there are %d entries, want %d", got, n)
			}
		}
	})
}

// Old tweets leave the index, and a rebuild does not bring them back.
func TestRetention(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := domaintest.On(t, c)
		d.Users(t, 1)
		s := search.New(d.DB, d.Log, d.Clock, search.Config{Keep: time.Hour})
		d.Post(t, 1, "old word")
		rebuild := func() {
			t.Helper()
			if _, err := s.Rebuild(t.Context(), false, nil); err != nil {
				t.Fatal(err)
			}
		}
		rebuild()
		d.Clock.Add(time.Hour + time.Second)
		young := d.Post(t, 1, "young word")
		if removed, err := search.NewCleaner(s).Clean(t.Context()); err != nil || removed != 1 {
			t.Errorf("%d entries are removed, %v", removed, err)
		}
		rebuild()
		if got := find(t, d, search.Key{Query: "word"}); !slices.Equal(got, []int64{young}) {
			t.Errorf("%v are found, want %d", got, young)
		}
	})
}
