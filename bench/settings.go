package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Settings are how to measure. They stand in the results, so that a run can be repeated.
type Settings struct {
	Operations  string        `json:"operations"`
	Rounds      int           `json:"rounds"`
	Duration    time.Duration `json:"duration_ns"`
	Warm        time.Duration `json:"warm_ns"`
	Connections int           `json:"connections"`
	Rate        float64       `json:"rate"`
	Viewers     int           `json:"viewers"`
	Sockets     int           `json:"sockets"`
	Likes       float64       `json:"likes"`
	Loads       string        `json:"loads"`

	out     string
	profile string
	compare bool
	short   bool
	data    string
}

// socketsOperation is the name of the operation that package ops does not have.
const socketsOperation = "sockets"

var operations = []string{"home", "profile", "summaries", "react", "viral", socketsOperation}

// short is for CI: it shows that everything works and that the answers are right, no more.
var short = Settings{Rounds: 1, Duration: 300 * time.Millisecond, Warm: 100 * time.Millisecond, Connections: 8, Viewers: 16, Sockets: 100}

func parse(args []string) (*Settings, []string, error) {
	s := &Settings{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(f.Output(), "Usage: bench [flags]                 measures, prints tables and writes the results as JSON\n"+
			"       bench -profile DIR -ops OP    puts load on one operation and leaves profiles of the roost process\n"+
			"       bench -compare A.json B.json  compares the ratios of two runs; fails if they are too far apart\n\n")
		f.PrintDefaults()
	}
	f.StringVar(&s.Operations, "ops", strings.Join(operations, ","), "`operations` to measure, separated by commas")
	f.StringVar(&s.Loads, "loads", "closed,open", "how to put load on requests: closed, open or both")
	f.IntVar(&s.Rounds, "rounds", 5, "rounds; each measures both targets, the order alternates")
	f.DurationVar(&s.Duration, "duration", 3*time.Second, "how long a round measures a target; sockets twice as long")
	f.DurationVar(&s.Warm, "warm", 500*time.Millisecond, "how long load runs before it is measured")
	f.IntVar(&s.Connections, "conns", 32, "connections of a loop")
	f.Float64Var(&s.Rate, "rate", 0, "requests a second of the open loop; 0 is the operation's own default")
	f.IntVar(&s.Viewers, "viewers", 256, "signed-in users who ask, drawn among those with at least 20 entries")
	f.IntVar(&s.Sockets, "sockets", 1000, "sockets on one tweet's counts")
	f.Float64Var(&s.Likes, "likes", 5, "likes a second of that tweet")
	f.StringVar(&s.out, "out", "", "`file` for the results; by default bench/results/TIME.json")
	f.StringVar(&s.profile, "profile", "", "`directory` to leave profiles in, instead of measuring")
	f.BoolVar(&s.compare, "compare", false, "compare two files of results instead of measuring")
	f.StringVar(&s.data, "data", "", "`directory` with the data to import; by default ROOST_DATASET, then ../shared/data/epinions-hn, else made-up data of that size")
	f.BoolVar(&s.short, "short", false, "one short round on a small made-up data set: shows that everything works; the figures mean nothing")
	if err := f.Parse(args); err != nil {
		return nil, nil, err
	}
	if s.short {
		given := map[string]bool{}
		f.Visit(func(fl *flag.Flag) { given[fl.Name] = true })
		s.shorten(given)
	}
	return s, f.Args(), s.check()
}

// shorten takes the short values for what was not given.
func (s *Settings) shorten(given map[string]bool) {
	for name, set := range map[string]func(){
		"rounds": func() { s.Rounds = short.Rounds }, "duration": func() { s.Duration = short.Duration },
		"warm": func() { s.Warm = short.Warm }, "conns": func() { s.Connections = short.Connections },
		"viewers": func() { s.Viewers = short.Viewers }, "sockets": func() { s.Sockets = short.Sockets },
	} {
		if !given[name] {
			set()
		}
	}
}

func (s *Settings) check() error {
	var bad []error
	for op := range strings.SplitSeq(s.Operations, ",") {
		if !slices.Contains(operations, op) {
			bad = append(bad, fmt.Errorf("-ops: there is no %q, only %s", op, strings.Join(operations, ", ")))
		}
	}
	for load := range strings.SplitSeq(s.Loads, ",") {
		if load != "closed" && load != "open" {
			bad = append(bad, fmt.Errorf("-loads: there is no %q", load))
		}
	}
	if s.Rounds < 1 || s.Connections < 1 || s.Viewers < 1 || s.Sockets < 1 || s.Duration <= 0 || s.Warm < 0 || s.Rate < 0 || s.Likes <= 0 {
		bad = append(bad, errors.New("counts, rates and durations must be positive"))
	}
	if s.Connections > s.Viewers {
		// Each connection of the viral operation switches reactions of viewers of its own.
		bad = append(bad, fmt.Errorf("-conns: %d are more than the %d viewers", s.Connections, s.Viewers))
	}
	if s.profile != "" && strings.Contains(s.Operations, ",") {
		bad = append(bad, errors.New("-profile wants one operation: -ops home"))
	}
	return errors.Join(bad...)
}

// wants reports whether an operation is to be measured.
func (s *Settings) wants(op string) bool {
	return slices.Contains(strings.Split(s.Operations, ","), op)
}

// puts reports whether a kind of load is to be put on.
func (s *Settings) puts(load string) bool { return slices.Contains(strings.Split(s.Loads, ","), load) }
