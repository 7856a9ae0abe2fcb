package api

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/domain/timelines"
	"roost/domain/tweets"
	"roost/ent"
	"roost/internal/cursors"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/rows"
	"roost/testkit/apitest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// graphOf is the whole imported graph, for an oracle that needs no SQL.
type graphOf struct {
	follows  map[int64][]int64           // followees by follower
	tweets   map[int64][]int64           // ids by author
	retweets map[int64][]timelines.Entry // by the user who retweets
	authors  map[int64]int64             // by tweet
}

func readGraph(t *testing.T, db *sqldb.DB) graphOf {
	t.Helper()
	pairs := func(query string) map[int64][]int64 {
		rows, err := sqldb.ScanAll(t.Context(), db, query, nil, func(r *[2]int64) []any { return []any{&r[0], &r[1]} })
		if err != nil {
			t.Fatal(err)
		}
		out := map[int64][]int64{}
		for _, r := range rows {
			out[r[0]] = append(out[r[0]], r[1])
		}
		return out
	}
	g := graphOf{pairs("SELECT follower_id, followee_id FROM follows WHERE active"),
		pairs("SELECT author_id, id FROM tweets WHERE deleted_at IS NULL"), map[int64][]timelines.Entry{}, map[int64]int64{}}
	for author, tweets := range g.tweets {
		for _, id := range tweets {
			g.authors[id] = author
		}
	}
	return g
}

// home returns a whole home timeline, newest first.
func (g graphOf) home(viewer int64) []timelines.Entry {
	return g.timeline(append([]int64{viewer}, g.follows[viewer]...))
}

// own returns a user's whole own timeline, newest first.
func (g graphOf) own(user int64) []timelines.Entry { return g.timeline([]int64{user}) }

// timeline returns what users add to a timeline: their tweets, and once, at the earliest retweet, each tweet of somebody else that some of
// them have retweeted.
func (g graphOf) timeline(users []int64) (all []timelines.Entry) {
	contains, brought := map[int64]bool{}, map[int64]timelines.Entry{}
	for _, user := range users {
		contains[user] = true
		for _, id := range g.tweets[user] {
			all = append(all, timelines.Entry{SortKey: id, Item: id})
		}
	}
	for _, user := range users {
		for _, e := range g.retweets[user] {
			if first, ok := brought[e.Item]; !contains[g.authors[e.Item]] && (!ok || e.SortKey < first.SortKey) {
				brought[e.Item] = e
			}
		}
	}
	for _, e := range brought {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b timelines.Entry) int { return cmp.Compare(b.SortKey, a.SortKey) })
	return all
}

// passOn has many users retweet tweets of others, as rows and in the graph: those who have many followers more often, and some tweets
// often. The counts of the tweets stay as they are.
func (g graphOf) passOn(t *testing.T, db *sqldb.DB, dice *rand.Rand, users, each int) {
	t.Helper()
	everybody := apitest.Ints(t, db, "SELECT id FROM users")
	followers := slices.Sorted(maps.Keys(g.follows))
	tweets := slices.Sorted(maps.Keys(g.authors))
	often := make([]int64, 100)
	for i := range often {
		often[i] = tweets[dice.IntN(len(tweets))]
	}
	type pair struct{ tweet, user int64 }
	made, counts := map[pair]bool{}, map[int64]bool{}
	var retweets, stats [][]any
	for range users {
		user := everybody[dice.IntN(len(everybody))]
		if dice.IntN(2) == 0 {
			of := g.follows[followers[dice.IntN(len(followers))]]
			user = of[dice.IntN(len(of))]
		}
		if !counts[user] {
			counts[user] = true
			stats = append(stats, []any{user, 0, 0, 0, 1})
		}
		for range 1 + dice.IntN(2*each-1) {
			p := pair{tweets[dice.IntN(len(tweets))], user}
			if dice.IntN(3) == 0 {
				p.tweet = often[dice.IntN(len(often))]
			}
			if g.authors[p.tweet] == user || made[p] {
				continue
			}
			made[p] = true
			// Some time after the tweet: most soon, some after years. No two have the same sort key.
			after := int64(1) + dice.Int64N(1<<(10+dice.IntN(26)))
			key := ids.Compose(ids.Millis(ids.Time(p.tweet))+after, len(retweets)>>12, len(retweets)&4095)
			retweets = append(retweets, []any{p.tweet, user, g.authors[p.tweet], true, key, ids.Time(key), 1})
			g.retweets[user] = append(g.retweets[user], timelines.Entry{SortKey: key, Item: p.tweet, By: user})
		}
	}
	rig.Insert(t, db, "user_stats (user_id, tweet_count, follower_count, following_count, version)", withoutRows(t, db, stats))
	rig.Insert(t, db, "retweets (tweet_id, user_id, author_id, active, sort_key, retweeted_at, version)", retweets)
}

// withoutRows returns the rows of those users who have no counts yet.
func withoutRows(t *testing.T, db *sqldb.DB, stats [][]any) [][]any {
	t.Helper()
	have := map[int64]bool{}
	for _, id := range apitest.Ints(t, db, "SELECT user_id FROM user_stats") {
		have[id] = true
	}
	return slices.DeleteFunc(stats, func(row []any) bool { return have[row[0].(int64)] })
}

// pageFrom is a page of a list that is sorted, the newest first.
func pageFrom(all []timelines.Entry, w cursors.Window) (items []timelines.Entry, more bool) {
	for _, e := range all {
		if e.SortKey < w.Above && e.SortKey > w.Below {
			items = append(items, e)
		}
	}
	switch more = len(items) > w.Size; {
	case more && w.Backward:
		items = items[len(items)-w.Size:]
	case more:
		items = items[:w.Size]
	}
	return items, more
}

