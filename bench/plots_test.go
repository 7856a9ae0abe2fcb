package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"roost/bench/report"
	"roost/bench/shares"
)

// Only a run that measures everything replaces the figures of the documents.
func TestFiguresOfAPartAreKeptApart(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		filepath.Join("docs", "performance"): {"-out", "results/a.json"},
		filepath.Join("results", "b"):        {"-out", "results/b.json", "-ops", "home"},
		filepath.Join("results", "c"):        {"-out", "results/c.json", "-short"},
		"elsewhere":                          {"-out", "results/d.json", "-plots", "elsewhere"},
	} {
		s, _, err := parse(args)
		if err != nil || s.plotsDir() != want {
			t.Errorf("%v: figures go to %q, %v; want %q", args, s.plotsDir(), err, want)
		}
	}
}

// The page shows every figure of a full run, and no other.
func TestDocumentsShowTheFiguresOfAFullRun(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"outage", "ratios", "shares"}
	for _, op := range operations {
		undrawn := []string{replayOperation, visitsOperation, logOperation, crowdOperation, growthOperation, trackingOperation,
			sizesOperation, outageOperation}
		if !slices.Contains(undrawn, op) && !strings.HasPrefix(op, "home-") {
			want = append(want, "flame-"+op)
		}
	}
	var shown []string
	for _, m := range regexp.MustCompile(`<img width="100%" alt="[^"]+" src="performance/([^"]+)\.svg">`).FindAllSubmatch(text, -1) {
		shown = append(shown, string(m[1]))
		if _, err := os.Stat(filepath.Join("..", docsPlots, string(m[1])+".svg")); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(want)
	slices.Sort(shown)
	if !slices.Equal(shown, want) {
		t.Errorf("the page shows %v, a full run draws %v", shown, want)
	}
}

// Each operation has a flame graph, apart from variants of another one.
func TestFiguresOfARun(t *testing.T) {
	t.Parallel()
	p := &shares.Profile{}
	if err := p.Read(bytes.NewReader(someProfile(t))); err != nil {
		t.Fatal(err)
	}
	r := &report.Results{Outage: &report.Outage{Seconds: 5, Dependent: report.Weathered{Name: "home"}}}
	profiles := map[string]*shares.Profile{}
	for _, m := range []report.Measurement{
		{Operation: "home", Load: report.Closed}, {Operation: "home", Load: report.Open},
		{Operation: "home-gzip", Load: report.Closed, Encoding: "gzip"}, {Operation: "home-retweets", Load: report.Closed},
		{Operation: "home uncached", Load: report.Closed}, {Operation: "sockets", Load: report.Sockets},
		{Operation: "log", Load: report.Closed},
	} {
		m.Ratio = 2
		if m.Load != report.Open && m.Operation != "log" {
			m.Parts = partsOf(p, 70)
			profiles[m.Operation] = p
		}
		r.Measurements = append(r.Measurements, m)
	}
	var names []string
	for _, d := range plots(r, profiles) {
		names = append(names, d.name)
		if !bytes.HasPrefix(d.svg, []byte("<svg ")) {
			t.Errorf("%s begins with %.20s", d.name, d.svg)
		}
	}
	if want := []string{"flame-home", "flame-sockets", "shares", "ratios", "outage"}; !slices.Equal(names, want) {
		t.Errorf("the figures are %v, want %v", names, want)
	}
}
