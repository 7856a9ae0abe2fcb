package policies

import (
	"strings"
	"testing"
	"time"

	"roost/internal/sqldb"
	"roost/testkit/pgtest"
	"roost/testkit/redistest"
	"roost/testkit/testtime"
)

func stores(t *testing.T) Stores {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: pgtest.URL(t), MaxConns: 24})
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

// short is a load in which every fault has its chance within a second; ROOST_SOAK makes it half a minute.
func short() Load {
	l := Load{Clients: 16, Keys: 50, Writes: 0.2, Warm: 100 * time.Millisecond, Duration: 1200 * time.Millisecond}
	if testtime.Soaking() {
		l.Duration = 30 * time.Second
	}
	return l
}

// Whatever happens, readers of Roost's tier see no stale row and none that goes back.
func TestRoostShowsNothingOld(t *testing.T) {
	t.Parallel()
	s := stores(t)
	var all []*Result
	for _, fault := range Faults {
		const reads, writes = 200, 20 // fewer would show nothing
		load := short()
		for tries := 1; ; tries++ {
			r, err := Run(t.Context(), s, Ways[len(Ways)-1], fault, load)
			if err != nil {
				t.Fatal(err)
			}
			v := r.Verdict
			if v.Stale != 0 || v.Back != 0 || v.Unwritten != 0 || v.Lost != 0 {
				t.Errorf("%s: %+v", fault.Name, v)
			}
			if enough := v.Reads >= reads && v.Writes >= writes; enough || tries == 4 {
				if !enough {
					t.Errorf("%s: only %d reads and %d writes in %s", fault.Name, v.Reads, v.Writes, load.Duration)
				}
				all = append(all, r)
				break
			}
			load.Duration *= 3 // the machine is busy
		}
	}
	var out strings.Builder
	Print(&out, all)
	t.Log("\n" + out.String())
}

// Changes that are written together have versions of their own, in their order.
func TestChangesOfABatchHaveTheirVersions(t *testing.T) {
	t.Parallel()
	b, err := newTable(t.Context(), stores(t).DB, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.writeAll(t.Context(), map[int64][]int64{1: {5, 6, 7}, 2: {8}}); err != nil {
		t.Fatal(err)
	}
	for change, want := range map[int64]commit{
		5: {key: 1, version: 2}, 6: {key: 1, version: 3}, 7: {key: 1, version: 4}, 8: {key: 2, version: 2}} {
		if got := b.commits[change]; got.key != want.key || got.version != want.version {
			t.Errorf("change %d is %+v, want %+v", change, got, want)
		}
	}
	if rows, err := b.read(t.Context(), 2, 1); err != nil || rows[0] != (row{2, 8}) || rows[1] != (row{4, 7}) {
		t.Errorf("rows are %v, %v", rows, err)
	}
}

// The others run, and what they cost is counted.
func TestEveryWayRuns(t *testing.T) {
	t.Parallel()
	s := stores(t)
	for _, way := range Ways[:len(Ways)-1] {
		for _, fault := range []Fault{NoFault, Faults[len(Faults)-1]} {
			l := short()
			l.Duration = 300 * time.Millisecond
			r, err := Run(t.Context(), s, way, fault, l)
			for tries := 1; tries < 4 && err == nil && (r.Reads.PerSecond == 0 || r.Writes.PerSecond == 0); tries++ {
				l.Duration *= 4 // the machine is busy
				r, err = Run(t.Context(), s, way, fault, l)
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Reads.Trips < 1 || r.Writes.Trips < 1 || r.Reads.PerSecond == 0 || r.Reads.P99 < r.Reads.P50 {
				t.Errorf("%s, %s: reads %+v, writes %+v", way.Name, fault.Name, r.Reads, r.Writes)
			}
			if rows := r.Writes.Statements; way.Name != "write-behind" && rows != 1 || way.Name == "write-behind" && rows != 0 {
				t.Errorf("%s, %s: %.2f statements a write", way.Name, fault.Name, rows)
			}
			if fault.Name == NoFault.Name && (r.Verdict.Lost != 0 || r.Verdict.Unwritten != 0) {
				t.Errorf("%s: %+v", way.Name, r.Verdict)
			}
		}
	}
}
