package timelines_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/domain/timelines"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
)

// Whatever number of retweets a tweet has, both ways to ask what brings it into home timelines agree with the naive answer.
func TestBroughtByManyRetweets(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		db, dice := dbtest.Open(t, c), rand.New(rand.NewPCG(3, 4))
		const users = 150
		sizes := []int{0, 1, 5, 99, 100, 101, 102, 149} // retweets of tweets 1000, 1001, …
		type retweet struct {
			user, sortKey int64
			active        bool
		}
		kept, follows := map[int64][]retweet{}, map[[2]int64]bool{}
		rows := map[string][]string{}
		add := func(table, format string, args ...any) {
			rows[table] = append(rows[table], fmt.Sprintf(format, args...))
		}
		ids, viewers := []int64(nil), []int64(nil)
		for i, size := range sizes {
			tweet := int64(1000 + i)
			ids = append(ids, tweet)
			for n, user := range dice.Perm(users)[:size] {
				r := retweet{int64(user + 1), tweet*1000 + int64(dice.IntN(100)*1000+n), dice.IntN(3) > 0}
				kept[tweet] = append(kept[tweet], r)
				add("retweets (tweet_id, user_id, author_id, active, sort_key, retweeted_at, version)",
					"(%d, %d, 9999, %t, %d, $1, 1)", tweet, r.user, r.active, r.sortKey)
			}
			slices.SortFunc(kept[tweet], func(a, b retweet) int { return cmp.Compare(a.sortKey, b.sortKey) })
		}
		for v := int64(1); v <= 20; v++ {
			viewers = append(viewers, v)
			for _, other := range dice.Perm(users)[:dice.IntN(40)] {
				active := dice.IntN(4) > 0
				follows[[2]int64{v, int64(other + 1)}] = active
				add("follows (follower_id, followee_id, active, sort_key, followed_at, version)", "(%d, %d, %t, %d, $1, 1)", v, other+1,
					active, v*1000+int64(other))
			}
		}
		for table, values := range rows {
			if _, err := db.Writer().ExecContext(t.Context(), "INSERT INTO "+table+" VALUES "+strings.Join(values, ", "), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		lines := timelines.New(db)
		wants := map[int64]map[int64]timelines.Brought{} // by viewer and tweet
		for _, v := range viewers {
			wants[v] = map[int64]timelines.Brought{}
			for _, tweet := range ids {
				var b timelines.Brought
				all := 0
				for _, r := range kept[tweet] {
					if r.user != v && !follows[[2]int64{v, r.user}] {
						continue
					}
					if all++; r.active && b.SortKey == 0 {
						b.SortKey, b.UserID = r.sortKey, r.user
					}
				}
				if b.Others = all > 1; b.SortKey != 0 {
					wants[v][tweet] = b
				}
			}
		}
		for _, tweet := range ids {
			got, err := lines.Brought(t.Context(), tweet, viewers)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range viewers {
				if got[v] != wants[v][tweet] {
					t.Errorf("tweet %d with %d retweets is brought to %d by %+v, want %+v", tweet, len(kept[tweet]), v, got[v], wants[v][tweet])
				}
			}
		}
		for _, v := range viewers {
			authors := []int64{v}
			for pair, active := range follows {
				if pair[0] == v && active {
					authors = append(authors, pair[1])
				}
			}
			if got, err := lines.BroughtBy(t.Context(), authors, ids); err != nil || !maps.Equal(got, wants[v]) {
				t.Errorf("to %d are brought %v, %v; want %v", v, got, err, wants[v])
			}
		}
	})
}
