package report

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// Tolerance is how far the ratios of two runs of the same code may be apart.
const Tolerance = 0.15

// Compare writes the ratios of two runs side by side, and reports whether each pair is within the
// tolerance. A measurement that only one run has agrees with nothing.
func Compare(out io.Writer, a, b *Results, tolerance float64) (agree bool, err error) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "operation\tload\tratio\tother run\tapart\t\t\n")
	agree = true
	seen := map[string]bool{}
	for _, m := range a.Measurements {
		seen[m.Name()] = true
		other := b.find(m.Name())
		if other == nil {
			fmt.Fprintf(w, "%s\t%s\t%.2f\t-\t-\tMISSING\t\n", m.Operation, m.Load, m.Ratio)
			agree = false
			continue
		}
		d := apart(m.Ratio, other.Ratio)
		verdict := "ok"
		if !(d <= tolerance) {
			verdict, agree = "APART", false
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%.1f%%\t%s\t\n", m.Operation, m.Load, m.Ratio, other.Ratio, 100*d, verdict)
	}
	for _, m := range b.Measurements {
		if !seen[m.Name()] {
			fmt.Fprintf(w, "%s\t%s\t-\t%.2f\t-\tMISSING\t\n", m.Operation, m.Load, m.Ratio)
			agree = false
		}
	}
	return agree, w.Flush()
}

// apart is how much larger the larger ratio is; infinite if one is not positive.
func apart(a, b float64) float64 {
	if !(a > 0 && b > 0) {
		return math.Inf(1)
	}
	return max(a, b)/min(a, b) - 1
}

// Name is the operation and the load.
func (m Measurement) Name() string { return m.Operation + " " + m.Load }

func (r *Results) find(name string) *Measurement {
	for i := range r.Measurements {
		if r.Measurements[i].Name() == name {
			return &r.Measurements[i]
		}
	}
	return nil
}
