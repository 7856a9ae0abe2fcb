package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// The most that latencies at half of the baseline's saturation may be, relative to the baseline's.
const (
	maxHalfP50 = 1.2
	maxHalfP95 = 1.5
)

// halfRatios returns p50 and p95 relative to the baseline: the medians over the rounds of the ratios within a round.
func (m *Measurement) halfRatios() (p50, p95 float64) {
	var all, high []float64
	for _, r := range m.Rounds {
		if r.Baseline.P50 > 0 && r.Baseline.P95 > 0 {
			all, high = append(all, r.Roost.P50/r.Baseline.P50), append(high, r.Roost.P95/r.Baseline.P95)
		}
	}
	return median(all), median(high)
}

// printHalf writes the latencies at half of the baseline's saturation.
func (r *Results) printHalf(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := true
	for _, m := range r.Measurements {
		if m.Load != Half {
			continue
		}
		if head {
			fmt.Fprintf(out, "\nLatency at half of the baseline's saturation; p50 shall be at most %g times, p95 at most %g times the baseline's.\n",
				maxHalfP50, maxHalfP95)
			fmt.Fprintln(w, "operation\trequests/s\tp50 ms\tbaseline\ttimes\tp95 ms\tbaseline\ttimes\t")
			head = false
		}
		p50, p95 := m.halfRatios()
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", m.Operation, m.Rate, m.Roost.P50, m.Baseline.P50, p50,
			m.Roost.P95, m.Baseline.P95, p95)
	}
	return w.Flush()
}

// missedHalf returns the latencies that are above their goals.
func (r *Results) missedHalf() (out []string) {
	for _, m := range r.Measurements {
		if m.Load != Half {
			continue
		}
		if p50, p95 := m.halfRatios(); p50 > maxHalfP50 || p95 > maxHalfP95 {
			out = append(out, fmt.Sprintf("%s p50 %.2f, p95 %.2f at half of the baseline's saturation (at most %g and %g)", m.Operation, p50, p95,
				maxHalfP50, maxHalfP95))
		}
	}
	return out
}
