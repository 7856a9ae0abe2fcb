package reactions

import (
	"fmt"
	"io"
	"slices"
)

// Summarize puts the runs of each way, load and fault together, in the order in which they begin: medians of rates, latencies and costs;
// sums of likes, reads and steps back; of the others the worst.
func Summarize(all []*Result) (out []*Result) {
	type key struct{ way, load, fault string }
	runs, order := map[key][]*Result{}, []key{}
	for _, r := range all {
		k := key{r.Way, r.Load, r.Fault}
		if runs[k] == nil {
			order = append(order, k)
		}
		runs[k] = append(runs[k], r)
	}
	for _, k := range order {
		s := &Result{Way: k.way, Load: k.load, Fault: k.fault}
		for _, field := range []func(*Result) *float64{
			func(r *Result) *float64 { return &r.PerSecond }, func(r *Result) *float64 { return &r.P50 },
			func(r *Result) *float64 { return &r.P99 }, func(r *Result) *float64 { return &r.Process },
			func(r *Result) *float64 { return &r.Postgres }, func(r *Result) *float64 { return &r.Redis },
			func(r *Result) *float64 { return &r.Others },
		} {
			var values []float64
			for _, r := range runs[k] {
				values = append(values, *field(r))
			}
			slices.Sort(values)
			*field(s) = values[len(values)/2]
		}
		for _, r := range runs[k] {
			s.Likes, s.Reads, s.Back = s.Likes+r.Likes, s.Reads+r.Reads, s.Back+r.Back
			s.RowBehind, s.ShownBehind = max(s.RowBehind, r.RowBehind), max(s.ShownBehind, r.ShownBehind)
			s.Settled, s.RowDrift, s.ShownDrift = max(s.Settled, r.Settled), max(s.RowDrift, r.RowDrift), max(s.ShownDrift, r.ShownDrift)
		}
		out = append(out, s)
	}
	return out
}

// Print writes two tables in Markdown: what a like costs without a fault, and what the counts show with each.
func Print(out io.Writer, all []*Result) {
	all = Summarize(all)
	fmt.Fprint(out, "| way | load | likes/s | p50, p99 ms | process, PostgreSQL, Redis µs a like | others |\n|---|---|---|---|---|---|\n")
	for _, r := range all {
		if r.Fault == Faults[0].Name {
			fmt.Fprintf(out, "| %s | %s | %.0f | %.1f, %.1f | %.0f, %.0f, %.0f | %.1f |\n", r.Way, r.Load, r.PerSecond, r.P50, r.P99,
				r.Process, r.Postgres, r.Redis, r.Others)
		}
	}
	fmt.Fprint(out, "\n| way | load | fault | likes | rows behind, at most ms | rows right after ms | reads | shown behind, at most ms | "+
		"steps back | drift of rows, of what is shown |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range all {
		fmt.Fprintf(out, "| %s | %s | %s | %d | %.0f | %.0f | %d | %.0f | %d | %d, %d |\n", r.Way, r.Load, r.Fault, r.Likes, r.RowBehind,
			r.Settled, r.Reads, r.ShownBehind, r.Back, r.RowDrift, r.ShownDrift)
	}
}
