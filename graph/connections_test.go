package graph

import (
	"fmt"
	"slices"
	"testing"

	"roost/domain/tweets"
	"roost/internal/cursors"
	"roost/internal/sqldb"
)

// A page of which tweets were deleted after it was read is filled up, with no tweet left out or repeated.
func TestPagesAreFilledUp(t *testing.T) {
	t.Parallel()
	const newest = 12
	backward := func(below int64) cursors.Window {
		return cursors.Window{Size: 3, Above: newest + 1, Below: below, Backward: true}
	}
	for name, c := range map[string]struct {
		window cursors.Window
		gone   []int64
		want   string
		reads  int
	}{
		"nothing gone":                  {cursors.Window{Size: 3, Above: 10}, []int64{10, 12}, "[9 8 7] true", 1},
		"in the middle":                 {cursors.Window{Size: 3, Above: 10}, []int64{8}, "[9 7 6] true", 2},
		"the one that fills it up":      {cursors.Window{Size: 3, Above: 10}, []int64{8, 6}, "[9 7 5] true", 3},
		"all":                           {cursors.Window{Size: 3, Above: 10}, []int64{9, 8, 7}, "[6 5 4] true", 2},
		"up to the end":                 {cursors.Window{Size: 3, Above: 5}, []int64{3}, "[4 2 1] false", 2},
		"more than there are":           {cursors.Window{Size: 3, Above: 5}, []int64{3, 1}, "[4 2] false", 2},
		"the last page":                 {cursors.Window{Size: 5, Above: 4}, []int64{3, 2, 1}, "[] false", 1},
		"backward in the middle":        {backward(4), []int64{6}, "[8 7 5] true", 2},
		"backward, all":                 {backward(4), []int64{5, 6, 7}, "[10 9 8] true", 2},
		"backward, up to the newest":    {backward(8), []int64{10}, "[12 11 9] false", 2},
		"backward, fewer than are left": {backward(9), []int64{11}, "[12 10] false", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			find := func(ids []int64) ([]*tweets.Tweet, error) {
				out := make([]*tweets.Tweet, len(ids))
				for i, id := range ids {
					if !slices.Contains(c.gone, id) {
						out[i] = &tweets.Tweet{}
					}
				}
				return out, nil
			}
			reads := 0
			read := func(w cursors.Window) (page, error) {
				reads++
				var rows []sqldb.Row
				for id := int64(newest); id > 0; id-- {
					if id < w.Above && id > w.Below {
						rows = append(rows, sqldb.Row{SortKey: id, Item: id})
					}
				}
				if w.Backward {
					slices.Reverse(rows)
				}
				return cursors.Cut(w, rows[:min(len(rows), w.Size+1)]), nil
			}
			first, _ := read(c.window)
			full, err := fillUp(c.window, first, read, find)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(itemIDs(full.Items), " ", full.More); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if reads != c.reads {
				t.Errorf("%d reads, want %d", reads, c.reads)
			}
		})
	}
}
