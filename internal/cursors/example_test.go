package cursors_test

import (
	"fmt"
	"slices"

	"roost/internal/cursors"
)

// A list of ids in descending order is read by pages of two.
func Example() {
	list := []int64{9, 7, 5, 4, 1}
	read := func(w cursors.Window) (items []int64) {
		for _, id := range list {
			if id < w.Above && len(items) <= w.Size { // one more than asked for
				items = append(items, id)
			}
		}
		return items
	}
	size := int32(2)
	args := cursors.Args{First: &size}
	for {
		window, err := args.Window(cursors.Home)
		if err != nil {
			fmt.Println(err)
			return
		}
		page := cursors.Cut(window, read(window))
		fmt.Println(page.Items, page.More)
		if !page.More {
			return
		}
		end := cursors.Encode(cursors.Home, slices.Min(page.Items))
		args.After = &end
	}
	// Output:
	// [9 7] true
	// [5 4] true
	// [1] false
}
