package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"roost/app"
	"roost/domain/countaudit"
	"roost/events"
	"roost/internal/ids"
)

// auditCounts runs `roost audit counts`.
func auditCounts(ctx context.Context, more, args []string, out io.Writer) error {
	a := newAudited("audit counts", "[flags]")
	var run countaudit.Config
	var explain countaudit.Explain
	a.flags.BoolVar(&run.Repair, "repair", false, "correct counts that differ from the rows that they count; subscribers receive the new ones")
	a.flags.IntVar(&a.rate, "rate", countaudit.DefaultRate, "most `tweets` or users a second")
	a.flags.IntVar(&run.Examples, "examples", 20, "most differences to list")
	a.flags.Func("explain", "print what the counts of a `tweet` come from, by its id or its number in the database, and compare nothing else",
		func(tweet string) error {
			var ok bool
			if explain.TweetID, ok = ids.Tweet(tweet); ok {
				return nil
			}
			explain.TweetID, _ = strconv.ParseInt(tweet, 10, 64)
			if explain.Check() != nil {
				return errors.New("not the id of a tweet")
			}
			return nil
		})
	err := a.read(more, args, func() error {
		run.Rate = a.rate
		if explain.TweetID != 0 && run.Repair {
			return errors.New("--explain repairs nothing: leave out --repair")
		}
		return run.Check()
	})
	if err != nil {
		return err
	}
	if explain.TweetID != 0 {
		return runAudit(ctx, a, app.Explanations, explain, func(e *countaudit.Explanation) error {
			return cmp.Or(printExplanation(out, e), explained(e))
		})
	}
	run.Progress = func(p countaudit.Progress) {
		a.line.show("%9d tweets and %d users compared, %d counts not equal", p.Tweets, p.Users, p.Found)
	}
	return runAudit(ctx, a, app.CountAudits, run, func(r *countaudit.Report) error {
		return cmp.Or(printCounts(out, r), countsVerdict(r, run.Repair))
	})
}

func printCounts(out io.Writer, r *countaudit.Report) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "OF\tCOUNT\tCOMPARED\tDIFFERING\tTOO MANY\tTOO FEW\tREPAIRED")
	for _, t := range r.Totals {
		compared := r.Tweets
		if t.Of == countaudit.User {
			compared = r.Users
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\n", t.Of, t.Count, compared, t.Differing, t.Surplus, t.Lacking, t.Repaired)
	}
	if len(r.Examples) > 0 {
		fmt.Fprintln(w, "\nOF\tID\tCOUNT\tSTORED\tRECOUNTED\t")
		for _, f := range r.Examples {
			repaired := ""
			if f.Repaired {
				repaired = "repaired"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", f.Of, f.ID, f.Count, f.Stored, f.Recounted, repaired)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nrecounted %d tweets and %d users in %s\n", r.Tweets, r.Users, r.Took.Round(time.Millisecond))
	return err
}

// countsVerdict returns the error that decides the exit code.
func countsVerdict(r *countaudit.Report, repaired bool) error {
	found, left := r.Found(), r.Found()-r.Repaired()
	switch {
	case found == 0:
		return nil
	case repaired && left == 0:
		return fmt.Errorf("repaired %d counts that differed from their rows", found)
	case repaired:
		return fmt.Errorf("%d counts differ from their rows, and %d of them could not be repaired", found, left)
	}
	return fmt.Errorf("%d counts differ from their rows", found)
}

func printExplanation(out io.Writer, e *countaudit.Explanation) error {
	state := "visible"
	if !e.Visible {
		state = "deleted"
	}
	fmt.Fprintf(out, "tweet %s, %d in the database, %s\n\n", e.ID, e.TweetID, state)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	line := func(what string, c events.TweetCounts) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\n", what, c.Likes, c.Dislikes, c.Retweets, c.Replies, c.Revision)
	}
	fmt.Fprintln(w, "FROM\tLIKES\tDISLIKES\tRETWEETS\tREPLIES\tREVISION")
	if e.HasRow {
		line("row of tweet_stats", e.Row)
	} else {
		line("no row of tweet_stats", e.Row)
	}
	for _, d := range e.Deltas {
		line(fmt.Sprintf("delta %d", d.ID), events.TweetCounts{Likes: d.Likes, Dislikes: d.Dislikes, Replies: d.Replies, Revision: d.Changes})
	}
	if more := e.Undrained - int64(len(e.Deltas)); more > 0 {
		fmt.Fprintf(w, "and %d more deltas\n", more)
	}
	line(fmt.Sprintf("%d undrained deltas together", e.Undrained), e.Added)
	line("stored, in all", e.Stored)
	line("recounted", e.Recounted())
	if e.Cached.Held {
		line("cached", e.Cached.Counts)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nrows of reactions: %d likes, %d dislikes, %d taken back\nrows of retweets: %d active, %d undone\n"+
		"replies: %d visible, %d deleted\nchanges of these rows: %d, the least that the revision may be\nRedis holds: %s\n",
		e.Reactions[1], e.Reactions[2], e.Reactions[0], e.Active, e.Undone, e.Replies, e.DeletedReplies,
		e.Changes, e.Cached.State)
	if err == nil && explained(e) == nil {
		_, err = fmt.Fprintln(out, "all of them agree")
	}
	return err
}

// explained returns the error that decides the exit code.
func explained(e *countaudit.Explanation) error {
	var all []error
	if !e.Agrees() {
		all = append(all, fmt.Errorf("the stored counts of %s differ from their rows", e.ID))
	}
	if !e.CacheAgrees() {
		all = append(all, fmt.Errorf("the cached counts of %s differ from the stored ones", e.ID))
	}
	return errors.Join(all...)
}
