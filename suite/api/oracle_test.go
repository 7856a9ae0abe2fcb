package api

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"roost/app"
	"roost/internal/ids"
	"roost/internal/sqldb"
	"roost/testkit/apitest"
	"roost/testkit/importedtest"
	"roost/testkit/rig"
	"roost/testkit/testtime"
)

// The oracle: what lists are, in the simplest SQL that says it.
const (
	oracleHome = `SELECT id FROM tweets WHERE deleted_at IS NULL AND (author_id = $1
		OR author_id IN (SELECT followee_id FROM follows WHERE follower_id = $1 AND active)) ORDER BY id DESC`
	oracleTimeline  = `SELECT id FROM tweets WHERE author_id = $1 AND deleted_at IS NULL ORDER BY id DESC`
	oracleFollowers = `SELECT follower_id FROM follows WHERE followee_id = $1 AND active ORDER BY sort_key DESC`
	oracleFollowing = `SELECT followee_id FROM follows WHERE follower_id = $1 AND active ORDER BY sort_key DESC`
)

// tweetsOf and usersOf ask the oracle, and return global ids.
func tweetsOf(t testing.TB, db *sqldb.DB, query string, id int64) (out []string) {
	t.Helper()
	for _, n := range apitest.Ints(t, db, query, id) {
		out = append(out, ids.TweetID(n).String())
	}
	return out
}

func usersOf(t testing.TB, db *sqldb.DB, query string, id int64) (out []string) {
	t.Helper()
	for _, n := range apitest.Ints(t, db, query, id) {
		out = append(out, ids.UserID(n).String())
	}
	return out
}

// onImported runs a test on both kinds of stores with the whole data set in them.
func onImported(t *testing.T, fn func(t *testing.T, r *apitest.Roost, db *sqldb.DB)) {
	t.Helper()
	t.Parallel()
	for _, mode := range []apitest.Mode{apitest.Embedded, apitest.Server} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			r := apitest.New(t, mode, func(c *app.Config) {
				if mode == apitest.Server {
					c.DatabaseURL = importedtest.Postgres(t)
				} else {
					c.DataDir = filepath.Dir(importedtest.SQLite(t))
				}
			})
			fn(t, r, r.DB(t))
		})
	}
}

// kinds are the users whose lists are special, by what finds one.
var kinds = map[string]string{
	"follows most":     `SELECT user_id FROM user_stats ORDER BY following_count DESC LIMIT 1`,
	"is followed most": `SELECT user_id FROM user_stats ORDER BY follower_count DESC LIMIT 1`,
	"tweets most":      `SELECT user_id FROM user_stats ORDER BY tweet_count DESC LIMIT 1`,
	"follows the silent": `SELECT follower_id FROM follows AS f WHERE active GROUP BY follower_id HAVING count(*) > 3 AND NOT
		EXISTS (SELECT 1 FROM tweets JOIN follows AS g ON g.followee_id = author_id WHERE g.follower_id = f.follower_id) ORDER BY follower_id
		LIMIT 1`,
	"follows nobody":  `SELECT user_id FROM user_stats WHERE following_count = 0 AND follower_count > 0 ORDER BY user_id LIMIT 1`,
	"is not followed": `SELECT user_id FROM user_stats WHERE follower_count = 0 AND following_count > 0 ORDER BY user_id LIMIT 1`,
	"does nothing": `SELECT id FROM users WHERE NOT EXISTS (SELECT 1 FROM user_stats WHERE user_id = users.id AND tweet_count +
		following_count > 0) ORDER BY id LIMIT 1`,
	"follows the loudest": `SELECT follower_id FROM follows WHERE followee_id = (SELECT user_id FROM user_stats ORDER BY tweet_count DESC
		LIMIT 1) ORDER BY follower_id LIMIT 1`,
}

