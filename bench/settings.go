package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"roost/bench/report"
)

// Settings say how to measure. They are part of the results, so that a run can be repeated.
type Settings struct {
	Operations  string        `json:"operations"`
	Rounds      int           `json:"rounds"`
	Duration    time.Duration `json:"duration_ns"`
	Warm        time.Duration `json:"warm_ns"`
	Connections int           `json:"connections"`
	Rate        float64       `json:"rate"`
	Viewers     int           `json:"viewers"`
	Visitors    int           `json:"visitors"`
	Sockets     int           `json:"sockets"`
	Likes       float64       `json:"likes"`
	Posts       float64       `json:"posts"`
	Crowd       int           `json:"crowd"`
	Loads       string        `json:"loads"`
	Outage      time.Duration `json:"outage_ns"`
	Fsync       bool          `json:"fsync"`
	Share       float64       `json:"share,omitempty"`

	out     string
	plots   string
	profile string
	compare bool
	// policies measures the policies of a cache instead of the operations.
	policies bool
	// reactions measures ways of counting reactions.
	reactions bool
	// overload measures goodput under more load than the server can bear.
	overload bool
	// beside measures what others meet beside likes of one tweet.
	beside bool
	// idle measures an idle node.
	idle  bool
	short bool
	data  string
}

// The names of the measurements of which ops.All has no operation, or only if it is asked for.
const (
	replayOperation     = "replay"
	retweetsOperation   = "home-retweets"
	visitsOperation     = "visits"
	logOperation        = "log"
	socketsOperation    = "sockets"
	deliveriesOperation = "deliveries"
	crowdOperation      = "crowd"
	growthOperation     = "growth"
	trackingOperation   = "tracking"
	sizesOperation      = "sizes"
	outageOperation     = "outage"
)

// requests returns the names of the operations over HTTP.
var requests = []string{"home", "profile", "summaries", "typename", "home-gzip", "home-zstd", "react", "viral", replayOperation}

var operations = append(slices.Clone(requests),
	retweetsOperation, visitsOperation, logOperation, socketsOperation, deliveriesOperation, crowdOperation, growthOperation,
	trackingOperation, sizesOperation, outageOperation)

// usual are the operations that are measured unless others are named.
var usual = slices.DeleteFunc(slices.Clone(operations), func(op string) bool {
	return slices.Contains([]string{replayOperation, growthOperation, trackingOperation, sizesOperation}, op)
})

// short holds the settings for CI, which only show that everything works and that the answers are right.
var short = Settings{Rounds: 1, Duration: 300 * time.Millisecond, Warm: 100 * time.Millisecond, Connections: 8, Viewers: 16,
	Visitors: 64, Sockets: 100,
	Crowd: 200, Outage: 500 * time.Millisecond}

