package report

import (
	"bytes"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func sample(server, postgres, redis float64) Sample {
	return Sample{Requests: 10, PerSecond: 100, Server: server, Postgres: postgres, Redis: redis}
}

func measurement(operation string, ratios ...float64) Measurement {
	m := Measurement{Operation: operation, Load: Closed}
	for _, r := range ratios {
		m.Rounds = append(m.Rounds, Round{Roost: sample(50*r, 40*r, 10*r), Baseline: sample(60, 0, 40)})
	}
	m.Summarize()
	return m
}

func TestRatioIsTheMedianOfTheRounds(t *testing.T) {
	t.Parallel()
	m := measurement("home", 9, 2, 3, 2.5, 1)
	if m.Ratio != 2.5 || m.RatioLow != 1 || m.RatioHigh != 9 {
		t.Errorf("ratio %v (%v-%v), want 2.5 (1-9)", m.Ratio, m.RatioLow, m.RatioHigh)
	}
	if m.Roost.All() != 250 || m.Roost.Requests != 50 || m.Baseline.Server != 60 {
		t.Errorf("medians %+v, %+v", m.Roost, m.Baseline)
	}
	if even := measurement("home", 1, 2, 4, 8); even.Ratio != 3 {
		t.Errorf("the median of an even number is %v, want 3", even.Ratio)
	}
}

// crowd is a measurement of the memory of 10 sockets.
func crowd(peak float64) Measurement {
	m := Measurement{Operation: "crowd", Load: Memory, Sockets: 10, Rounds: []Round{{
		Roost:    Sample{Server: 50, KiB: 64, MiB: peak / 2, PeakMiB: peak},
		Baseline: Sample{Server: 1, KiB: 32, MiB: 10, PeakMiB: 20}}}}
	m.Summarize()
	return m
}

// The ratio of memory is that of a socket, whatever pushes took.
func TestMemory(t *testing.T) {
	t.Parallel()
	m := crowd(512)
	if m.Ratio != 2 || m.Roost.MiB != 256 || m.Roost.PeakMiB != 512 {
		t.Errorf("%+v", m)
	}
	if err := (&Results{Measurements: []Measurement{m}}).Breach(); err != nil {
		t.Error(err)
	}
	if err := (&Results{Measurements: []Measurement{m, crowd(MaxMiB + 1)}}).Breach(); err == nil {
		t.Error("more than the most is no breach")
	}
	// What a few sockets need drowns in what the server does anyway.
	m.Rounds[0].Baseline.KiB = -1
	if m.Summarize(); m.Ratio != 0 {
		t.Errorf("the ratio to a negative figure is %v", m.Ratio)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	run := func(all ...Measurement) *Results { return &Results{Measurements: all} }
	for name, c := range map[string]struct {
		a, b  *Results
		agree bool
		says  string
	}{
		"the same":     {run(measurement("home", 2)), run(measurement("home", 2)), true, "0.0%"},
		"within":       {run(measurement("home", 2)), run(measurement("home", 2.28)), true, "14.0%"},
		"within, down": {run(measurement("home", 2.28)), run(measurement("home", 2)), true, "14.0%"},
		"apart":        {run(measurement("home", 2)), run(measurement("home", 2.4)), false, "APART"},
		"one of two": {run(measurement("home", 2), measurement("react", 2)), run(measurement("home", 2), measurement("react", 1)), false,
			"APART"},
		"missing": {run(measurement("home", 2), measurement("react", 2)), run(measurement("home", 2)), false, "MISSING"},
		"more":    {run(measurement("home", 2)), run(measurement("home", 2), measurement("react", 2)), false, "MISSING"},
		"nothing": {run(measurement("home", 0)), run(measurement("home", 0)), false, "APART"},
	} {
		var out bytes.Buffer
		agree, err := Compare(&out, c.a, c.b, Tolerance)
		if err != nil || agree != c.agree || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: agree %v, %v, want %v and %q in\n%s", name, agree, err, c.agree, c.says, out.String())
		}
	}
}

func TestResultsComeBack(t *testing.T) {
	t.Parallel()
	r := &Results{Commit: "abc", Data: "real", Measurements: []Measurement{measurement("home", 2, 3), measurement("viral", 1)}}
	path := filepath.Join(t.TempDir(), "a", "b.json")
	if err := r.Save(path); err != nil {
		t.Fatal(err)
	}
	back, err := Read(path)
	if err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("%+v, %v; want %+v", back, err, r)
	}
	empty := filepath.Join(t.TempDir(), "empty.json")
	if err := (&Results{}).Save(empty); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(empty); err == nil {
		t.Error("a file without measurements is read")
	}
}

func TestTablesTellOfABusyMachine(t *testing.T) {
	t.Parallel()
	quiet, busy := measurement("home", 2), measurement("react", 2)
	busy.Baseline.Others = 0.7
	sockets, crowd := measurement("sockets", 2), crowd(512)
	sockets.Load = Sockets
	var out bytes.Buffer
	if err := (&Results{Measurements: []Measurement{quiet, busy, sockets, crowd}}).Print(&out); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "react closed (0.7)") || strings.Contains(text, "home closed (") ||
		strings.Count(text, "KiB/socket") != 2 ||
		!strings.Contains(text, " 50%") || strings.Count(text, "crowd") != 3 ||
		!strings.Contains(text, "Ratios above their goals: home 2.00 (at most 0.6), sockets 2.00 (at most 1.6), crowd 2.00 (at most 1.5).") {
		t.Errorf("printed\n%s", text)
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	r := &Results{Measurements: []Measurement{measurement("home", 2), measurement("viral", 3), measurement("log", 4), crowd(900),
		measurement("home-zstd", 2)}, Outage: goodOutage()}
	r.Measurements[4].Roost.Bytes = 6500
	const want = "| 0001-01-01 |  | 100, 0.00, 200, 2.00 | - | - | - | 100, 0.00, 300, 3.00 | - | 100, 400, 4.00 | - | - | " +
		"900, 64.0, 2.00 | - | - | 6500, 200, 2.00 | 2.2, 60.0, 200.0 |"
	if got := r.Line(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