// pagesBySource returns how many pages a store has read, by source. name is that of the metric.
func pagesBySource(t *testing.T, s *rows.Store, name string) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(s.Collectors()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			out[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return out
}

// Pages that a node derives from authors' lists equal the oracle's, for random users of the imported graph, in which thousands have
// retweeted tweets of others, and for those whose timelines are special: one page after the other down to entry 200, and at any cursor and
// in both directions. The same holds for pages of their own timelines. Most pages need no SQL.
func TestDerivedHomePagesEqualTheOracle(t *testing.T) {
	onImported(t, func(t *testing.T, r *apitest.Roost, db *sqldb.DB) {
		// The embedded Redis takes half a millisecond for a script, and each list takes two.
		viewers := testtime.Soak(map[apitest.Mode]int{apitest.Embedded: 15, apitest.Server: 80},
			map[apitest.Mode]int{apitest.Embedded: 100, apitest.Server: 1000})[r.Mode]
		seed := rand.Uint64()
		dice := rand.New(rand.NewPCG(seed, 1))
		redis, err := cache.Open(cache.Config{URL: r.Config.RedisURL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = redis.Close() })
		tier, err := cache.NewTier(redis)
		if err != nil {
			t.Fatal(err)
		}
		store, err := rows.New(tier, rows.Sources{Timelines: timelines.New(db),
			Tweets: tweets.New(ent.NewClient(ent.Driver(db.Driver)), db, nil, nil)})
		if err != nil {
			t.Fatal(err)
		}
		graph := readGraph(t, db)
		graph.passOn(t, db, dice, testtime.Soak(2000, 5000), testtime.Soak(4, 8))
		var users []int64
		for kind, query := range kinds {
			if found := apitest.Ints(t, db, query); len(found) > 0 && (r.Mode == apitest.Server || kind != "follows most") {
				users = append(users, found[0])
			}
		}
		everybody := apitest.Ints(t, db, `SELECT id FROM users`)
		for len(users) < viewers {
			users = append(users, everybody[dice.IntN(len(everybody))])
		}
		brought := 0
		for _, viewer := range users {
			for _, e := range graph.home(viewer) {
				if e.By != 0 {
					brought++
				}
			}
			if err := derivedEqual(t, store, graph, viewer, dice); err != nil {
				t.Fatalf("user %d: %v; seed %d", viewer, err, seed)
			}
		}
		if t.Logf("retweets have brought %d entries into %d timelines", brought, len(users)); brought < len(users) {
			t.Error("that is too little to show anything")
		}
		from := pagesBySource(t, store, "roost_home_pages_total")
		derived, rest := from["lists"]+from["kept"], from["deeper"]+from["missing_lists"]
		if derived < 3*rest || from["kept"] == 0 || from["deeper"] == 0 || from["sql"] > 0 {
			t.Errorf("pages by source: %v", from)
		}
		from = pagesBySource(t, store, "roost_timeline_pages_total")
		if from["list"] < 3*from["deeper"] || from["deeper"] == 0 || from["sql"] > 0 {
			t.Errorf("pages of users' own timelines by source: %v", from)
		}
	})
}

// derivedEqual compares pages of one viewer.
func derivedEqual(t *testing.T, store *rows.Store, graph graphOf, viewer int64, dice *rand.Rand) error {
	t.Helper()
	home := func(w cursors.Window) (page cursors.Page[timelines.Entry], err error) {
		followed, err := store.Followed.Load(t.Context(), []int64{viewer})
		if err != nil {
			return page, err
		}
		return store.HomePage(t.Context(), viewer, timelines.HomeAuthors(viewer, followed[viewer]), w)
	}
	if err := pagesEqual(graph.home(viewer), home, dice); err != nil {
		return fmt.Errorf("home: %w", err)
	}
	return pagesEqual(graph.own(viewer), func(w cursors.Window) (cursors.Page[timelines.Entry], error) {
		q := store.AskTimelines([]sqldb.Key{{Owner: viewer, Window: w, Kinds: timelines.OwnTweets | timelines.Retweets}})
		store.Answer(t.Context(), q.Request())
		return q.At(t.Context(), 0)
	}, dice)
}

// pagesEqual compares pages of one list with the whole list.
func pagesEqual(all []timelines.Entry, read func(w cursors.Window) (cursors.Page[timelines.Entry], error), dice *rand.Rand) error {
	windows := []cursors.Window{cursors.Whole(20), cursors.Whole(20), cursors.Whole(cursors.MaxSize), {Size: 20, Above: cursors.Whole(0).Above,
		Backward: true}}
	size := 20 + dice.IntN(31)
	for n := 0; n < min(len(all), 200); n += size {
		w := cursors.Whole(size)
		if n > 0 {
			w.Above = all[n-1].SortKey
		}
		windows = append(windows, w)
	}
	for range 4 {
		w := cursors.Whole(dice.IntN(30))
		if len(all) > 0 && dice.IntN(2) == 0 {
			w.Above = all[dice.IntN(len(all))].SortKey + dice.Int64N(3) - 1
		} else if len(all) > 0 {
			w.Below, w.Backward = all[dice.IntN(len(all))].SortKey+dice.Int64N(3)-1, true
		}
		windows = append(windows, w)
	}
	for _, w := range windows {
		page, err := read(w)
		if err != nil {
			return err
		}
		if want, more := pageFrom(all, w); !slices.Equal(page.Items, want) || page.More != more {
			return fmt.Errorf("%+v of %d entries is %v, more %t; want %v, %t", w, len(all), page.Items, page.More, want, more)
		}
	}
	return nil
}
