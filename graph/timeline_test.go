package graph

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"roost/domain/tweets"
	"roost/internal/caller"
	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/loaders"
	"roost/rows"
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
			set := loaders.New(loaders.Sources{Rows: &rows.Store{}}, &caller.Caller{})
			for id := int64(1); id <= newest; id++ {
				tweet := &tweets.Tweet{}
				if slices.Contains(c.gone, id) {
					tweet = nil
				}
				set.TweetByID.Prime(t.Context(), id, tweet)
			}
			reads := 0
			read := func(_ context.Context, w cursors.Window) (cursors.Page[sqldb.Row], error) {
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
			page, _ := read(t.Context(), c.window)
			page, err := plan{set: set}.fillUp(t.Context(), c.window, page, read, func([]int64) {})
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(tweetIDs(page.Items), " ", page.More); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if reads != c.reads {
				t.Errorf("%d reads, want %d", reads, c.reads)
			}
		})
	}
}
