package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Quiet is how many processors may work for others before figures count as taken on a busy machine.
const Quiet = 0.1

// Print writes the results as tables.
func (r *Results) Print(out io.Writer) error {
	fmt.Fprintf(out, "\n%s, commit %s, %s data, %d x %s, %s\n", r.Time.UTC().Format("2006-01-02 15:04 UTC"), r.Commit, r.Data,
		r.Machine.Processors, r.Machine.Model, r.Machine.Go)
	fmt.Fprint(out, "Processor time in µs a request; ratio: Roost and its stores relative to the baseline in the same round, median (range).\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "operation\tload\ttarget\treq/s\tp50 ms\tp95 ms\tp99 ms\tserver\tpg\tredis\tall\tratio\tothers\t")
	for _, m := range r.Measurements {
		if m.Load == Sockets {
			continue
		}
		m.row(w, "roost", m.Roost, fmt.Sprintf("%.2f (%.2f-%.2f)", m.Ratio, m.RatioLow, m.RatioHigh))
		m.row(w, "baseline", m.Baseline, "1")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := r.printSockets(out); err != nil {
		return err
	}
	if busy := r.busy(); len(busy) > 0 {
		_, err := fmt.Fprintf(out, "\nThe machine was busy with other things (more than %.1f processors): %s.\n", Quiet, strings.Join(busy, ", "))
		return err
	}
	return nil
}

func (m *Measurement) row(w io.Writer, target string, s Sample, ratio string) {
	load := m.Load
	if m.Rate > 0 {
		load = fmt.Sprintf("%s %g/s", load, m.Rate)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.0f\t%.0f\t%.0f\t%.0f\t%s\t%.2f\t\n", m.Operation, load, target,
		s.PerSecond, s.P50, s.P95, s.P99, s.Server, s.Postgres, s.Redis, s.All(), ratio, s.Others)
}

func (r *Results) printSockets(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "\noperation\tlikes/s\ttarget\tdeliveries/s\tarrived\tp50 ms\tp99 ms\tlast ms\tserver µs\tall µs\tratio\tKiB/socket\tothers\t"
	for _, m := range r.Measurements {
		if m.Load != Sockets {
			continue
		}
		if head != "" {
			fmt.Fprintln(w, head)
			head = ""
		}
		for _, t := range []struct {
			name, ratio string
			Sample
		}{{"roost", fmt.Sprintf("%.2f (%.2f-%.2f)", m.Ratio, m.RatioLow, m.RatioHigh), m.Roost}, {"baseline", "1", m.Baseline}} {
			fmt.Fprintf(w, "%s\t%g\t%s\t%.0f\t%.1f%%\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%s\t%.1f\t%.2f\t\n", m.Operation, m.Rate, t.name, t.PerSecond,
				100*t.Arrived, t.P50, t.P99, t.Last, t.Server, t.All(), t.ratio, t.KiB, t.Others)
		}
	}
	return w.Flush()
}

// busy names the measurements during which the machine did other things.
func (r *Results) busy() (out []string) {
	for _, m := range r.Measurements {
		if n := max(m.Roost.Others, m.Baseline.Others); n > Quiet {
			out = append(out, fmt.Sprintf("%s %s (%.1f)", m.Operation, m.Load, n))
		}
	}
	return out
}

// Line is the run as a line of the table in docs/performance.md, without what changed; a figure that
// was not measured is a dash.
func (r *Results) Line() string {
	cells := []string{r.Time.UTC().Format("2006-01-02"), ""}
	for _, operation := range []string{"home", "profile", "summaries", "react", "viral"} {
		cell := "-"
		if m := r.find(operation + " " + Closed); m != nil {
			cell = fmt.Sprintf("%.0f, %.2f, %.0f, %.2f", m.Roost.PerSecond, m.Roost.P50, m.Roost.All(), m.Ratio)
		}
		cells = append(cells, cell)
	}
	cell := "-"
	if m := r.find("sockets " + Sockets); m != nil {
		cell = fmt.Sprintf("%.1f, %.1f, %.2f, %.0f", m.Roost.P99, m.Roost.All(), m.Ratio, m.Roost.KiB)
	}
	return "| " + strings.Join(append(cells, cell), " | ") + " |"
}
