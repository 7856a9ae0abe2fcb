package report

import (
	"bytes"
	"strings"
	"testing"
)

// Rows without writes are compared by processor time, rows with writes by pages in a second.
func TestGrowth(t *testing.T) {
	t.Parallel()
	row := func(name string, writes bool, perSecond, micros float64) GrowthRow {
		return GrowthRow{Name: name, Writes: writes, PerSecond: perSecond, Micros: micros, Copies: 0.99}
	}
	g := &Growth{Tweets: 50, Reactions: 500, Rows: []GrowthRow{
		row(FewFollowed, false, 5000, 100), row(ManyFollowed, false, 4000, 250),
		row(FewViewers, false, 5000, 200), row(ManyViewers, false, 5000, 240),
		row(FewFollowed, true, 1800, 900), row(ManyFollowed, true, 1200, 1000),
		row(FewViewers, true, 1500, 800), row(ManyViewers, true, 1000, 900),
	}}
	var out bytes.Buffer
	if err := (&Results{Growth: g}).Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Without writes, by µs, a page of 2,000 followed takes 2.50 times that of 30 followed (at most 3), " +
			"of 20,000 viewers 1.20 times that of 2,000 viewers (at most 1.5).\n",
		"With writes, by pages/s, a page of 2,000 followed takes 1.50 times that of 30 followed (at most 3), " +
			"of 20,000 viewers 1.50 times that of 2,000 viewers (at most 1.5).\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	for _, g := range []*Growth{{}, {Rows: []GrowthRow{row(FewFollowed, true, 0, 0), row(ManyFollowed, true, 0, 0)}}} {
		if n := g.times(ManyFollowed, FewFollowed, true); n != 0 {
			t.Errorf("without figures a page takes %g times another", n)
		}
	}
}
