package homeaudit

import (
	"slices"
	"testing"

	"roost/domain/timelines"
)

// Entries count as different only if SQL had them alike before and after, and within what all three results reach.
func TestDifferences(t *testing.T) {
	t.Parallel()
	own := func(ids ...int64) (v view) {
		for _, id := range ids {
			v.entries = append(v.entries, timelines.Entry{SortKey: id, Item: id})
		}
		return v
	}
	to := func(v view, reach int64) view {
		v.reach = reach
		return v
	}
	since := func(v view, version int64) view {
		v.version = version
		return v
	}
	brought := func(v view, key, item, by int64) view {
		v.entries = slices.Concat(v.entries, []timelines.Entry{{SortKey: key, Item: item, By: by}})
		slices.SortFunc(v.entries, func(a, b timelines.Entry) int { return int(b.SortKey - a.SortKey) })
		return v
	}
	at := func(id int64) timelines.Entry { return timelines.Entry{SortKey: id, Item: id} }
	for _, c := range []struct {
		name               string
		before, got, after view
		want               []difference
	}{
		{"equal", own(9, 8), own(9, 8), own(9, 8), nil},
		{"missing", own(9, 8), own(9), own(9, 8), []difference{{Missing, timelines.Entry{}, at(8), 0}}},
		{"missing at the end, where the list goes on", to(own(9, 8), 8), own(9), to(own(9, 8), 8),
			[]difference{{Missing, timelines.Entry{}, at(8), 0}}},
		{"extra", own(9), own(9, 8), own(9), []difference{{Extra, at(8), timelines.Entry{}, 0}}},
		{"twice", own(9, 8), own(9, 9, 8), own(9, 8), []difference{{Extra, at(9), timelines.Entry{}, 0}}},
		{"in another order", own(9, 8), own(8, 9), own(9, 8), []difference{{Misplaced, at(9), at(9), 0}}},
		{"at another place", brought(own(9), 8, 3, 1), brought(own(9), 7, 3, 2), brought(own(9), 8, 3, 1),
			[]difference{{Misplaced, timelines.Entry{SortKey: 7, Item: 3, By: 2}, timelines.Entry{SortKey: 8, Item: 3, By: 1}, 0}}},
		{"brought by another", brought(own(9), 8, 3, 1), brought(own(9), 8, 3, 2), brought(own(9), 8, 3, 1),
			[]difference{{Misplaced, timelines.Entry{SortKey: 8, Item: 3, By: 2}, timelines.Entry{SortKey: 8, Item: 3, By: 1}, 0}}},
		{"further up than what SQL reaches", to(brought(own(9, 8), 5, 3, 1), 5), to(brought(own(9), 9, 3, 2), 6),
			to(brought(own(9, 8), 5, 3, 1), 5), []difference{{Misplaced, timelines.Entry{SortKey: 9, Item: 3, By: 2},
				timelines.Entry{SortKey: 5, Item: 3, By: 1}, 0}, {Missing, timelines.Entry{}, at(8), 0}}},
		{"further down than what was derived", brought(own(9), 8, 3, 1), to(brought(own(9, 7), 6, 3, 2), 7), brought(own(9), 8, 3, 1),
			[]difference{{Extra, at(7), timelines.Entry{}, 0}, {Misplaced, timelines.Entry{SortKey: 6, Item: 3, By: 2},
				timelines.Entry{SortKey: 8, Item: 3, By: 1}, 0}}},
		{"derived from an old list of those followed", since(own(9, 8), 5), since(own(9), 4), since(own(9, 8), 5),
			[]difference{{Missing, timelines.Entry{}, at(8), 4}}},
		{"posted meanwhile", own(8), own(9, 8), own(9, 8), nil},
		{"posted after it was derived", own(8), own(8), own(9, 8), nil},
		{"deleted meanwhile", own(9, 8), own(8), own(8), nil},
		{"deleted after it was derived", own(9, 8), own(9, 8), own(8), nil},
		{"moved meanwhile", brought(own(9), 8, 3, 1), brought(own(9), 7, 3, 2), brought(own(9), 7, 3, 2), nil},
		{"pushed out by a new one", to(own(8, 7), 7), to(own(9, 8), 8), to(own(9, 8), 8), nil},
		{"below what was derived", own(9, 8, 7), to(own(9, 8), 8), own(9, 8, 7), nil},
	} {
		if got := differences(c.before, c.got, c.after); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
