package timelines_test

import (
	"fmt"
	"testing"

	"roost/domain/timelines"
	"roost/internal/cursors"
	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/importedtest"
)

// BenchmarkMerge merges pages of 20 from lists of the imported data set: for the viewer who follows a median number of users among
// those who follow at least one, for one who follows more than all but a hundredth of them, and for the one who follows most.
func BenchmarkMerge(b *testing.B) {
	db := dbtest.Open(b, sqldb.Config{File: importedtest.SQLite(b)})
	store := timelines.New(db)
	for _, of := range []struct {
		name  string
		share float64
	}{{"median", 0.5}, {"p99", 0.99}, {"most", 1}} {
		var viewer, following int64
		err := db.Writer().QueryRowContext(b.Context(), `SELECT user_id, following_count FROM user_stats WHERE following_count > 0
			ORDER BY following_count LIMIT 1 OFFSET (SELECT CAST((count(*) - 1) * $1 AS INTEGER) FROM user_stats WHERE following_count > 0)`,
			of.share).Scan(&viewer, &following)
		if err != nil {
			b.Fatal(err)
		}
		followed, err := store.Followed(b.Context(), []int64{viewer})
		if err != nil {
			b.Fatal(err)
		}
		authors := timelines.HomeAuthors(viewer, followed[viewer])
		byAuthor, err := store.OfAuthors(b.Context(), authors)
		if err != nil {
			b.Fatal(err)
		}
		lists := make([]timelines.AuthorList, len(authors))
		for i, a := range authors {
			lists[i] = byAuthor[a]
		}
		b.Run(fmt.Sprintf("%s/%d", of.name, following), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := timelines.NewDraft(authors, lists, cursors.Whole(20), timelines.Overread(20)).Page(); !ok {
					b.Fatal("the lists do not reach far enough")
				}
			}
		})
		b.Run(fmt.Sprintf("%s/%d/sql", of.name, following), func(b *testing.B) {
			for b.Loop() {
				if _, err := store.Home(b.Context(), authors, cursors.Whole(20)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
