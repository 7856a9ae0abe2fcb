package imports

import (
	"context"
	"fmt"
	"slices"

	"roost/internal/ids"
)

// perMilli is how many ids a millisecond has for one node number.
const perMilli = 1 << 12

// makeIDs assigns ids to the chunk's tweets. An id contains the tweet's own time and the node number that is reserved for imports.
// Only one import runs at a time, under its lock; it continues after the ids that earlier imports have made, of any source. Once a
// millisecond has no free id, the next one is used.
func (t *tweets) makeIDs(ctx context.Context, c *chunk) error {
	millis := make([]int64, len(t.rows))
	for i, row := range t.rows {
		millis[i] = ids.Millis(row.created)
	}
	slices.Sort(millis)
	free, err := c.freeIDs(ctx, slices.Compact(millis))
	if err != nil {
		return err
	}
	// In the order of the file: of two tweets at one time, the later line is the newer tweet.
	slices.SortFunc(t.rows, func(a, b tweet) int { return int(a.line - b.line) })
	for i := range t.rows {
		ms := ids.Millis(t.rows[i].created)
		for free[ms] == perMilli {
			ms++
			if _, known := free[ms]; !known {
				more, err := c.freeIDs(ctx, []int64{ms})
				if err != nil {
					return err
				}
				free[ms] = more[ms]
			}
		}
		t.rows[i].id = ids.Compose(ms, ids.ImportNode, free[ms])
		free[ms]++
	}
	return nil
}

// freeIDs returns the first free sequence number of each millisecond, or perMilli if it has none.
func (c *chunk) freeIDs(ctx context.Context, millis []int64) (map[int64]int, error) {
	first := make([]int64, len(millis))
	free := make(map[int64]int, len(millis))
	for i, ms := range millis {
		first[i], free[ms] = ids.Compose(ms, ids.ImportNode, 0), 0
	}
	rows, err := c.tx.QueryContext(ctx, fmt.Sprintf(`SELECT taken FROM (
		SELECT (SELECT max(id) FROM tweets WHERE id BETWEEN m.id AND m.id + %d) AS taken FROM %s) AS t
		WHERE taken IS NOT NULL`, perMilli-1, c.DB.Rows("$1", "m")), c.DB.List(first))
	if err != nil {
		return nil, fmt.Errorf("look for free ids: %w", err)
	}
	taken, err := scan(rows, 1)
	if err != nil {
		return nil, fmt.Errorf("look for free ids: %w", err)
	}
	for _, id := range taken {
		free[ids.Millis(ids.Time(id))] = int(id&(perMilli-1)) + 1
	}
	return free, nil
}
