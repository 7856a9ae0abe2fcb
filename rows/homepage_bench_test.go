package rows

import (
	"fmt"
	"testing"
	"time"

	"roost/cache"
	"roost/domain/timelines"
	"roost/internal/cursors"
)

// BenchmarkKeptHomePage makes a page of 20 from a list that is kept for its viewer, with no note and with as many notes as such a list
// is checked against at most.
func BenchmarkKeptHomePage(b *testing.B) {
	redis, err := cache.Open(cache.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = redis.Close() })
	store := newStore(b, redis, Sources{})
	store.home.tier = &fickle{settled: true}
	keys := make([]int64, timelines.MaxAuthorEntries)
	for i := range keys {
		keys[i] = int64(1<<60 - i)
	}
	for _, following := range []int{2, 30, 2000} {
		authors := make([]int64, following+1)
		for i := range authors {
			authors[i] = int64(2*i + 2)
		}
		for _, notes := range []int{0, minNotes / 2, min(minNotes+maxNotes*following, journalSize/2)} {
			b.Run(fmt.Sprintf("%d followed/%d notes", following, notes), func(b *testing.B) {
				l := homeList{authors, timelines.HomeList{SortKeys: timelines.PackSortKeys(keys)}, store.home.journal.position(),
					time.Now().Add(time.Hour)}
				for i := range notes {
					store.home.dropped(authorListKeys.of(int64(2*i + 1)))
				}
				for b.Loop() {
					store.home.kept.Put(1, l) // a page moves its position on
					list, ok := store.home.keptList(b.Context(), 1, authors)
					if ok {
						_, ok, _ = store.pageOf(b.Context(), cursors.Whole(20), func(most int) (*timelines.Draft, error) {
							return list.Draft(cursors.Whole(20), most), nil
						})
					}
					if !ok {
						b.Fatal("the list is not used")
					}
				}
			})
		}
	}
}
