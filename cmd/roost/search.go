package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"roost/app"
	"roost/domain/search"
	"roost/events"
	"roost/internal/clock"
)

const searchUsage = "rebuild  [flags]"

// searchCommand runs `roost search`.
func searchCommand(ctx context.Context, args []string, out io.Writer) (err error) {
	var c app.Config
	f := flags("search", searchUsage)
	c.StoreFlags(f)
	c.SearchFlags(f)
	empty := f.Bool("empty", false, "empty the index first, so that searches find what is indexed again and nothing else")
	words, args := split(args)
	if err := parse(&c, f, args); err != nil {
		return badFlags(f, err)
	}
	if words = append(words, f.Args()...); len(words) != 1 || words[0] != "rebuild" {
		return badFlags(f, errors.New("say `roost search "+searchUsage+"`"))
	}
	if c.SearchKeep < 0 {
		return badFlags(f, errors.New("--search-keep: it must not be negative"))
	}
	if err := embeddedExists(c); err != nil {
		return err
	}
	stores, err := app.OpenStores(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	index := search.New(stores.DB, events.New(stores.Client, clock.Real{}), clock.Real{}, search.Config{Keep: c.SearchKeep})
	began, rows, shown := time.Now(), 0, time.Time{}
	resumed, err := index.Rebuild(ctx, *empty, func(p search.Progress) {
		if rows = p.Rows; time.Since(shown) >= searchShowEvery {
			shown = time.Now()
			fmt.Fprintf(os.Stderr, "\r%9d rows  %3.0f %%   ", p.Rows, 100*p.Share)
		}
	})
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return fmt.Errorf("%w; the next rebuild goes on after the %d rows that are indexed", err, rows)
	}
	how := "the index of search is made again"
	if resumed {
		how = "the rebuild that was interrupted is finished"
	}
	_, err = fmt.Fprintf(out, "%s: %d tweets and users in %s\n", how, rows, time.Since(began).Round(time.Millisecond))
	return err
}

// searchShowEvery is how often the progress is shown.
const searchShowEvery = 200 * time.Millisecond
