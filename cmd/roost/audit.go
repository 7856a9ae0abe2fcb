package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"roost/app"
	"roost/cache"
	"roost/cache/audit"
)

// auditCommand runs `roost audit`. Audits fail when they find differences, even if they have repaired them.
func auditCommand(ctx context.Context, args []string, out io.Writer) error {
	words, rest := split(args)
	name := ""
	if len(words) > 0 {
		name = words[0]
	}
	switch name {
	case "cache":
		return auditCache(ctx, words[1:], rest, out)
	case "timelines":
		return auditTimelines(ctx, words[1:], rest, out)
	case "counts":
		return auditCounts(ctx, words[1:], rest, out)
	}
	f := newAudited("audit", "cache | timelines | counts  [flags], of which each has more").flags
	err := f.Parse(rest)
	if !errors.Is(err, flag.ErrHelp) {
		err = errors.New("say `roost audit cache [flags]`, `roost audit timelines [flags]` or `roost audit counts [flags]`")
	}
	return badFlags(f, err)
}

// audited is what all audits have in common: the stores that are compared, and how it is shown.
type audited struct {
	app.Config
	flags *flag.FlagSet
	rate  int
	line  auditLine
}

// newAudited returns the flags that all audits have.
func newAudited(name, usage string) *audited {
	a := &audited{flags: flags(name, usage), line: auditLine{w: os.Stderr, last: time.Now()}}
	a.StoreFlags(a.flags)
	a.flags.StringVar(&a.RedisURL, "redis-url", "", "Redis of the nodes, as they name it; needed with --database-url")
	a.flags.StringVar(&a.AdminAddr, "admin-addr", "",
		"admin `address` of a running roost that does the audit; needed without --database-url")
	return a
}

// read reads the command line of an audit. more is what was given beside flags; there must be nothing.
func (a *audited) read(more, args []string, check func() error) error {
	if err := parse(&a.Config, a.flags, args); err != nil {
		return badFlags(a.flags, err)
	}
	err := a.check(append(more, a.flags.Args()...))
	if err == nil {
		err = check()
	}
	if err != nil {
		return badFlags(a.flags, err)
	}
	return nil
}

func (a *audited) check(more []string) error {
	c := a.Config
	switch {
	case len(more) > 0:
		return fmt.Errorf("say `roost %s [flags]`", a.flags.Name())
	case c.Server() && c.RedisURL == "":
		return errors.New("--database-url needs --redis-url")
	case !c.Server() && c.RedisURL != "":
		return errors.New("--redis-url needs --database-url")
	case !c.Server() && c.AdminAddr == "":
		return errors.New("name --database-url and --redis-url, or the --admin-addr of a running roost: an embedded one has its cache " +
			"in the process")
	case a.rate < 1:
		return errors.New("--rate must be at least 1")
	}
	if err := (cache.Config{URL: c.RedisURL}).Check(); err != nil {
		return fmt.Errorf("--redis-url: %w", err)
	}
	return nil
}

// runAudit runs an audit on the stores, or on the node at the admin address. show prints the report and returns what it finds as an error.
// An audit that has ended early may have a report, too.
func runAudit[C interface{ Check() error }, P, R any](ctx context.Context, a *audited, kind app.AuditKind[C, P, R], c C,
	show func(*R) error) (err error) {
	run := kind.Remote(a.AdminAddr)
	if a.Server() {
		opened, closeStores, openErr := kind.Open(ctx, a.Config)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, closeStores()) }()
		run = opened
	}
	report, failed := run(ctx, c)
	a.line.clear()
	if report == nil {
		return failed
	}
	return errors.Join(failed, show(report))
}

// auditCache runs `roost audit cache`.
func auditCache(ctx context.Context, more, args []string, out io.Writer) error {
	a := newAudited("audit cache", "[flags]")
	var run audit.Config
	a.flags.BoolVar(&run.Repair, "repair", false, "remove entries that differ from SQL; the next read stores them again")
	a.flags.IntVar(&a.rate, "rate", audit.DefaultRate, "most `keys` a second")
	a.flags.IntVar(&run.Examples, "examples", 20, "most findings to list")
	if err := a.read(more, args, func() error { run.Rate = a.rate; return run.Check() }); err != nil {
		return err
	}
	run.Progress = func(p audit.Progress) {
		a.line.show("%-21s %9d compared, about %d keys left, %d not equal", p.Server, p.Compared, p.Left, p.Found)
	}
	return runAudit(ctx, a, app.CacheAudits, run, func(report *audit.Report) error {
		return cmp.Or(printAudit(out, report), verdict(report, run.Repair))
	})
}

// auditLine rewrites one line of the terminal, at most twice a second.
type auditLine struct {
	w     io.Writer
	last  time.Time
	shown bool
}

func (a *auditLine) show(format string, args ...any) {
	if time.Since(a.last) < showEvery {
		return
	}
	a.last, a.shown = time.Now(), true
	fmt.Fprintf(a.w, "\r"+format+"   ", args...)
}

func (a *auditLine) clear() {
	if a.shown {
		fmt.Fprint(a.w, "\r", strings.Repeat(" ", 90), "\r")
	}
}

func printAudit(out io.Writer, r *audit.Report) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tCOMPARED\tEQUAL\tSETTLED\tBEHIND\tAHEAD\tDIFFERS\tUNREADABLE\tPREVIOUS EPOCH\tEMPTY\tREMOVED")
	sum := r.Sum()
	for _, c := range append(r.Kinds, &sum) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", c.Kind, c.Compared, c.Equal, c.Settled, c.Behind, c.Ahead,
			c.Differs, c.Unreadable, c.PreviousEpoch, c.Empty, c.Removed)
	}
	if len(r.Examples) > 0 {
		fmt.Fprintln(w, "\nPROBLEM\tKEY\tVERSION\tIN SQL\t")
		for _, f := range r.Examples {
			removed := ""
			if f.Removed {
				removed = "removed"
			}
			fmt.Fprintf(w, "%s\t%q\t%d\t%d\t%s\n", f.Problem, f.Key, f.Held, f.Stored, removed)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	all := sum.Compared + sum.Unreadable + sum.PreviousEpoch + sum.Empty
	_, err := fmt.Fprintf(out, "\nlooked at %d entries in %s\n", all, r.Took.Round(time.Millisecond))
	return err
}

// verdict returns the error that decides the exit code.
func verdict(r *audit.Report, repaired bool) error {
	if r == nil {
		return nil
	}
	var all []error
	if n := r.Found(); n > 0 && repaired && !r.Failed {
		all = append(all, fmt.Errorf("removed %d entries that differed from SQL", n))
	} else if n > 0 {
		all = append(all, fmt.Errorf("%d entries differ from SQL", n))
	}
	if r.Failed {
		all = append(all, errors.New("not all of them could be removed from Redis"))
	}
	if r.Away > 0 {
		all = append(all, fmt.Errorf("the server of %d keys went away before they were compared", r.Away))
	}
	return errors.Join(all...)
}
