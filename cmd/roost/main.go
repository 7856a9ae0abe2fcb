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
	"strings"
	"syscall"

	"roost/app"
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
		{"audit", "compare the cache with the database, repair: audit cache", auditCommand},
		{"backup", "copy the embedded database into a file, also while a node runs on it", backup},
		{"healthcheck", "ask a running node whether it lives, or whether it is ready", healthcheck},
		{"version", "tell the version", version},
	}
}

// errUsage says that the command line was wrong; what is wrong has been said.
var errUsage = errors.New("usage")

func main() {
	err := run(untilSignal(), os.Args[1:], os.Stdout)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "roost:", oneLine(err))
		os.Exit(1)
	}
}

// untilSignal gives a context that ends with the first SIGINT or SIGTERM. From then on they do what they do by
// themselves: a second one ends the process at once.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	came := make(chan os.Signal, 1)
	signal.Notify(came, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-came
		signal.Stop(came) // first: whoever sees that it drains may send the second
		cancel()
	}()
	return ctx
}

// oneLine is the text of an error, and of those joined in it.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-version") {
		return version(ctx, nil, out)
	}
	if len(args) == 0 || (len(args[0]) > 0 && args[0][0] == '-' && args[0] != "-h" && args[0] != "--help" && args[0] != "-help") {
		return serve(ctx, args, out)
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], out)
		}
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(out)
		return nil
	}
	fmt.Fprintf(os.Stderr, "roost: there is no command %q (see `roost help`)\n", args[0])
	return errUsage
}

func usage(out io.Writer) {
	fmt.Fprintln(out, "roost serves social timelines over GraphQL.")
	fmt.Fprintln(out, "\nUsage: roost [command] [flags]")
	fmt.Fprintln(out)
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-12s %s\n", c.name, c.summary)
	}
	fmt.Fprintln(out, "  --version    the same as version")
	fmt.Fprintln(out, "\nEvery flag can be set as a variable: --data-dir is ROOST_DATA_DIR. `roost COMMAND --help` tells all flags.")
}

// flags makes the flag set of a command.
func flags(name, args string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "Usage: roost %s %s\n\n", name, args)
		f.VisitAll(func(fl *flag.Flag) { describe(f.Output(), fl) })
	}
	return f
}

// describe tells what a flag is for, and the variable that sets it when it is not given.
func describe(out io.Writer, f *flag.Flag) {
	kind, text := flag.UnquoteUsage(f)
	fmt.Fprintf(out, "  %s\n      %s", strings.TrimSpace("--"+f.Name+" "+kind), text)
	if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "0s" {
		fmt.Fprintf(out, " (default %s)", f.DefValue)
	}
	fmt.Fprintf(out, "\n      %s\n", app.Variable(f.Name))
}

// parse reads the flags of a command that has a database.
func parse(c *app.Config, f *flag.FlagSet, args []string) error {
	if err := c.Parse(f, args); err != nil {
		return err
	}
	return c.CheckStores()
}

// badFlags tells in one line what is wrong with a command line, and gives it an exit code of its own. Who
// asked for help gets all flags.
func badFlags(f *flag.FlagSet, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		f.SetOutput(os.Stdout)
		f.Usage()
		return err
	}
	fmt.Fprintf(os.Stderr, "roost: %s (see `roost %s --help`)\n", oneLine(err), f.Name())
	return errUsage
}