// Every list of random and of special users equals the oracle, whatever the sizes of pages and the
// direction of reading.
func TestListsEqualTheOracle(t *testing.T) {
	random, steps := 4, 8
	if testtime.Soaking() {
		random, steps = 300, 30
	}
	onImported(t, func(t *testing.T, r *apitest.Roost, db *sqldb.DB) {
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 1))
		chosen := map[int64]string{}
		for kind, query := range kinds {
			if found := apitest.Ints(t, db, query); len(found) > 0 {
				chosen[found[0]] = kind
			} else {
				t.Logf("nobody %s", kind)
			}
		}
		everybody := apitest.Ints(t, db, `SELECT id FROM users`)
		for range random {
			chosen[everybody[rnd.IntN(len(everybody))]] = "was picked"
		}
		for id, kind := range chosen {
			u := r.Impersonate(t, db, username(t, db, id))
			anybody := r.Anonymous()
			home, own := tweetsOf(t, db, oracleHome, id), tweetsOf(t, db, oracleTimeline, id)
			followers, following := usersOf(t, db, oracleFollowers, id), usersOf(t, db, oracleFollowing, id)
			t.Logf("%s %s: home %d, own %d, followers %d, following %d", u.Name, kind, len(home), len(own), len(followers), len(following))
			wander(t, u.Client, homeOf, home, rnd, steps, true)
			wander(t, anybody, listOf("timeline", u.Name), own, rnd, steps, true)
			wander(t, anybody, listOf("followers", u.Name), followers, rnd, steps, false)
			wander(t, anybody, listOf("following", u.Name), following, rnd, steps, false)
			if len(home) < 500 {
				checkWhole(t, u, home, 50+rnd.IntN(51))
			}
			if t.Failed() {
				t.Fatalf("%s, who %s; seed %d", u.Name, kind, seed)
			}
		}
	})
}

// checkWhole reads a home timeline from end to end, both ways.
func checkWhole(t testing.TB, u *apitest.User, want []string, size int) {
	t.Helper()
	for way, read := range map[string]func(testing.TB, *apitest.Client, list, int, func()) []string{"forward": forward, "backward": backward} {
		if got := read(t, u.Client, homeOf, size, nil); !slices.Equal(got, want) {
			t.Errorf("%s: the home timeline read %s has %d entries, want %d: %s", u.Name, way, len(got), len(want), firstDifference(got, want))
		}
	}
}

func username(t testing.TB, db *sqldb.DB, id int64) (name string) {
	t.Helper()
	if err := db.Writer().QueryRowContext(t.Context(), "SELECT username FROM users WHERE id = $1", id).Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}

// While entries come and go, a reader of pages meets everything that stays, once and in order.
func TestListsWhileTheyChange(t *testing.T) {
	onImported(t, func(t *testing.T, r *apitest.Roost, db *sqldb.DB) {
		// Somebody with a few hundred entries at home, whose busiest followees go on tweeting and deleting.
		viewers := apitest.Ints(t, db, `SELECT f.follower_id FROM follows AS f JOIN user_stats AS s ON s.user_id = f.followee_id WHERE f.active
			GROUP BY f.follower_id HAVING sum(s.tweet_count) BETWEEN 300 AND 600 AND max(s.tweet_count) > 30 ORDER BY f.follower_id LIMIT 1`)
		if len(viewers) == 0 {
			t.Fatal("nobody has a home timeline of that size")
		}
		viewer := r.Impersonate(t, db, username(t, db, viewers[0]))
		var authors []*apitest.User
		for _, id := range apitest.Ints(t, db, `SELECT s.user_id FROM user_stats AS s JOIN follows AS f ON f.followee_id = s.user_id
			WHERE f.follower_id = $1 AND f.active ORDER BY s.tweet_count DESC LIMIT 3`, viewers[0]) {
			authors = append(authors, r.Impersonate(t, db, username(t, db, id)))
		}
		rnd := rand.New(rand.NewPCG(11, 12))
		own, popular := listOf("timeline", authors[0].Name), listOf("followers", authors[0].Name)
		chosen := listOf("following", viewer.Name)
		author := rig.UserID(t, authors[0].ID)
		for _, c := range []struct {
			name   string
			list   list
			oracle func() []string
			ways   []func(testing.TB, *apitest.Client, list, int, func()) []string
		}{
			{"home", homeOf, func() []string { return tweetsOf(t, db, oracleHome, viewers[0]) },
				[]func(testing.TB, *apitest.Client, list, int, func()) []string{forward, backward}},
			{"timeline", own, func() []string { return tweetsOf(t, db, oracleTimeline, author) },
				[]func(testing.TB, *apitest.Client, list, int, func()) []string{forward, backward}},
			{"following", chosen, func() []string { return usersOf(t, db, oracleFollowing, viewers[0]) },
				[]func(testing.TB, *apitest.Client, list, int, func()) []string{forward}},
			{"followers", popular, func() []string { return usersOf(t, db, oracleFollowers, author) },
				[]func(testing.TB, *apitest.Client, list, int, func()) []string{forward}},
		} {
			for way, read := range c.ways {
				before := c.oracle()
				stop := unrest(t, r, authors, rnd.Uint64())
				got := read(t, viewer.Client, c.list, 5+rnd.IntN(40), stop.passed)
				changes := stop.end(t)
				checkStays(t, fmt.Sprint(c.name, " way ", way), before, c.oracle(), got)
				t.Logf("%s: %d entries read, %d before, %d changes", c.name, len(got), len(before), changes)
			}
		}
	})
}

