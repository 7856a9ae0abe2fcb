package report

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"roost/internal/capacity"
)

// roost capacity reads what a run of the bench has saved.
func TestCapacityReadsResults(t *testing.T) {
	t.Parallel()
	tables := []TableSize{}
	for i, name := range []string{"users", "follows", "tweets", "reactions", "events"} {
		tables = append(tables, TableSize{name, 10, float64(100 + i)})
	}
	footprint := Footprint{Requests: 10, Server: 300, Postgres: 200, Redis: 100, Rows: 3, WALBytes: 400, Events: 1, Commands: 5,
		RedisBytes: 600, Body: 70}
	home, react, tweet := footprint, footprint, footprint
	home.Name, react.Name, tweet.Name = "home", "react", "tweet"
	r := &Results{Measurements: []Measurement{
		{Operation: "sockets", Load: Sockets, Roost: Sample{Server: 21, Others: 0.25}},
		{Operation: "deliveries", Load: Sockets, Roost: Sample{Server: 51}},
		{Operation: "crowd", Load: Memory, Roost: Sample{KiB: 33}},
		{Operation: "log", Load: Closed, Roost: Sample{PerSecond: 12_300}},
	}, Tracking: &Tracking{Rows: []TrackingRow{{Nodes: 1, TailBatched: 7.5, TailBatchedOwn: 8.5}}},
		Sizes: &Sizes{Population: Population{Users: 10, Follows: 30, Tweets: 10, TweetFollowers: 4}, Tables: tables,
			Entries: []EntrySize{{"u", 10, 60}, {"t", 10, 61}}, Requests: []Footprint{home, react, tweet}}}
	path := filepath.Join(t.TempDir(), "results.json")
	if err := r.Save(path); err != nil {
		t.Fatal(err)
	}
	f, err := capacity.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	in := capacity.Input{Users: 1, ActiveUsers: 1, Reads: 1, Tweets: 1, PeakTweets: 1, Reactions: 1, WarmDays: 1, Cores: 1,
		PostgresCores: 1, Utilization: 1}
	var out bytes.Buffer
	if err := capacity.Print(&out, in, f, "a test"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| 300 + 200 + 100 µs |", "| 51 + 0 + 0 µs |", "| 21 + 0 + 0 µs |", "| 33 KiB of", "12,300 events/s",
		"8.5 µs of the node, 7.5 µs of Redis", "used up to 0.25",
		"| 3 rows, 1 events, 400 B of WAL, 600 B to and from Redis |", "and answers 70 B", "| 60 B |", "| 61 B |",
		"| 101 B, 103 B, 104 B |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	out.Reset()
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "home        10        300  200") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
