// Command roost is a GraphQL backend for social timelines, in one binary.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// A command is one of roost's subcommands.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, out io.Writer) error
}

func commands() []command {
	return []command{
		{"serve", "run the API (also without a command)", serve},
		{"migrate", "bring a PostgreSQL database to this binary's schema: up, status", migrate},
		{"import", "import users, follows, tweets and likes from the files in a directory", importFiles},
		{"events", "look at consumer groups and dead letters, retry, replay", eventLog},
		{"healthcheck", "ask a running node whether it is ready", healthcheck},
		{"version", "tell the version", version},
	}
}

// errUsage says that the command line was wrong; what is wrong has been said.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "roost:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 || (len(args[0]) > 0 && args[0][0] == '-' && args[0] != "-h" && args[0] != "--help" && args[0] != "-help") {
		return serve(ctx, args, out)
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], out)
		}
	}
	usage(out)
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return nil
	}
	fmt.Fprintf(os.Stderr, "roost: there is no command %q\n", args[0])
	return errUsage
}

func usage(out io.Writer) {
	fmt.Fprintln(out, "roost serves social timelines over GraphQL.")
	fmt.Fprintln(out, "\nUsage: roost [command] [flags]")
	fmt.Fprintln(out)
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-12s %s\n", c.name, c.summary)
	}
	fmt.Fprintln(out, "\nEvery flag can be set as a variable: --data-dir is ROOST_DATA_DIR. `roost COMMAND --help` tells all flags.")
}

// flags makes the flag set of a command.
func flags(name, args string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "Usage: roost %s %s\n\n", name, args)
		f.PrintDefaults()
	}
	return f
}

// badFlags tells in one line what is wrong with a command line, and gives it an exit code of its own. Who
// asked for help gets all flags.
func badFlags(f *flag.FlagSet, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		f.SetOutput(os.Stdout)
		f.Usage()
		return err
	}
	fmt.Fprintf(os.Stderr, "roost: %v (see `roost %s --help`)\n", err, f.Name())
	return errUsage
}
