package timelines

import (
	"maps"
	"testing"
)

// The authors of a page's tweets are found in the lists that the page was made of, also those of retweeted tweets.
func TestAuthorsOfAPage(t *testing.T) {
	t.Parallel()
	page := []Entry{{SortKey: 9, Item: 9}, {SortKey: 7, Item: 7}, {SortKey: 5, Item: 2, By: 200}, {SortKey: 4, Item: 4}}
	lists := []AuthorList{
		{SortKeys: PackSortKeys([]int64{11, 9, 8, 4, 3})},
		{SortKeys: PackSortKeys([]int64{7, 5, 1}), Special: []SpecialEntry{{Index: 1, Kind: RetweetEntry, TweetID: 2, AuthorID: 400}}},
		{},
	}
	got := AuthorsOf(page, []int64{100, 200, 300}, lists)
	if want := map[int64]int64{9: 100, 4: 100, 7: 200, 2: 400}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := AuthorsOf(nil, []int64{100}, lists[:1]); len(got) > 0 {
		t.Errorf("an empty page has the authors %v", got)
	}
}
