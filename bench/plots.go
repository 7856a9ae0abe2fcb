package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"roost/bench/plot"
	"roost/bench/report"
	"roost/bench/shares"
)

// docsPlots is where a full run writes the figures that docs/performance.md shows.
var docsPlots = filepath.Join("docs", "performance")

// plotsDir returns the directory for the figures: the one that was asked for; that of the documents after a full run; otherwise one
// beside the results.
func (s *Settings) plotsDir() string {
	switch {
	case s.plots != "":
		return s.plots
	case !s.short && s.Operations == strings.Join(usual, ","):
		return docsPlots
	default:
		return strings.TrimSuffix(s.out, filepath.Ext(s.out))
	}
}

// smallest is the smallest share of a frame in a flame graph.
const smallest = 0.005

// drawing is a figure, and the name of its file.
type drawing struct {
	name string
	svg  []byte
}

// plots returns the figures of a run.
func plots(r *report.Results, profiles map[string]*shares.Profile) (out []drawing) {
	note := func(format string, args ...any) string {
		return fmt.Sprintf("%s, %s, ", r.Time.Format(time.DateOnly), r.Commit) + fmt.Sprintf(format, args...)
	}
	var bars []plot.Bar
	var ratios []plot.Ratio
	for _, m := range r.Measurements {
		uncached := strings.Contains(m.Operation, " ")
		if m.Load != report.Open && !uncached && m.Ratio > 0 {
			ratios = append(ratios, plot.Ratio{Name: m.Operation, Ratio: m.Ratio, Low: m.RatioLow, High: m.RatioHigh, Goal: report.Goals[m.Name()]})
		}
		if len(m.Parts) == 0 {
			continue
		}
		b := plot.Bar{Name: m.Operation}
		for _, p := range m.Parts {
			b.Parts = append(b.Parts, p.Micros)
		}
		b.Parts = append(b.Parts, m.Roost.Postgres, m.Roost.Redis)
		bars = append(bars, b)
		if p := profiles[m.Operation]; p != nil && !uncached && !strings.HasPrefix(m.Operation, "home-") { // variants of home
			out = append(out, flame(m.Operation, note("%.0f µs a request", m.Roost.Server), p))
		}
	}
	if len(bars) > 0 {
		names := shortNames()
		out = append(out, drawing{"shares", plot.Shares(plot.Text{Title: "Where a request's processor time goes", Note: note("µs")},
			append(names, plot.Stores...), bars)})
	}
	if len(ratios) > 0 {
		out = append(out, drawing{"ratios", plot.Ratios(plot.Text{Title: "Cost relative to the baseline", Note: note("logarithmic")}, ratios)})
	}
	if o := r.Outage; o != nil {
		out = append(out, drawing{"outage", outagePlot(o, note("answers in 0.1 s"))})
	}
	return out
}

func shortNames() (names []string) {
	for _, p := range shares.Parts {
		names = append(names, p.Short)
	}
	return names
}

// flame draws where the server's time goes.
func flame(operation, note string, p *shares.Profile) drawing {
	legend := shortNames()
	for i, share := range p.Shares() {
		legend[i] += fmt.Sprintf(" %.0f %%", 100*share)
	}
	text := plot.Text{Title: operation + ": processor time of the server", Note: note}
	return drawing{"flame-" + operation, plot.Flame(text, p.Tree(smallest), legend)}
}

// outagePlot draws the good answers before, during and after an outage.
func outagePlot(o *report.Outage, note string) []byte {
	var all []plot.Series
	for _, k := range append(o.Independent[:len(o.Independent):len(o.Independent)], o.Dependent) {
		all = append(all, plot.Series{Name: fmt.Sprintf("%s, %.0f/s asked", k.Name, k.Rate), Values: k.Series})
	}
	return plot.Outage(plot.Text{Title: fmt.Sprintf("PostgreSQL stopped for %.1f s", o.Seconds), Note: note},
		o.Stopped/bucket.Seconds(), (o.Stopped+o.Seconds)/bucket.Seconds(), all)
}

// save writes the figures.
func save(dir string, all []drawing) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range all {
		if err := os.WriteFile(filepath.Join(dir, d.name+".svg"), d.svg, 0o644); err != nil {
			return err
		}
	}
	return nil
}
