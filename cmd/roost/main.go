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
		{"events", "show consumer groups and dead letters, retry, replay", eventLog},
		{"audit", "compare the cache, home timelines, or counts with the rows behind them, repair: cache, timelines, counts", auditCommand},
		{"users", "suspend a user or restore one, set a new password: suspend, restore, reset-password", usersCommand},
		{"tweets", "delete a tweet, whoever wrote it: delete", tweetsCommand},
		{"search", "make the index of search again: rebuild", searchCommand},
		{"capacity", "compute from measured figures what a site of a given size needs", capacityCommand},
		{"backup", "copy the embedded database into a file, also while a node runs on it", backup},
		{"healthcheck", "check whether a node is alive, or whether it is ready", healthcheck},
		{"version", "print the version", version},
	}
}

// errUsage reports that the command line was not valid. The message about it has been printed.
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

// untilSignal returns a context that ends with the first SIGINT or SIGTERM. After that, both signals have their default effect:
// a second one ends the process at once.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	came := make(chan os.Signal, 1)
	signal.Notify(came, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-came
		signal.Stop(came) // first, because an operator who sees the node drain may send the second signal
		cancel()
	}()
	return ctx
}

// oneLine returns the text of an error in one line, with the errors that are joined in it.
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
	fmt.Fprintln(out, "\nEvery flag can be set as a variable: --data-dir is ROOST_DATA_DIR. `roost COMMAND --help` lists all flags.")
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

// describe prints what a flag is for, and the variable that sets it when the command line does not.
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

// badFlags prints in one line what is wrong with a command line, and returns the error for its exit code. If the command line asks
// for help, it prints all flags instead.
func badFlags(f *flag.FlagSet, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		f.SetOutput(os.Stdout)
		f.Usage()
		return err
	}
	fmt.Fprintf(os.Stderr, "roost: %s (see `roost %s --help`)\n", oneLine(err), f.Name())
	return errUsage
}
