package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Growth is how the cost of a home page grows with the people whom a viewer follows, with the viewers, and with writes. Only Roost is
// measured.
type Growth struct {
	// Tweets and Reactions are how many are written a second in the rows with writes.
	Tweets    float64     `json:"tweets"`
	Reactions float64     `json:"reactions"`
	Rows      []GrowthRow `json:"rows"`
}

// GrowthRow is a closed loop of home pages.
type GrowthRow struct {
	Name      string  `json:"name"`
	Viewers   int     `json:"viewers"`
	Writes    bool    `json:"writes"`
	PerSecond float64 `json:"per_second"`
	// Micros is the processor time of Roost and its stores, in µs, divided by the number of pages. With writes it includes what these take.
	Micros float64 `json:"us"`
	// Copies is the share of the cached rows that came from copies in the process, 0 to 1. MiB is the memory of the copies.
	Copies float64 `json:"copies"`
	MiB    float64 `json:"mib"`
}

// The goals of growth.
const (
	maxManyFollowed = 3.0
	maxManyViewers  = 1.5
	minCopies       = 0.85
)

// The names of the rows.
const (
	FewFollowed  = "30 followed"
	ManyFollowed = "2,000 followed"
	FewViewers   = "2,000 viewers"
	ManyViewers  = "20,000 viewers"
)

// times returns what a page of one row takes, relative to that of another: from the processor time, or with writes, which have a share in
// that, from how many pages are answered in a second. It is 0 if a row is missing.
func (g *Growth) times(a, b string, writes bool) float64 {
	of := func(name string) float64 {
		for _, r := range g.Rows {
			switch {
			case r.Name != name || r.Writes != writes:
			case !writes:
				return r.Micros
			case r.PerSecond > 0:
				return 1 / r.PerSecond
			}
		}
		return 0
	}
	if of(b) <= 0 {
		return 0
	}
	return of(a) / of(b)
}

// print writes the figures as a table.
func (g *Growth) print(out io.Writer) error {
	fmt.Fprintf(out, "\nHome pages of Roost, closed loop; with %g tweets and %g reactions a second, of which µs include the cost.\n",
		g.Tweets, g.Reactions)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "pages of\tviewers\twrites\tpages/s\tµs\tfrom copies\tMiB of copies\t")
	for _, r := range g.Rows {
		writes := map[bool]string{true: "yes", false: "no"}[r.Writes]
		fmt.Fprintf(w, "%s\t%d\t%s\t%.0f\t%.0f\t%.0f %%\t%.1f\t\n", r.Name, r.Viewers, writes, r.PerSecond, r.Micros, 100*r.Copies, r.MiB)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, writes := range []bool{false, true} {
		by := map[bool]string{true: "With writes, by pages/s", false: "Without writes, by µs"}[writes]
		_, err := fmt.Fprintf(out, "%s, a page of %s takes %.2f times that of %s (at most %g), of %s %.2f times that of %s (at most %g).\n",
			by, ManyFollowed, g.times(ManyFollowed, FewFollowed, writes), FewFollowed, maxManyFollowed,
			ManyViewers, g.times(ManyViewers, FewViewers, writes), FewViewers, maxManyViewers)
		if err != nil {
			return err
		}
	}
	for _, r := range g.Rows {
		if r.Writes && r.Copies < minCopies {
			if _, err := fmt.Fprintf(out, "%s with writes: fewer than %.0f %% of the rows came from copies.\n", r.Name, 100*minCopies); err != nil {
				return err
			}
		}
	}
	return nil
}
