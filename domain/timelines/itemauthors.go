package timelines

import "slices"

// AuthorsOf returns the authors of a page's tweets by tweet, as far as they can be found in the lists of authors from which the page was
// made: lists[i] belongs to authors[i]. It may return authors of other tweets as well.
func AuthorsOf(page []Entry, authors []int64, lists []AuthorList) map[int64]int64 {
	if len(page) == 0 {
		return nil
	}
	keys := make([]int64, len(page))
	for i, e := range page {
		keys[i] = e.SortKey
	}
	slices.Sort(keys)
	found := make(map[int64]int64, len(keys))
	for i := range lists {
		l := &lists[i]
		for at := l.SortKeys.below(keys[len(keys)-1] + 1); at < l.SortKeys.Len(); at++ {
			key := l.SortKeys.At(at)
			if key < keys[0] {
				break
			}
			if _, ok := slices.BinarySearch(keys, key); ok {
				e, author := l.entry(authors[i], at)
				found[e.Item] = author
			}
		}
	}
	return found
}
