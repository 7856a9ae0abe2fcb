// Command bench compares Roost with a baseline, on the imported data in server mode. It measures throughput, latency, and the
// processor time that the server, PostgreSQL and Redis need for one request. docs/performance.md describes how and why. The
// flags are listed by `go run ./bench -h`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"roost/bench/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	s, rest, err := parse(args)
	switch {
	case err != nil:
		return err
	case s.compare:
		return compare(rest)
	case s.overload:
		return overload(ctx, s)
	case s.beside:
		return beside(ctx, s)
	case s.idle:
		return idle(ctx, s)
	case s.reactions:
		return compareReactions(ctx, s)
	case s.policies:
		return comparePolicies(ctx, s)
	case s.profile != "":
		return profile(ctx, s)
	default:
		return measure(ctx, s)
	}
}

func compare(paths []string) error {
	if len(paths) != 2 {
		return errors.New("-compare needs two files of results")
	}
	a, err := report.Read(paths[0])
	if err != nil {
		return err
	}
	b, err := report.Read(paths[1])
	if err != nil {
		return err
	}
	agree, err := report.Compare(os.Stdout, a, b, report.Tolerance)
	if err == nil && !agree {
		err = fmt.Errorf("the ratios of the two runs are more than %.0f%% apart", 100*report.Tolerance)
	}
	return err
}
