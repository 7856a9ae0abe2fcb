package tweets_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/domain/tweets"
	"roost/internal/cursors"
	"roost/internal/reqstats"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/domaintest"
)

// A conversation of any depth and width takes the same statements: a tweet below a thousand others has the nearest of them above it, and
// the pages of both ends of ten thousand replies are read in each order.
func TestConversationsOfAnySize(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, c sqldb.Config) {
		d := domaintest.On(t, c)
		user := d.Users(t, 1)[0]
		statements := map[string][]int64{}
		for i, size := range []struct{ depth, width int }{{20, 20}, {1000, 10_000}} {
			root := d.Post(t, user, "who answers?")
			first := root + int64(i+1)<<40
			replies := insertReplies(t, d, user, first, size.width, func(int) int64 { return root })
			chain := insertReplies(t, d, user, replies[len(replies)-1]+1, size.depth, func(i int) int64 {
				if i == 0 {
					return root
				}
				return replies[len(replies)-1] + int64(i)
			})
			all := append(replies, chain[0])
			measure := func(name string, read func(ctx context.Context) []int64, want []int64) {
				t.Helper()
				var before, after runtime.MemStats
				ctx, stats := reqstats.With(t.Context())
				runtime.ReadMemStats(&before)
				began := time.Now()
				got := read(ctx)
				took := time.Since(began)
				runtime.ReadMemStats(&after)
				if !slices.Equal(got, want) {
					t.Errorf("%s of %+v are %v, want %v", name, size, got, want)
				}
				statements[name] = append(statements[name], stats.Statements())
				t.Logf("%+v, %s: %d statements, %s, %d KB", size, name, stats.Statements(), took, (after.TotalAlloc-before.TotalAlloc)>>10)
			}
			last := chain[len(chain)-1]
			above := append([]int64{root}, chain[:len(chain)-1]...)
			measure("ancestors", func(ctx context.Context) []int64 {
				got, err := d.Tweets.Ancestors(ctx, []int64{last})
				if err != nil {
					t.Fatal(err)
				}
				return got[last]
			}, above[max(0, len(above)-tweets.MaxAncestors):])
			for order, newestFirst := range map[tweets.Order]bool{tweets.Newest: true, tweets.Oldest: false, tweets.Relevant: true} {
				want := slices.Clone(all)
				if newestFirst {
					slices.Reverse(want)
				}
				for _, backward := range []bool{false, true} {
					w := cursors.Whole(10)
					w.Backward = backward
					part := want[:10]
					if backward && order == tweets.Relevant {
						w.Below = math.MaxInt64 - int64(len(all)) - 1
					}
					if backward {
						part = want[len(want)-10:]
					}
					k := sqldb.Key{Owner: root, Window: w, Kinds: uint8(order)}
					measure(fmt.Sprintf("replies by %d, backward %t", order, backward), func(ctx context.Context) []int64 {
						pages, err := d.Tweets.Replies(ctx, user, []sqldb.Key{k})
						if err != nil {
							t.Fatal(err)
						}
						got := make([]int64, len(pages[k].Items))
						for i, r := range pages[k].Items {
							got[i] = r.Item
						}
						return got
					}, part)
				}
			}
		}
		for name, n := range statements {
			if n[0] != n[1] || n[0] == 0 {
				t.Errorf("%s take %d statements, of a large conversation %d", name, n[0], n[1])
			}
		}
	})
}

// insertReplies inserts so many replies with ids from first on.
func insertReplies(t *testing.T, d *domaintest.Domain, user, first int64, n int, parent func(i int) int64) (all []int64) {
	t.Helper()
	for len(all) < n {
		var rows []string
		for range min(500, n-len(all)) {
			i := len(all)
			all = append(all, first+int64(i))
			rows = append(rows, fmt.Sprintf("(%d, %d, 'me', '2026-01-01 00:00:00+00:00', 1, %d, %[2]d)", all[i], user, parent(i)))
		}
		_, err := d.DB.Writer().ExecContext(t.Context(), `INSERT INTO tweets
			(id, author_id, text, created_at, version, in_reply_to, parent_author_id) VALUES `+strings.Join(rows, ","))
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}