func parse(args []string) (*Settings, []string, error) {
	s := &Settings{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(f.Output(), "Usage: bench [flags]                 measures, prints tables, writes results as JSON and figures as SVG\n"+
			"       bench -profile DIR -ops OP    puts load on one operation and leaves profiles of the roost process\n"+
			"       bench -policies               measures cache policies and what they show to readers, two minutes\n"+
			"       bench -reactions              measures ways of counting reactions, and what they show to readers, four minutes\n"+
			"       bench -overload -ops OP       measures goodput at 0.9 to 3 times what the server can do, a minute an operation\n"+
			"       bench -beside                 measures what others meet beside likes of one tweet, a minute\n"+
			"       bench -idle                   measures an idle node, and its stores, three minutes\n"+
			"       bench -compare A.json B.json  compares the ratios of two runs; fails if they are too far apart\n\n")
		f.PrintDefaults()
	}
	f.StringVar(&s.Operations, "ops", strings.Join(usual, ","), "`operations` to measure, separated by commas")
	f.StringVar(&s.Loads, "loads", "closed,open,half",
		"how to put load on requests: closed, open, and half (after closed: at half of the baseline's saturation)")
	f.IntVar(&s.Rounds, "rounds", 5, "rounds; each measures both targets, the order alternates")
	f.DurationVar(&s.Duration, "duration", 3*time.Second, "how long a round measures a target; sockets and deliveries twice as long")
	f.DurationVar(&s.Warm, "warm", 500*time.Millisecond, "how long load runs before it is measured")
	f.IntVar(&s.Connections, "conns", 32, "connections of a loop; writers of the log")
	f.Float64Var(&s.Rate, "rate", 0, "requests or events a second of the open loop; 0 is the operation's own default")
	f.IntVar(&s.Viewers, "viewers", 256, "signed-in users who ask, drawn among those with at least 20 entries")
	f.IntVar(&s.Visitors, "visitors", 2000, "signed-in users who ask once each in the operation visits")
	f.IntVar(&s.Sockets, "sockets", 1000,
		"sockets of the operations sockets (on one tweet's counts) and deliveries (half of them an author's fans)")
	f.Float64Var(&s.Likes, "likes", 3, "likes a second of that tweet; a node sends at most four states a second")
	f.Float64Var(&s.Posts, "posts", 2, "tweets a second of that author")
	f.IntVar(&s.Crowd, "crowd", 10_000, "sockets of the operation crowd, which has one round")
	f.Float64Var(&s.Share, "share", 0, "share of the replayed likes that goes to one tweet, 0 to 1")
	f.DurationVar(&s.Outage, "outage", 5*time.Second, "how long PostgreSQL is stopped in the operation outage")
	f.BoolVar(&s.Fsync, "fsync", false, "let PostgreSQL wait until commits are on the disk, as in production")
	f.StringVar(&s.out, "out", "", "`file` for the results; by default bench/results/TIME.json")
	f.StringVar(&s.plots, "plots", "",
		"`directory` for figures as SVG; by default docs/performance if everything is measured, else one beside the results")
	f.StringVar(&s.profile, "profile", "", "`directory` to leave profiles in, instead of measuring")
	f.BoolVar(&s.compare, "compare", false, "compare two files of results instead of measuring")
	f.BoolVar(&s.policies, "policies", false, "measure the policies of a cache instead; of the other flags only -short and -out count")
	f.BoolVar(&s.reactions, "reactions", false,
		"measure ways of counting reactions instead; of the other flags only -short, -out and -plots count")
	f.BoolVar(&s.overload, "overload", false, "measure goodput when more is asked than the server can do, instead; -ops and -duration count")
	f.BoolVar(&s.beside, "beside", false, "measure what others meet beside likes of one tweet, instead; -conns and -duration count")
	f.BoolVar(&s.idle, "idle", false, "measure an idle node instead, three minutes; of the other flags only -short counts")
	f.StringVar(&s.data, "data", "",
		"`directory` with the data to import; by default ROOST_DATASET, then ../shared/data/epinions-hn, else made-up data of that size")
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

// shorten replaces settings that were not set by the short ones.
func (s *Settings) shorten(given map[string]bool) {
	for name, set := range map[string]func(){
		"rounds": func() { s.Rounds = short.Rounds }, "duration": func() { s.Duration = short.Duration },
		"warm": func() { s.Warm = short.Warm }, "conns": func() { s.Connections = short.Connections },
		"viewers": func() { s.Viewers = short.Viewers }, "visitors": func() { s.Visitors = short.Visitors },
		"sockets": func() { s.Sockets = short.Sockets },
		"crowd":   func() { s.Crowd = short.Crowd }, "outage": func() { s.Outage = short.Outage },
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
		if !slices.Contains([]string{report.Closed, report.Open, report.Half}, load) {
			bad = append(bad, fmt.Errorf("-loads: there is no %q", load))
		}
	}
	if s.Rounds < 1 || s.Connections < 1 || s.Viewers < 1 || s.Visitors < 1 ||
		s.Sockets < 1 || s.Crowd < 2 || s.Duration <= 0 || s.Outage <= 0 ||
		s.Warm < 0 || s.Rate < 0 || s.Share < 0 || s.Share > 1 || s.Likes <= 0 || s.Posts <= 0 {
		bad = append(bad, errors.New("counts, rates and durations must be positive, and -share at most 1"))
	}
	if s.Connections > s.Viewers {
		// Each connection of the viral operation switches reactions of viewers of its own.
		bad = append(bad, fmt.Errorf("-conns: %d are more than the %d viewers", s.Connections, s.Viewers))
	}
	if s.profile != "" && !slices.Contains(requests, s.Operations) {
		bad = append(bad, errors.New("-profile needs one operation over HTTP, as in -ops home"))
	}
	return errors.Join(bad...)
}

// wants reports whether an operation is to be measured.
func (s *Settings) wants(op string) bool {
	return slices.Contains(strings.Split(s.Operations, ","), op)
}

// visitors returns how many visitors are needed.
func (s *Settings) visitors() int {
	if s.wants(visitsOperation) {
		return s.Visitors
	}
	return 0
}

// fans returns how many fans of an author are needed.
func (s *Settings) fans() int {
	if s.wants(deliveriesOperation) || s.wants(crowdOperation) {
		return s.Viewers
	}
	return 0
}

// puts reports whether a kind of load is wanted.
func (s *Settings) puts(load string) bool { return slices.Contains(strings.Split(s.Loads, ","), load) }
