package report

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Quiet is how many processors may work for others before figures count as taken on a busy machine.
const Quiet = 0.1

// Print writes the results as tables.
func (r *Results) Print(out io.Writer) error {
	disk := "without fsync"
	if r.Machine.Disk != "" {
		disk = "fsync on " + r.Machine.Disk
	}
	fmt.Fprintf(out, "\n%s, commit %s, %s data, %d x %s, %s, %s\n", r.Time.UTC().Format("2006-01-02 15:04 UTC"), r.Commit, r.Data,
		r.Machine.Processors, r.Machine.Model, r.Machine.Go, disk)
	fmt.Fprint(out, "Processor time in µs a request; ratio: Roost and its stores relative to the baseline in the same round, "+
		"median (range).\n"+
		"log: a request is an event, server the process that writes and handles it, latency from the commit to the effect.\n"+
		"Budgets of callers are off, except in the lines of \"budgets\".\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "operation\tload\ttarget\treq/s\tp50 ms\tp95 ms\tp99 ms\tserver\tpg\tredis\tall\tratio\tothers\t"
	for _, m := range r.Measurements {
		if m.Load == Sockets || m.Load == Memory {
			continue
		}
		if head != "" {
			fmt.Fprintln(w, head)
			head = ""
		}
		for _, t := range m.lines() {
			m.row(w, t)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := errors.Join(r.printSockets(out), r.printMemory(out), r.printHalf(out), r.printCompressed(out), r.printParts(out)); err != nil {
		return err
	}
	if r.Tracking != nil {
		if err := r.Tracking.print(out); err != nil {
			return err
		}
	}
	if r.Sizes != nil {
		if err := r.Sizes.print(out); err != nil {
			return err
		}
	}
	if r.Growth != nil {
		if err := r.Growth.print(out); err != nil {
			return err
		}
	}
	if r.Outage != nil {
		if err := r.Outage.print(out); err != nil {
			return err
		}
	}
	if missed := append(r.missed(), r.missedHalf()...); len(missed) > 0 {
		if _, err := fmt.Fprintf(out, "\nRatios above their goals: %s.\n", strings.Join(missed, ", ")); err != nil {
			return err
		}
	}
	if busy := r.busy(); len(busy) > 0 {
		_, err := fmt.Fprintf(out, "\nThe machine was busy with other things (more than %.1f processors): %s.\n", Quiet, strings.Join(busy, ", "))
		return err
	}
	return nil
}

func (m *Measurement) row(w io.Writer, t line) {
	load := m.Load
	if m.Rate > 0 {
		load = fmt.Sprintf("%s %g/s", load, m.Rate)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.0f\t%.0f\t%.0f\t%.0f\t%s\t%.2f\t\n", m.Operation, load, t.name,
		t.PerSecond, t.P50, t.P95, t.P99, t.Server, t.Postgres, t.Redis, t.All(), t.ratio, t.Others)
}

func (r *Results) printSockets(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "\noperation\tchanges/s\ttarget\tdeliveries/s\tarrived\tp50 ms\tp99 ms\tlast ms\tserver µs\tall µs\tratio\tKiB/socket\tothers\t"
	for _, m := range r.Measurements {
		if m.Load != Sockets {
			continue
		}
		if head != "" {
			fmt.Fprintln(w, head)
			head = ""
		}
		for _, t := range m.lines() {
			fmt.Fprintf(w, "%s\t%g\t%s\t%.0f\t%.1f%%\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%s\t%.1f\t%.2f\t\n", m.Operation, m.Rate, t.name, t.PerSecond,
				100*t.Arrived, t.P50, t.P99, t.Last, t.Server, t.All(), t.ratio, t.KiB, t.Others)
		}
	}
	return w.Flush()
}

// line holds the figures of one target in a table.
type line struct {
	name, ratio string
	Sample
}

func (m *Measurement) lines() []line {
	return []line{{"roost", fmt.Sprintf("%.2f (%.2f-%.2f)", m.Ratio, m.RatioLow, m.RatioHigh), m.Roost}, {"baseline", "1", m.Baseline}}
}

// MaxMiB is the most memory, in MiB, that a node may hold in a memory measurement, which has 10,000 sockets by default.
const MaxMiB = 1024

func (r *Results) printMemory(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := fmt.Sprintf("\noperation\tsockets\ttarget\tKiB/socket\tratio\tidle MiB\tpeak MiB\t"+
		"of %d\tdeliveries/s\tp99 ms\tlast ms\tall µs\tothers\t", MaxMiB)
	for _, m := range r.Measurements {
		if m.Load != Memory {
			continue
		}
		if head != "" {
			fmt.Fprintln(w, head)
			head = ""
		}
		for _, t := range m.lines() {
			fmt.Fprintf(w, "%s\t%d\t%s\t%.1f\t%s\t%.0f\t%.0f\t%.0f%%\t%.0f\t%.1f\t%.1f\t%.1f\t%.2f\t\n", m.Operation, m.Sockets, t.name,
				t.KiB, t.ratio, t.MiB, t.PeakMiB, 100*t.PeakMiB/MaxMiB, t.PerSecond, t.P99, t.LastMax, t.All(), t.Others)
		}
	}
	return w.Flush()
}

// Breach returns an error if Roost held more memory than MaxMiB.
func (r *Results) Breach() error {
	var all []error
	for _, m := range r.Measurements {
		if m.Load == Memory && m.Roost.PeakMiB > MaxMiB {
			all = append(all, fmt.Errorf("%s: roost held %.0f MiB with %d sockets, more than %d", m.Operation, m.Roost.PeakMiB, m.Sockets, MaxMiB))
		}
	}
	return errors.Join(all...)
}

// missed returns the ratios that are above their goals.
func (r *Results) missed() (out []string) {
	for _, m := range r.Measurements {
		if goal := Goals[m.Name()]; goal > 0 && m.Ratio > goal {
			out = append(out, fmt.Sprintf("%s %.2f (at most %g)", m.Operation, m.Ratio, goal))
		}
	}
	return out
}

// busy returns the names of the measurements during which the machine did other work.
func (r *Results) busy() (out []string) {
	for _, m := range r.Measurements {
		if n := max(m.Roost.Others, m.Baseline.Others); n > Quiet {
			out = append(out, fmt.Sprintf("%s %s (%.1f)", m.Operation, m.Load, n))
		}
	}
	return out
}

func compressedCell(m *Measurement) string {
	return fmt.Sprintf("%.0f, %.0f, %.2f", m.Roost.Bytes, m.Roost.All(), m.Ratio)
}

// Line returns the run as a line of the table in docs/performance.md, without the column that says what changed. A figure
// that was not measured is a dash.
func (r *Results) Line() string {
	cells := []string{r.Time.UTC().Format("2006-01-02"), ""}
	for _, operation := range []string{"home", "profile", "summaries", "react", "viral"} {
		cell := "-"
		if m := r.find(operation + " " + Closed); m != nil {
			cell = fmt.Sprintf("%.0f, %.2f, %.0f, %.2f", m.Roost.PerSecond, m.Roost.P50, m.Roost.All(), m.Ratio)
		}
		cells = append(cells, cell)
	}
	for _, c := range []struct {
		name string
		text func(*Measurement) string
	}{
		{"sockets " + Sockets, func(m *Measurement) string {
			return fmt.Sprintf("%.1f, %.1f, %.2f, %.0f", m.Roost.P99, m.Roost.All(), m.Ratio, m.Roost.KiB)
		}},
		{"log " + Closed, func(m *Measurement) string {
			return fmt.Sprintf("%.0f, %.0f, %.2f", m.Roost.PerSecond, m.Roost.All(), m.Ratio)
		}},
		{"log " + Open, func(m *Measurement) string {
			return fmt.Sprintf("%.1f, %.1f, %.0f, %.2f", m.Roost.P50, m.Roost.P99, m.Roost.All(), m.Ratio)
		}},
		{"deliveries " + Sockets, func(m *Measurement) string {
			return fmt.Sprintf("%.0f, %.1f, %.1f, %.0f, %.2f", m.Roost.PerSecond, m.Roost.P50, m.Roost.P99, m.Roost.All(), m.Ratio)
		}},
		{"crowd " + Memory, func(m *Measurement) string {
			return fmt.Sprintf("%.0f, %.1f, %.2f", m.Roost.PeakMiB, m.Roost.KiB, m.Ratio)
		}},
		{"typename " + Closed, func(m *Measurement) string {
			return fmt.Sprintf("%.0f, %.2f, %.0f, %.2f", m.Roost.PerSecond, m.Roost.P50, m.Roost.All(), m.Ratio)
		}},
		{"home-gzip " + Closed, compressedCell}, {"home-zstd " + Closed, compressedCell},
	} {
		cell := "-"
		if m := r.find(c.name); m != nil {
			cell = c.text(m)
		}
		cells = append(cells, cell)
	}
	cells = append(cells, r.Outage.cell())
	return "| " + strings.Join(cells, " | ") + " |"
}
