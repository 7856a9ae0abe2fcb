package reactions

import (
	"strings"
	"testing"
	"time"

	"roost/internal/sqldb"
	"roost/testkit/dbtest"
	"roost/testkit/redistest"
)

func testStores(t *testing.T) Stores {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: dbtest.Postgres(t), MaxConns: 32})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return Stores{DB: db, Redis: redistest.Start(t).URL()}
}

// A short run of every way with every fault. The rows of counts are right at rest with all ways, and whatever fails, Roost shows neither a
// step back nor a wrong count at rest.
func TestCountsAtRest(t *testing.T) {
	t.Parallel()
	for _, way := range Ways {
		t.Run(way.Name, func(t *testing.T) {
			t.Parallel()
			s := testStores(t)
			var all []*Result
			for i, fault := range Faults {
				l := Load{Name: "viral", Tweets: 1, Writers: 8, Readers: 2, Every: 5 * time.Millisecond, Duration: 900 * time.Millisecond}
				if i == 1 {
					l.Name, l.Tweets = "uniform", 20
				}
				all = append(all, runEnough(t, s, way, l, fault))
			}
			var out strings.Builder
			Print(&out, all)
			t.Log("\n" + out.String())
		})
	}
}

// runEnough runs a way until it has done enough to show something, and checks the result.
func runEnough(t *testing.T, s Stores, way Way, l Load, fault Fault) *Result {
	t.Helper()
	const enough = 20
	r, err := Run(t.Context(), s, way, l, fault)
	for tries := 1; tries < 4 && err == nil && (r.Likes < enough || r.Reads < enough); tries++ {
		l.Duration *= 3 // the machine is busy
		r, err = Run(t.Context(), s, way, l, fault)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Likes < enough || r.Reads < enough || r.P99 < r.P50 {
		t.Errorf("%s: %+v", fault.Name, r)
	}
	if r.RowDrift != 0 {
		t.Errorf("%s: the rows of counts differ by %d from the reactions", fault.Name, r.RowDrift)
	}
	if way.Name == "roost" && (r.Back != 0 || r.ShownDrift != 0) {
		t.Errorf("%s: %d steps back, and what readers see at rest differs by %d", fault.Name, r.Back, r.ShownDrift)
	}
	return r
}

// What a reader sees is compared with the commits: by how much it is behind.
func TestBehind(t *testing.T) {
	t.Parallel()
	r := &run{committed: map[int64][]time.Duration{1: {time.Second, 3 * time.Second}}}
	for _, c := range []struct {
		tweet, shown int64
		from, want   time.Duration
	}{
		{1, 2, 10 * time.Second, 0}, {1, 1, 10 * time.Second, 7 * time.Second}, {1, 0, 10 * time.Second, 9 * time.Second},
		{1, 1, 2 * time.Second, 0}, {1, 5, 10 * time.Second, 0}, {2, 0, 10 * time.Second, 0},
	} {
		if got := r.behind(c.tweet, c.shown, c.from); got != c.want {
			t.Errorf("%d likes of tweet %d at %s: behind by %s, want %s", c.shown, c.tweet, c.from, got, c.want)
		}
	}
}

// Runs of the same kind are put together: a late run does not change the median, and no step back is lost.
func TestSummarize(t *testing.T) {
	t.Parallel()
	got := Summarize([]*Result{
		{Way: "queue", Load: "viral", Fault: "none", PerSecond: 5, Back: 1, ShownDrift: 2},
		{Way: "roost", Load: "viral", Fault: "none", Likes: 1},
		{Way: "queue", Load: "viral", Fault: "none", PerSecond: 7, ShownBehind: 3},
		{Way: "queue", Load: "viral", Fault: "none", PerSecond: 90, Back: 1}})
	want := []Result{{Way: "queue", Load: "viral", Fault: "none", PerSecond: 7, Back: 2, ShownBehind: 3, ShownDrift: 2},
		{Way: "roost", Load: "viral", Fault: "none", Likes: 1}}
	if len(got) != len(want) || *got[0] != want[0] || *got[1] != want[1] {
		t.Errorf("the runs are put together as %+v and %+v, want %+v", got[0], got[1], want)
	}
}
