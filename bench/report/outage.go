package report

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// Outage is what requests met while PostgreSQL did not answer, under the load that the node answers otherwise.
type Outage struct {
	// Seconds is how long PostgreSQL did not answer.
	Seconds float64 `json:"seconds"`
	// Stopped is how many seconds after the start of the load it stopped.
	Stopped float64 `json:"stopped_s"`
	// Independent are requests that need nothing of PostgreSQL, Dependent those that do.
	Independent []Weathered `json:"independent"`
	Dependent   Weathered   `json:"dependent"`
	// Shed is for how long 99 of 100 dependent requests without a good answer waited for their refusal, in milliseconds, at most until
	// PostgreSQL returned. Held is the most dependent requests that waited at one time when each had waited for longer than MaxShed:
	// those whose statements were sent, as many as there are connections, are no excess.
	Shed float64 `json:"shed_p99_ms"`
	Held int     `json:"held"`
	// Back is how long after PostgreSQL returned the throughput was Recovered times that of before, in milliseconds; -1 if it was
	// not, until the end of the load.
	Back float64 `json:"back_ms"`
}

// Weathered are requests of one kind.
type Weathered struct {
	Name string  `json:"name"`
	Rate float64 `json:"rate"` // offered a second
	// P99Before and P99During are in milliseconds, of all requests; one without a good answer counts as infinitely late, -1 here.
	P99Before float64 `json:"p99_before_ms"`
	P99During float64 `json:"p99_during_ms"`
	// Good answers a second before, during and after the outage.
	Before float64 `json:"good_before"`
	During float64 `json:"good_during"`
	After  float64 `json:"good_after"`
	// Refused and Broken count requests that became due during the outage.
	Refused int64 `json:"refused"`
	Broken  int64 `json:"broken"`
	// Series are good answers in each tenth of a second, by the time of the answer, from the start of the load.
	Series []float64 `json:"series"`
}

// The bounds of an outage.
const (
	// MaxSlowdown bounds the p99 of independent requests, as a multiple of that before.
	MaxSlowdown = 3
	// MaxShed bounds Outage.Shed, MaxBack bounds Outage.Back, in milliseconds.
	MaxShed, MaxBack = 100, 1000
	// MaxHeld bounds Outage.Held: Roost opens 32 connections on two processors.
	MaxHeld = 32
	// Recovered is which part of the throughput before must be back.
	Recovered = 0.9
)

// Never is the latency of a request without a good answer, in an Outage.
const Never = -1

func (o *Outage) print(out io.Writer) error {
	fmt.Fprintf(out, "\nPostgreSQL stopped for %.1f s under load. Requests that need it were refused within %s ms (p99, at most %d); "+
		"up to %d waited for longer at one time (at most %d). Throughput back within %s ms (at most %d).\n",
		o.Seconds, millis(o.Shed), MaxShed, o.Held, MaxHeld, millis(o.Back), MaxBack)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "requests\tneed it\toffered/s\tgood/s before\tduring\tafter\tp99 ms before\tduring\ttimes\trefused\tbroken\t")
	for _, k := range append(o.Independent[:len(o.Independent):len(o.Independent)], o.Dependent) {
		need := "no"
		if k.Name == o.Dependent.Name {
			need = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%s\t%s\t%s\t%d\t%d\t\n", k.Name, need, k.Rate, k.Before, k.During, k.After,
			millis(k.P99Before), millis(k.P99During), times(k.slowdown()), k.Refused, k.Broken)
	}
	return w.Flush()
}

// cell is the outage in a line of the table in docs/performance.md: the largest slowdown of an independent kind, after how many
// ms dependent requests were refused, and after how many ms the throughput was back.
func (o *Outage) cell() string {
	if o == nil {
		return "-"
	}
	slowest := 0.0
	for _, k := range o.Independent {
		slowest = max(slowest, k.slowdown())
	}
	return fmt.Sprintf("%s, %s, %s", times(slowest), millis(o.Shed), millis(o.Back))
}

// slowdown is the p99 during the outage as a multiple of that before; infinite if either is Never.
func (k Weathered) slowdown() float64 {
	if k.P99Before <= 0 || k.P99During < 0 {
		return math.Inf(1)
	}
	return k.P99During / k.P99Before
}

// millis is a latency in milliseconds as text.
func millis(ms float64) string {
	if ms < 0 {
		return "never"
	}
	return fmt.Sprintf("%.1f", ms)
}

func times(factor float64) string {
	if math.IsInf(factor, 1) {
		return "-"
	}
	return fmt.Sprintf("%.1f", factor)
}

// Breach returns an error that names each bound that did not hold. A nil Outage was not measured, and has none.
func (o *Outage) Breach() error {
	if o == nil {
		return nil
	}
	var bad []string
	for _, k := range o.Independent {
		if k.P99Before < 0 {
			bad = append(bad, fmt.Sprintf("already before, more than 1 of 100 requests of %s were refused: the machine has too much else to do",
				k.Name))
		} else if !(k.slowdown() <= MaxSlowdown) {
			bad = append(bad, fmt.Sprintf("the p99 of %s, which needs nothing of PostgreSQL, went from %s to %s ms, more than %d times",
				k.Name, millis(k.P99Before), millis(k.P99During), MaxSlowdown))
		}
	}
	if o.Shed < 0 || o.Shed > MaxShed {
		bad = append(bad, fmt.Sprintf("99 of 100 refused requests that need PostgreSQL waited up to %s ms for their refusal, more than %d",
			millis(o.Shed), MaxShed))
	}
	if o.Held > MaxHeld {
		bad = append(bad, fmt.Sprintf("%d requests that need PostgreSQL waited for longer than %d ms at one time, more than %d",
			o.Held, MaxShed, MaxHeld))
	}
	if o.Back < 0 || o.Back > MaxBack {
		bad = append(bad, fmt.Sprintf("the throughput of %s was back %s ms after PostgreSQL, not within %d",
			o.Dependent.Name, millis(o.Back), MaxBack))
	}
	if len(bad) == 0 {
		return nil
	}
	return errors.New("outage: " + strings.Join(bad, "; "))
}
