// Package report stores the results of the benchmarks as JSON, prints them as tables for people, and compares two runs.
package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Results are one run of the benchmarks.
type Results struct {
	Time    time.Time `json:"time"`
	Machine Machine   `json:"machine"`
	// Commit is the commit of the repository, with a + if files have changed since.
	Commit   string `json:"commit"`
	Data     string `json:"data"` // "real" or "generated"
	Settings any    `json:"settings"`

	Measurements []Measurement `json:"measurements"`
	Outage       *Outage       `json:"outage,omitempty"`
	Tracking     *Tracking     `json:"tracking,omitempty"`
	Growth       *Growth       `json:"growth,omitempty"`
	Sizes        *Sizes        `json:"sizes,omitempty"`
}

// Machine is what the run ran on.
type Machine struct {
	Processors int    `json:"processors"`
	Model      string `json:"model"`
	Go         string `json:"go"`
	// Disk is the file system of PostgreSQL's data. It is empty if PostgreSQL does not wait for the disk.
	Disk string `json:"disk,omitempty"`
}

// The ways of putting load on.
const (
	Closed = "closed"
	Open   = "open"
	// Half is an open loop at half of the baseline's saturation; its figures are latencies.
	Half = "half"
	// Pass is a number of requests after a restart.
	Pass    = "pass"
	Sockets = "sockets"
	// Memory measures the memory that sockets need; its ratio compares the memory for each socket.
	Memory = "memory"
)

// Measurement is an operation under one kind of load.
type Measurement struct {
	Operation string `json:"operation"`
	Title     string `json:"title"`
	Load      string `json:"load"`
	// Rate is the rate of an open loop, in requests or changes a second.
	Rate float64 `json:"rate,omitempty"`
	// Sockets is how many were open.
	Sockets int `json:"sockets,omitempty"`
	// Encoding is the compression that the requests to Roost accept.
	Encoding string  `json:"encoding,omitempty"`
	Rounds   []Round `json:"rounds"`

	// The rest is made from the rounds by Summarize.

	Roost    Sample `json:"roost"`
	Baseline Sample `json:"baseline"`
	// Ratio is the median over the rounds of the processor time that Roost and its stores used for one
	// request, or of the memory of one socket, relative to the baseline in the same round. RatioLow and
	// RatioHigh are the extremes.
	Ratio     float64 `json:"ratio"`
	RatioLow  float64 `json:"ratio_low"`
	RatioHigh float64 `json:"ratio_high"`
	// Parts divide the processor time of Roost's server for one request; their sum is Roost.Server. There are none if no profile
	// was taken.
	Parts []Part `json:"parts,omitempty"`
}

// Part is what a part of the server costs a request, in µs.
type Part struct {
	Name   string  `json:"name"`
	Micros float64 `json:"us"`
}

// Goals are the ratios that Roost shall reach at most, by the names of the measurements.
var Goals = map[string]float64{
	"home " + Closed: 0.6, "profile " + Closed: 0.6, "summaries " + Closed: 0.8, "typename " + Closed: 1.6,
	"home-retweets " + Closed: 0.6, "visits " + Pass: 3, "sockets " + Sockets: 1.6, "deliveries " + Sockets: 2.2, "crowd " + Memory: 1.5,
}

// Round is one run against each target.
type Round struct {
	Roost    Sample `json:"roost"`
	Baseline Sample `json:"baseline"`
}

