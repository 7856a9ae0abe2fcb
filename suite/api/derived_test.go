package api

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"roost/cache"
	"roost/domain/timelines"
	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/rows"
	"roost/testkit/apitest"
	"roost/testkit/testtime"
)

// graphOf is the whole imported graph, for an oracle that needs no SQL.
type graphOf struct {
	follows map[int64][]int64 // followees by follower
	tweets  map[int64][]int64 // ids by author
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
	return graphOf{pairs("SELECT follower_id, followee_id FROM follows WHERE active"),
		pairs("SELECT author_id, id FROM tweets WHERE deleted_at IS NULL")}
}

// home returns a whole home timeline, newest first.
func (g graphOf) home(viewer int64) (all []int64) {
	all = append(all, g.tweets[viewer]...)
	for _, author := range g.follows[viewer] {
		all = append(all, g.tweets[author]...)
	}
	slices.SortFunc(all, func(a, b int64) int { return cmp.Compare(b, a) })
	return all
}

// own returns a user's whole own timeline, newest first.
func (g graphOf) own(user int64) []int64 {
	return graphOf{tweets: g.tweets}.home(user)
}

// pageFrom is a page of a list that is sorted, the newest first.
func pageFrom(all []int64, w cursors.Window) (items []int64, more bool) {
	for _, id := range all {
		if id < w.Above && id > w.Below {
			items = append(items, id)
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

// Pages that a node derives from authors' lists equal the oracle's, for random users of the imported graph and for those whose
// timelines are special, at any cursor and in both directions. The same holds for pages of their own timelines. Most pages need no SQL.
func TestDerivedHomePagesEqualTheOracle(t *testing.T) {
	onImported(t, func(t *testing.T, r *apitest.Roost, db *sqldb.DB) {
		// The embedded Redis takes half a millisecond for a script, and each list takes two.
		viewers := testtime.Soak(map[apitest.Mode]int{apitest.Embedded: 20, apitest.Server: 150},
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
		store, err := rows.New(tier, rows.Sources{Timelines: timelines.New(db)})
		if err != nil {
			t.Fatal(err)
		}
		graph := readGraph(t, db)
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
		for _, viewer := range users {
			if err := derivedEqual(t, store, graph, viewer, dice); err != nil {
				t.Fatalf("user %d: %v; seed %d", viewer, err, seed)
			}
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
func pagesEqual(all []int64, read func(w cursors.Window) (cursors.Page[timelines.Entry], error), dice *rand.Rand) error {
	windows := []cursors.Window{cursors.Whole(20), cursors.Whole(20), cursors.Whole(cursors.MaxSize), {Size: 20, Above: cursors.Whole(0).Above,
		Backward: true}}
	for range 4 {
		w := cursors.Whole(dice.IntN(30))
		if len(all) > 0 && dice.IntN(2) == 0 {
			w.Above = all[dice.IntN(len(all))] + dice.Int64N(3) - 1
		} else if len(all) > 0 {
			w.Below, w.Backward = all[dice.IntN(len(all))]+dice.Int64N(3)-1, true
		}
		windows = append(windows, w)
	}
	for _, w := range windows {
		page, err := read(w)
		if err != nil {
			return err
		}
		var got []int64
		for _, e := range page.Items {
			got = append(got, e.Item)
		}
		if want, more := pageFrom(all, w); !slices.Equal(got, want) || page.More != more {
			return fmt.Errorf("%+v of %d entries is %v, more %t; want %v, %t", w, len(all), got, page.More, want, more)
		}
	}
	return nil
}
