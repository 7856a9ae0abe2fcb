package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"roost/app"
	"roost/cache"
	"roost/domain/accounts"
	"roost/domain/imports"
	"roost/internal/clock"
)

func importFiles(ctx context.Context, args []string, out io.Writer) (err error) {
	var c app.Config
	f := flags("import", "[flags] DIR")
	c.StoreFlags(f)
	f.StringVar(&c.RedisURL, "redis-url", "",
		"Redis of the nodes, whose cache is cleared at the end; without it they clear it by themselves, some seconds later")
	source := f.String("source", imports.DefaultSource, "`name` of where the files' ids come from; two sources may use the same ids")
	password := f.String("password", "", "`password` for all imported accounts, for tests and benchmarks; none if empty")
	strict := f.Bool("strict", false, "stop at the first bad line instead of going on")
	reread := f.Bool("reread", false, "read files again that were imported before")
	if err := parse(&c, f, args); err != nil {
		return badFlags(f, err)
	}
	if f.NArg() != 1 {
		return badFlags(f, errors.New("name the one directory that holds the files"))
	}
	o := imports.Options{Dir: f.Arg(0), Source: *source, Reread: *reread, Progress: showProgress(os.Stderr)}
	o.Waiting = func(holder string) {
		fmt.Fprintf(os.Stderr, "waiting for another import to end (%s)\n", holder)
	}
	if *strict {
		o.OnBad = imports.Stop
	}
	if err := errors.Join(o.Check(), cache.Config{URL: c.RedisURL}.Check()); err != nil {
		return badFlags(f, err)
	}
	stores, err := app.OpenStores(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	o.DB, o.IDs = stores.DB, stores.IDs
	if *password != "" {
		hasher := accounts.New(stores.Client, nil, stores.IDs, clock.Real{}, accounts.DefaultConfig())
		if o.PasswordHash, err = hasher.HashPassword(ctx, *password); err != nil {
			return err
		}
	}
	report, err := imports.Run(ctx, o)
	if c.RedisURL != "" { // even if the import failed: some of its rows are in
		err = errors.Join(err, clearCache(ctx, c))
	}
	if len(report.Files) > 0 {
		fmt.Fprintln(os.Stderr)
		printReport(out, report)
	}
	return err
}

// clearCache begins a new epoch of the nodes' cache, because imported rows are not invalidated one by one.
func clearCache(ctx context.Context, c app.Config) (err error) {
	redis, err := cache.Open(cache.Config{URL: c.RedisURL})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, redis.Close()) }()
	tier, err := cache.NewTier(redis)
	if err != nil {
		return err
	}
	if err := tier.Clear(ctx); err != nil {
		return fmt.Errorf("the rows are in, but the cache of the nodes is not cleared yet; the nodes will clear it: %w", err)
	}
	return nil
}

// showProgress returns a function that rewrites one line of the terminal, at most five times a second and once more for the last
// step.
func showProgress(w io.Writer) func(imports.Progress) {
	var last time.Time
	return func(p imports.Progress) {
		if p.Tidying {
			fmt.Fprintf(w, "\r%-80s", fmt.Sprintf("all rows are in after %s; gathering statistics", p.Elapsed.Round(time.Second)))
			return
		}
		if time.Since(last) < 200*time.Millisecond {
			return
		}
		last = time.Now()
		percent := 100.0
		if p.Total > 0 {
			percent = 100 * float64(p.Bytes) / float64(p.Total)
		}
		fmt.Fprintf(w, "\r%-16s %9d rows  %8.0f/s  %3.0f %%  %s left   ", p.File, p.Lines, p.Rate, percent, p.Left.Round(time.Second))
	}
}

func printReport(out io.Writer, r imports.Report) {
	for _, f := range r.Files {
		switch {
		case f.Skipped:
			fmt.Fprintf(out, "%-16s imported before\n", f.Name)
		default:
			fmt.Fprintf(out, "%-16s %d inserted, %d there already, %d bad", f.Name, f.Inserted, f.Existing, f.Bad)
			if f.Resumed > 0 {
				fmt.Fprintf(out, "; %d lines were done before", f.Resumed)
			}
			fmt.Fprintln(out)
		}
	}
	if r.Passwords > 0 {
		fmt.Fprintf(out, "%d accounts of earlier imports got the password\n", r.Passwords)
	}
	for _, b := range r.Bad {
		fmt.Fprintln(out, b.Error())
	}
	if more := r.BadTotal - int64(len(r.Bad)); more > 0 {
		fmt.Fprintf(out, "and %d more bad lines\n", more)
	}
	fmt.Fprintf(out, "done in %s\n", r.Elapsed.Round(time.Millisecond))
}