// Sample is one run against one target, or the medians of several. With sockets, a request is a delivery;
// with the log it is an event, and its latency is from the commit to the effect.
type Sample struct {
	Requests  int64   `json:"requests"`
	PerSecond float64 `json:"per_second"`
	// Latency in milliseconds.
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
	// Processor time of a request in microseconds.
	Server   float64 `json:"server_us"`
	Postgres float64 `json:"postgres_us"`
	Redis    float64 `json:"redis_us"`
	// Bytes is the mean size of a body as it came, and Encoded the part of the bodies that were compressed, 0 to 1.
	Bytes   float64 `json:"bytes,omitempty"`
	Encoded float64 `json:"encoded,omitempty"`
	// Others is how many processors worked for processes that are no part of the measurement.
	Others float64 `json:"others"`

	// Only with sockets: milliseconds until the last socket had received a push (median and longest), the part of the
	// expected deliveries that arrived, and the memory of a connection.
	Last    float64 `json:"last_ms,omitempty"`
	LastMax float64 `json:"last_max_ms,omitempty"`
	Arrived float64 `json:"arrived,omitempty"`
	KiB     float64 `json:"kib_per_socket,omitempty"`
	// Memory that the server held when all sockets were open, before anything was pushed to them, and the most
	// that it ever held.
	MiB     float64 `json:"mib,omitempty"`
	PeakMiB float64 `json:"peak_mib,omitempty"`
}

// All is the processor time of a request in the server and its stores.
func (s Sample) All() float64 { return s.Server + s.Postgres + s.Redis }

// ratio returns what Roost used, relative to the baseline; 0 when there is nothing to compare.
func (m *Measurement) ratio(r Round) float64 {
	roost, baseline := r.Roost.All(), r.Baseline.All()
	if m.Load == Memory {
		roost, baseline = r.Roost.KiB, r.Baseline.KiB
	}
	if roost <= 0 || baseline <= 0 {
		return 0
	}
	return roost / baseline
}

// Summarize makes the medians of the rounds.
func (m *Measurement) Summarize() {
	roost, baseline, ratios := make([]Sample, 0, len(m.Rounds)), make([]Sample, 0, len(m.Rounds)), make([]float64, 0, len(m.Rounds))
	for _, r := range m.Rounds {
		roost, baseline, ratios = append(roost, r.Roost), append(baseline, r.Baseline), append(ratios, m.ratio(r))
	}
	m.Roost, m.Baseline = medians(roost), medians(baseline)
	m.Ratio, m.RatioLow, m.RatioHigh = median(ratios), slices.Min(ratios), slices.Max(ratios)
}

// medians is the median of each figure by itself.
func medians(all []Sample) (out Sample) {
	for _, field := range []func(*Sample) *float64{
		func(s *Sample) *float64 { return &s.PerSecond }, func(s *Sample) *float64 { return &s.P50 },
		func(s *Sample) *float64 { return &s.P95 }, func(s *Sample) *float64 { return &s.P99 },
		func(s *Sample) *float64 { return &s.Server }, func(s *Sample) *float64 { return &s.Postgres },
		func(s *Sample) *float64 { return &s.Redis }, func(s *Sample) *float64 { return &s.Others },
		func(s *Sample) *float64 { return &s.Bytes }, func(s *Sample) *float64 { return &s.Encoded },
		func(s *Sample) *float64 { return &s.Last }, func(s *Sample) *float64 { return &s.LastMax },
		func(s *Sample) *float64 { return &s.Arrived }, func(s *Sample) *float64 { return &s.KiB },
		func(s *Sample) *float64 { return &s.MiB }, func(s *Sample) *float64 { return &s.PeakMiB },
	} {
		values := make([]float64, len(all))
		for i := range all {
			values[i] = *field(&all[i])
		}
		*field(&out) = median(values)
	}
	for _, s := range all {
		out.Requests += s.Requests
	}
	return out
}

// median returns the middle value, or the mean of the two in the middle; 0 without values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(values), cmp.Compare[float64])
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Save writes the results, and the directories above.
func (r *Results) Save(path string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("save the results: %w", err)
	}
	if err := os.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("save the results: %w", err)
	}
	return nil
}

// Read reads what Save wrote.
func Read(path string) (*Results, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Results{}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(r.Measurements) == 0 && r.Outage == nil && r.Tracking == nil && r.Growth == nil && r.Sizes == nil {
		return nil, errors.New(path + " holds no measurements")
	}
	return r, nil
}
