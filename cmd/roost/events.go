package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"roost/app"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/datadir"
)

// eventsCommand is one run of `roost events`.
type eventsCommand struct {
	app.Config
	out   io.Writer
	group string
	from  string
	limit int
	wait  bool

	admin app.EventAdmin
	// alone reports that no node runs on the database, so no group works on it.
	alone bool
}

const eventsUsage = "groups | dead [--group GROUP] | retry GROUP [SEQ|all] | replay GROUP --from SEQ|start | new-epoch  [flags]"

func eventLog(ctx context.Context, args []string, out io.Writer) (err error) {
	c := eventsCommand{out: out}
	f := flags("events", eventsUsage)
	c.StoreFlags(f)
	f.StringVar(&c.AdminAddr, "admin-addr", "", "admin `address` of the running roost whose embedded database this is about")
	f.StringVar(&c.group, "group", "", "dead: list only dead letters of this `group`")
	f.IntVar(&c.limit, "limit", 100, "dead: list at most this many letters")
	f.StringVar(&c.from, "from", "", "replay: the `seq` of the first event to handle again, or start")
	f.BoolVar(&c.wait, "wait", true, "replay: show the lag until the group has caught up")
	words, args := split(args)
	if err := parse(&c.Config, f, args); err != nil {
		return badFlags(f, err)
	}
	run, err := c.command(append(words, f.Args()...))
	if err != nil {
		return badFlags(f, err)
	}
	closeStores, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStores()) }()
	return run(ctx)
}

// split separates the words of a command line that come before its first flag from the rest.
func split(args []string) (words, rest []string) {
	for i, a := range args {
		if strings.HasPrefix(a, "-") {
			return args[:i:i], args[i:]
		}
	}
	return args, nil
}

// command returns the function that does what the words of the command line say. It fails when they are not valid.
func (c *eventsCommand) command(words []string) (func(context.Context) error, error) {
	name, rest := "", []string{}
	if len(words) > 0 {
		name, rest = words[0], words[1:]
	}
	switch {
	case name == "groups" && len(rest) == 0:
		return c.groups, nil
	case name == "dead" && len(rest) == 0:
		if c.limit < 1 || c.limit > 1000 {
			return nil, errors.New("--limit must be 1 to 1000")
		}
		return c.dead, nil
	case name == "new-epoch" && len(rest) == 0:
		return c.newEpoch, nil
	case name == "retry" && (len(rest) == 1 || len(rest) == 2):
		seq := int64(0)
		if len(rest) == 2 && rest[1] != "all" {
			var err error
			if seq, err = strconv.ParseInt(rest[1], 10, 64); err != nil || seq < 1 {
				return nil, fmt.Errorf("%q is neither the seq of an event nor all", rest[1])
			}
		}
		return func(ctx context.Context) error { return c.retry(ctx, rest[0], seq) }, nil
	case name == "replay" && len(rest) == 1:
		seq, err := strconv.ParseInt(c.from, 10, 64)
		if c.from == "start" {
			seq, err = 0, nil
		} else if err == nil && seq < 1 {
			err = errors.New("seqs begin with 1")
		}
		if err != nil {
			return nil, fmt.Errorf("--from must be the seq of an event or start, not %q", c.from)
		}
		return func(ctx context.Context) error { return c.replay(ctx, rest[0], seq) }, nil
	}
	return nil, errors.New("say `roost events " + eventsUsage + "`")
}

