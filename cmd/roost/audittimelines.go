package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"roost/app"
	"roost/rows/homeaudit"
)

// auditTimelines runs `roost audit timelines`.
func auditTimelines(ctx context.Context, more, args []string, out io.Writer) error {
	a := newAudited("audit timelines", "[flags]")
	var run homeaudit.Config
	a.flags.IntVar(&run.Viewers, "viewers", homeaudit.DefaultViewers, "how many users who follow somebody are drawn, unless --user names some")
	a.flags.Func("user", "`name` of a user whose timeline is compared; may be repeated, or several names, separated by commas",
		func(names string) error {
			run.Users = append(run.Users, strings.Split(names, ",")...)
			return nil
		})
	a.flags.IntVar(&run.Depth, "depth", homeaudit.DefaultDepth, "how many of the newest `entries` of each timeline are compared")
	a.flags.BoolVar(&run.Repair, "repair", false,
		"remove the cached rows from which timelines that differ were derived; the next read stores them again")
	a.flags.IntVar(&a.rate, "rate", homeaudit.DefaultRate, "most `viewers` a second")
	a.flags.IntVar(&run.Examples, "examples", 20, "most differences to list")
	if err := a.read(more, args, func() error { return checkTimelines(&run, a.rate) }); err != nil {
		return err
	}
	run.Progress = func(p homeaudit.Progress) {
		a.line.show("%9d timelines compared, %d left, %d not equal", p.Compared, p.Left, p.Found)
	}
	return runAudit(ctx, a, app.TimelineAudits, run, func(report *homeaudit.Report) error {
		return cmp.Or(printTimelines(out, report), timelinesVerdict(report, run.Repair))
	})
}

func checkTimelines(run *homeaudit.Config, rate int) error {
	run.Rate = rate
	if run.Viewers < 1 {
		return errors.New("--viewers must be at least 1")
	}
	if run.Depth < 1 {
		return errors.New("--depth must be at least 1")
	}
	return run.Check()
}

func printTimelines(out io.Writer, r *homeaudit.Report) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "TIMELINES\tENTRIES\tSETTLED\tDIFFERING\tMISSING\tEXTRA\tMISPLACED\tREPAIRED")
	fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", r.Viewers, r.Entries, r.Settled, r.Differing, r.Missing, r.Extra,
		r.Misplaced, r.Repaired)
	if len(r.Examples) > 0 {
		fmt.Fprintln(w, "\nPROBLEM\tVIEWER\tTWEET\tDERIVED AT\tIN SQL AT\t")
		for _, f := range r.Examples {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t\n", f.Problem, f.Viewer, f.TweetID, placeText(f.Derived), placeText(f.Stored))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nlooked at %d entries of %d timelines in %s\n", r.Entries, r.Viewers, r.Took.Round(time.Millisecond))
	return err
}

// placeText is a place in the form of an example: its sort key, and the id of the user whose retweet has brought the tweet there.
func placeText(p homeaudit.Place) string {
	switch {
	case p == homeaudit.Place{}:
		return "-"
	case p.RetweeterID != 0:
		return fmt.Sprintf("%d by %s", p.SortKey, p.RetweeterID)
	}
	return fmt.Sprint(p.SortKey)
}

// timelinesVerdict returns the error that decides the exit code.
func timelinesVerdict(r *homeaudit.Report, repaired bool) error {
	switch left := r.Differing - r.Repaired; {
	case r.Differing == 0:
		return nil
	case repaired && left == 0:
		return fmt.Errorf("repaired %d timelines with %d entries that differed from SQL", r.Differing, r.Found())
	case repaired:
		return fmt.Errorf("%d entries of %d timelines differ from SQL, and %d of the timelines could not be repaired", r.Found(), r.Differing,
			left)
	}
	return fmt.Errorf("%d entries of %d timelines differ from SQL", r.Found(), r.Differing)
}
