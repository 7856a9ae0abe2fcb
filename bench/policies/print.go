package policies

import (
	"fmt"
	"io"
	"time"
)

// Print writes two tables in Markdown: what policies cost without a fault, and what readers see with each.
func Print(out io.Writer, all []*Result) {
	fmt.Fprint(out, "| policy | reads/s | read p50, p99 ms | SQL, Redis a read | write p50, p99 ms | SQL, Redis a write |\n"+
		"|---|---|---|---|---|---|\n")
	for _, r := range all {
		if r.Fault == NoFault.Name {
			fmt.Fprintf(out, "| %s | %.0f | %.2f, %.2f | %.3f, %.3f | %.2f, %.2f | %.2f, %.2f |\n",
				r.Way, r.Reads.PerSecond, r.Reads.P50, r.Reads.P99,
				r.Reads.Statements, r.Reads.Trips, r.Writes.P50, r.Writes.P99, r.Writes.Statements, r.Writes.Trips)
		}
	}
	fmt.Fprint(out, "\n| policy | fault | reads | stale | longest ms | going back | of something unwritten |"+
		" longest behind a commit, ms | acknowledged writes | lost |\n"+
		"|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range all {
		v := r.Verdict
		fmt.Fprintf(out, "| %s | %s | %d | %d | %s | %d | %d | %s | %d | %d |\n", r.Way, r.Fault, v.Reads, v.Stale, millis(v.StaleFor), v.Back,
			v.Unwritten, millis(v.Behind), v.Writes, v.Lost)
	}
}

func millis(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond))
}
