package main

import (
	"context"
	"errors"
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

const auditUsage = "cache [flags]"

// auditCommand runs `roost audit`. It fails when it finds differences, even if it has removed them.
func auditCommand(ctx context.Context, args []string, out io.Writer) (err error) {
	var c app.Config
	var run audit.Config
	f := flags("audit", auditUsage)
	c.StoreFlags(f)
	f.StringVar(&c.RedisURL, "redis-url", "", "Redis of the nodes, as they name it; needed with --database-url")
	f.StringVar(&c.AdminAddr, "admin-addr", "", "admin `address` of a running roost that does the audit; needed without --database-url")
	f.BoolVar(&run.Repair, "repair", false, "remove entries that differ from SQL; the next read stores them again")
	f.IntVar(&run.Rate, "rate", audit.DefaultRate, "most `keys` a second")
	f.IntVar(&run.Examples, "examples", 20, "most findings to list")
	words, args := split(args)
	if err := parse(&c, f, args); err != nil {
		return badFlags(f, err)
	}
	if err := checkAudit(c, run, append(words, f.Args()...)); err != nil {
		return badFlags(f, err)
	}
	shown := auditProgress{w: os.Stderr, last: time.Now()}
	run.Progress = shown.show
	var who app.CacheAudit = app.NewRemoteAudit(c.AdminAddr)
	if c.Server() {
		auditor, closeStores, openErr := app.OpenCacheAudit(ctx, c)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, closeStores()) }()
		who = auditor
	}
	report, failed := who.Run(ctx, run)
	shown.clear()
	if report != nil {
		if err := printAudit(out, report); err != nil {
			return err
		}
	}
	return errors.Join(failed, verdict(report, run.Repair))
}

func checkAudit(c app.Config, run audit.Config, words []string) error {
	switch {
	case len(words) != 1 || words[0] != "cache":
		return errors.New("say `roost audit " + auditUsage + "`")
	case c.Server() && c.RedisURL == "":
		return errors.New("--database-url needs --redis-url")
	case !c.Server() && c.RedisURL != "":
		return errors.New("--redis-url needs --database-url")
	case !c.Server() && c.AdminAddr == "":
		return errors.New("name --database-url and --redis-url, or the --admin-addr of a running roost: an embedded one has its cache " +
			"in the process")
	case run.Rate < 1:
		return errors.New("--rate must be at least 1")
	}
	if err := (cache.Config{URL: c.RedisURL}).Check(); err != nil {
		return fmt.Errorf("--redis-url: %w", err)
	}
	return run.Check()
}

// auditProgress rewrites one line of the terminal, at most twice a second.
type auditProgress struct {
	w     io.Writer
	last  time.Time
	shown bool
}

func (a *auditProgress) show(p audit.Progress) {
	if time.Since(a.last) < showEvery {
		return
	}
	a.last, a.shown = time.Now(), true
	fmt.Fprintf(a.w, "\r%-21s %9d compared, about %d keys left, %d not equal   ", p.Server, p.Compared, p.Left, p.Found)
}

func (a *auditProgress) clear() {
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
