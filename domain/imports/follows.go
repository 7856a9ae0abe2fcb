package imports

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	following "roost/domain/follows"
	"roost/internal/sqldb"
)

// follows reads follows.tsv.
type follows struct {
	*run
	rows []follow
}

type follow struct{ follower, followee, sortKey, line int64 }

func (f *follows) header() string { return "follower_id\tfollowee_id" }

func (f *follows) begin(ctx context.Context) error { return f.loadUsers(ctx) }

func (f *follows) next() { f.rows = f.rows[:0] }

func (f *follows) line(ctx context.Context, number int64, line []byte) (bad string, err error) {
	var col [2][]byte
	if bad := columns(line, col[:]); bad != "" {
		return bad, nil
	}
	follower, bad := f.user(col[0], "follower_id")
	if bad != "" {
		return bad, nil
	}
	followee, bad := f.user(col[1], "followee_id")
	if bad != "" {
		return bad, nil
	}
	if !(following.Edge{FollowerID: follower, FolloweeID: followee}).Possible() {
		return fmt.Sprintf("user %s follows itself", col[0]), nil
	}
	sortKey, err := f.IDs.Next(ctx)
	if err != nil {
		return "", err
	}
	f.rows = append(f.rows, follow{follower, followee, sortKey, number})
	return "", nil
}

// user reads the id of a user that was imported.
func (r *run) user(b []byte, what string) (row int64, bad string) {
	id, bad := externalID(b, what)
	if bad != "" {
		return 0, bad
	}
	row, ok := r.users[id]
	if !ok {
		return 0, fmt.Sprintf("%s %d is not a user of this source", what, id)
	}
	return row, ""
}

func (f *follows) write(ctx context.Context, c *chunk) error {
	// The first of equal lines counts: it has the lowest sort key.
	slices.SortFunc(f.rows, func(a, b follow) int {
		return cmp.Or(cmp.Compare(a.follower, b.follower), cmp.Compare(a.followee, b.followee), cmp.Compare(a.sortKey, b.sortKey))
	})
	rows := slices.CompactFunc(slices.Clone(f.rows), func(a, b follow) bool {
		return a.follower == b.follower && a.followee == b.followee
	})
	rows, err := f.withinLimit(ctx, c, rows)
	if err != nil {
		return err
	}
	written, err := c.insert(ctx, intoFollows, len(rows), func(i int, col []any) {
		col[0], col[1], col[2], col[3] = rows[i].follower, rows[i].followee, rows[i].sortKey, f.now
	})
	if err != nil {
		return err
	}
	add := map[int64]*userCounts{}
	for pair := range slices.Chunk(written, 2) {
		of(add, pair[0]).following++
		of(add, pair[1]).followers++
	}
	c.inserted = int64(len(written) / 2)
	return c.addUserStats(ctx, add)
}

// withinLimit removes and reports the lines by which a user would follow more than following.MaxFollowing others. Follows that exist
// already count once.
func (f *follows) withinLimit(ctx context.Context, c *chunk, rows []follow) ([]follow, error) {
	more := map[int64]int64{}
	for _, r := range rows {
		more[r.follower]++
	}
	room := make(map[int64]int64, len(more))
	for id := range more {
		room[id] = following.MaxFollowing
	}
	known, err := c.pairs(ctx, "SELECT user_id, following_count FROM user_stats WHERE "+f.DB.Member("user_id", "$1"),
		slices.Collect(maps.Keys(more)))
	if err != nil {
		return nil, err
	}
	for _, k := range known {
		room[k[0]] -= k[1]
	}
	maps.DeleteFunc(more, func(id, n int64) bool { return n <= room[id] })
	if len(more) == 0 {
		return rows, nil
	}
	present, err := c.pairs(ctx, "SELECT follower_id, followee_id FROM follows WHERE "+f.DB.Member("follower_id", "$1"),
		slices.Collect(maps.Keys(more)))
	if err != nil {
		return nil, err
	}
	there := make(map[[2]int64]bool, len(present))
	for _, p := range present {
		there[p] = true
	}
	byLine := slices.SortedFunc(slices.Values(rows), func(a, b follow) int { return cmp.Compare(a.line, b.line) })
	refused := map[int64]bool{}
	for _, r := range byLine {
		if _, crowded := more[r.follower]; !crowded || there[[2]int64{r.follower, r.followee}] {
			continue
		}
		if room[r.follower]--; room[r.follower] < 0 {
			refused[r.line] = true
			c.bad(r.line, fmt.Sprintf("the follower follows %d others already, which is the limit", following.MaxFollowing))
		}
	}
	return slices.DeleteFunc(rows, func(r follow) bool { return refused[r.line] }), nil
}

// pairs reads rows of two numbers about users, in the chunk's transaction.
func (c *chunk) pairs(ctx context.Context, query string, userIDs []int64) (out [][2]int64, err error) {
	out, err = sqldb.ScanAll(ctx, c.tx, query, []any{c.DB.List(userIDs)}, func(p *[2]int64) []any { return []any{&p[0], &p[1]} })
	if err != nil {
		return nil, fmt.Errorf("read what users follow: %w", err)
	}
	return out, nil
}
