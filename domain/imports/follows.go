package imports

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// follows reads follows.tsv.
type follows struct {
	*run
	rows []follow
}

type follow struct{ follower, followee, place int64 }

func (f *follows) header() string { return "follower_id\tfollowee_id" }

func (f *follows) begin(ctx context.Context) error { return f.loadUsers(ctx) }

func (f *follows) next() { f.rows = f.rows[:0] }

func (f *follows) line(ctx context.Context, _ int64, line []byte) (bad string, err error) {
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
	if follower == followee {
		return fmt.Sprintf("user %s follows itself", col[0]), nil
	}
	place, err := f.IDs.Next(ctx)
	if err != nil {
		return "", err
	}
	f.rows = append(f.rows, follow{follower, followee, place})
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
	// The first of equal lines counts: it has the lowest place.
	slices.SortFunc(f.rows, func(a, b follow) int {
		return cmp.Or(cmp.Compare(a.follower, b.follower), cmp.Compare(a.followee, b.followee), cmp.Compare(a.place, b.place))
	})
	rows := slices.CompactFunc(slices.Clone(f.rows), func(a, b follow) bool {
		return a.follower == b.follower && a.followee == b.followee
	})
	written, err := c.insert(ctx, intoFollows, len(rows), func(i int, col []any) {
		col[0], col[1], col[2], col[3] = rows[i].follower, rows[i].followee, rows[i].place, f.now
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