// checkStays wants what was there before and still is, in order and once; others may be there, once.
func checkStays(t testing.TB, what string, before, after, got []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, id := range got {
		if seen[id] {
			t.Errorf("%s: %s comes twice", what, id)
		}
		seen[id] = true
	}
	stays := slices.DeleteFunc(slices.Clone(before), func(id string) bool { return !slices.Contains(after, id) })
	kept := slices.DeleteFunc(slices.Clone(got), func(id string) bool { return !slices.Contains(stays, id) })
	if !slices.Equal(kept, stays) {
		t.Errorf("%s: %d of %d entries that stayed were read: %s", what, len(kept), len(stays), firstDifference(kept, stays))
	}
}

// commotion is a crowd that changes lists until it is ended.
type commotion struct {
	done  chan error
	quit  chan struct{}
	count atomic.Int64
	seen  int64
	step  chan struct{}
}

// unrest lets authors tweet, delete old and new tweets of theirs, and newcomers follow and unfollow the
// first of them.
func unrest(t testing.TB, r *apitest.Roost, authors []*apitest.User, seed uint64) *commotion {
	t.Helper()
	c := &commotion{done: make(chan error, 1), quit: make(chan struct{}), step: make(chan struct{}, 1)}
	fans := r.SignUps(t, "fan", 4)
	rnd := rand.New(rand.NewPCG(seed, 0))
	go func() {
		for {
			select {
			case <-c.quit:
				c.done <- nil
				return
			default:
			}
			if err := disturb(rnd, authors, fans); err != nil {
				c.done <- err
				return
			}
			c.count.Add(1)
			select {
			case c.step <- struct{}{}:
			default:
			}
		}
	}()
	return c
}

// disturb makes one change.
func disturb(rnd *rand.Rand, authors, fans []*apitest.User) error {
	a := authors[rnd.IntN(len(authors))]
	switch rnd.IntN(4) {
	case 0, 1:
		_, err := a.Try(`mutation { createTweet(input: {text: "one more"}) { userErrors { code } } }`, nil)
		return err
	case 2:
		field := []string{"followUser", "unfollowUser"}[rnd.IntN(2)]
		_, err := fans[rnd.IntN(len(fans))].Try(`mutation($id: ID!) { `+field+`(input: {userId: $id}) { userErrors { code } } }`,
			apitest.Vars{"id": authors[0].ID})
		return err
	default:
		res, err := a.Try(fmt.Sprintf(`{ viewer { user { timeline(%s: %d) { nodes { id } } } } }`, []string{"first", "last"}[rnd.IntN(2)], 1+
			rnd.IntN(30)), nil)
		if err != nil {
			return err
		}
		all := res.Strings("viewer.user.timeline.nodes", "id")
		if len(all) == 0 {
			return nil
		}
		_, err = a.Try(`mutation($id: ID!) { deleteTweet(input: {tweetId: $id}) { userErrors { code } } }`,
			apitest.Vars{"id": all[rnd.IntN(len(all))]})
		return err
	}
}

// passed waits until something has changed since the last page.
func (c *commotion) passed() {
	for c.count.Load() == c.seen {
		select {
		case <-c.step:
		case err := <-c.done:
			c.done <- err
			return
		}
	}
	c.seen = c.count.Load()
}

func (c *commotion) end(t testing.TB) int64 {
	t.Helper()
	close(c.quit)
	if err := <-c.done; err != nil {
		t.Fatal(err)
	}
	return c.count.Load()
}