// connect opens the database. If a running roost has the embedded database open, connect prepares calls to that process.
func (c *eventsCommand) connect(ctx context.Context) (closeStores func() error, err error) {
	if !c.Server() {
		if _, err := os.Stat(filepath.Join(c.DataDir, app.DatabaseFile)); err != nil {
			return nil, fmt.Errorf("there is no embedded database in %s: name its --data-dir, or a --database-url", c.DataDir)
		}
	}
	stores, err := app.OpenStores(ctx, c.Config)
	if inUse, ok := errors.AsType[*datadir.InUseError](err); ok {
		if c.AdminAddr == "" {
			return nil, fmt.Errorf("a running roost uses the data directory %s; start it with --admin-addr and name that here, too",
				inUse.Dir)
		}
		c.admin = app.NewRemoteEvents(c.AdminAddr)
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	c.admin, c.alone = events.NewAdmin(stores.Client, stores.DB, clock.Real{}), !c.Server()
	return stores.Close, nil
}

func (c *eventsCommand) groups(ctx context.Context) error {
	all, err := c.admin.Groups(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(c.out, "there are no consumer groups yet")
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "GROUP\tPARTITIONS\tPOSITION\tLAG\tOLDEST\tRETRYING\tDEAD")
	for _, g := range all {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%d\t%d\n", g.Name, g.Partitions, g.Position, g.Lag, age(g.Oldest), g.Retrying, g.Dead)
	}
	return w.Flush()
}

// age formats how long ago something was.
func age(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return max(0, time.Since(at)).Round(time.Second).String()
}

func (c *eventsCommand) dead(ctx context.Context) error {
	all, err := c.admin.DeadLetters(ctx, c.group, c.limit)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(c.out, "there are no dead letters")
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "GROUP\tSEQ\tTYPE\tAGGREGATE\tATTEMPTS\tWRITTEN\tREASON")
	for _, d := range all {
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d\t%s\t%s\n", d.Group, d.Entry.Seq, d.Entry.Type, d.Entry.Aggregate, d.Attempts,
			d.Entry.At.UTC().Format(time.DateTime), strings.Join(strings.Fields(d.Reason), " "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(all) == c.limit {
		_, err = fmt.Fprintln(c.out, "there may be more, see --limit")
	}
	return err
}

func (c *eventsCommand) retry(ctx context.Context, group string, seq int64) error {
	n, err := c.admin.Retry(ctx, group, seq)
	if err != nil {
		return err
	}
	if n == 0 && seq != 0 {
		return fmt.Errorf("the group %q has no dead letter at %d", group, seq)
	}
	_, err = fmt.Fprintf(c.out, "%d dead letters of %s will be tried again%s\n", n, group, c.later())
	return err
}

func (c *eventsCommand) newEpoch(ctx context.Context) error {
	e, err := c.admin.NewEpoch(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "the log is in epoch %d from %d on; streams are reset and cached rows dropped%s\n",
		e.Number, e.Since, c.later())
	return err
}

// later returns the text that says when the command takes effect, if no node runs now.
func (c *eventsCommand) later() string {
	if c.alone {
		return " when roost runs"
	}
	return ""
}

func (c *eventsCommand) replay(ctx context.Context, group string, from int64) (err error) {
	position := from - 1
	if from == 0 {
		if position, err = c.admin.Start(ctx); err != nil {
			return err
		}
	}
	if err := c.admin.Replay(ctx, group, position); err != nil {
		return err
	}
	g, err := c.status(ctx, group)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s handles the events from %d on again%s\n", group, position+1, c.later())
	if err != nil || c.alone || !c.wait {
		return err
	}
	return c.follow(ctx, g)
}

func (c *eventsCommand) status(ctx context.Context, group string) (events.GroupStatus, error) {
	all, err := c.admin.Groups(ctx)
	if err != nil {
		return events.GroupStatus{}, err
	}
	for _, g := range all {
		if g.Name == group {
			return g, nil
		}
	}
	return events.GroupStatus{}, fmt.Errorf("%w %q", events.ErrNoGroup, group)
}

// showEvery is how often a command shows its progress.
const showEvery = 500 * time.Millisecond

// follow shows the lag until the group has reached what was the end of the log when the replay began.
func (c *eventsCommand) follow(ctx context.Context, g events.GroupStatus) (err error) {
	end, began, first := g.Position+g.Lag, time.Now(), g.Position
	tick := time.NewTicker(showEvery)
	defer tick.Stop()
	for g.Position < end {
		rate := float64(g.Position-first) / max(time.Since(began).Seconds(), 0.001)
		left := "?"
		if rate > 0 {
			left = time.Duration(float64(end-g.Position) / rate * float64(time.Second)).Round(time.Second).String()
		}
		fmt.Fprintf(os.Stderr, "\rlag %9d  %8.0f/s  %s left   ", g.Lag, rate, left)
		select {
		case <-tick.C:
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr)
			return errors.New("the replay continues without this command")
		}
		if g, err = c.status(ctx, g.Name); err != nil {
			return err
		}
	}
	fmt.Fprint(os.Stderr, "\r", strings.Repeat(" ", 50), "\r")
	_, err = fmt.Fprintf(c.out, "%s has caught up; %d to retry, %d dead\n", g.Name, g.Retrying, g.Dead)
	return err
}
