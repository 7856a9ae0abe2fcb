package report

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// The row of an operation holds its parts in the order of the columns, and they add up to the server's figure.
func TestPartsAddUp(t *testing.T) {
	t.Parallel()
	m := measurement("home", 2)
	m.Parts = []Part{{"net/http", 12.5}, {"engine", 80}, {"runtime", 7.5}}
	var out bytes.Buffer
	if err := (&Results{Measurements: []Measurement{measurement("log", 2), m}}).printParts(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || strings.Join(strings.Fields(lines[1]), " ") != "operation net/http engine runtime = server pg redis = all" {
		t.Fatalf("printed\n%s", out.String())
	}
	fields := strings.Fields(lines[2])
	if fields[0] != "home" || len(fields) != 8 {
		t.Fatalf("the row is %q", lines[2])
	}
	var figures []float64
	for _, f := range fields[1:] {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			t.Fatal(err)
		}
		figures = append(figures, v)
	}
	if sum := figures[0] + figures[1] + figures[2]; sum != figures[3] || figures[3]+figures[4]+figures[5] != figures[6] {
		t.Errorf("the figures do not add up: %v", figures)
	}
	out.Reset()
	if err := (&Results{Measurements: []Measurement{measurement("log", 2)}}).printParts(&out); err != nil || out.Len() > 0 {
		t.Errorf("without parts %q is printed, %v", out.String(), err)
	}
}
