package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"roost/bench/plot"
	"roost/bench/reactions"
	"roost/bench/report"
	"roost/bench/rig"
	"roost/ent/migrations"
	"roost/internal/sqldb"
)

// reactionRuns are the results of a run of all ways of counting reactions.
type reactionRuns struct {
	Time    time.Time           `json:"time"`
	Machine report.Machine      `json:"machine"`
	Commit  string              `json:"commit"`
	Runs    []*reactions.Result `json:"runs"`
}

// reactionRounds is how often each way runs without a fault; the ways take turns.
const reactionRounds = 3

// compareReactions runs every way of counting reactions with every load and fault, on private stores, and prints the results.
func compareReactions(ctx context.Context, s *Settings) (err error) {
	stores, err := rig.NewStores(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	db, err := sqldb.Open(ctx, sqldb.Config{URL: stores.DatabaseURL, MaxConns: 64})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrations.Up(ctx, db.Writer()); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	on := reactions.Stores{DB: db, Redis: stores.RedisURL, Usage: func() (reactions.CPU, error) {
		u, err := stores.Usage()
		return reactions.CPU{Process: u.Server, Postgres: u.Postgres, Redis: u.Redis, Machine: u.Machine}, err
	}}
	out := reactionRuns{Time: time.Now().UTC().Truncate(time.Second), Machine: machine(), Commit: commit(ctx)}
	for _, load := range reactions.Standard {
		faults := append(slices.Repeat(reactions.Faults[:1], reactionRounds-1), reactions.Faults...)
		if s.short {
			load.Duration, load.Writers, faults = s.Duration, s.Connections, reactions.Faults
		}
		for _, fault := range faults {
			for _, way := range reactions.Ways {
				say("%s, %s, fault %s", way.Name, load.Name, fault.Name)
				r, err := reactions.Run(ctx, on, way, load, fault)
				if err != nil {
					return err
				}
				out.Runs = append(out.Runs, r)
			}
		}
	}
	reactions.Print(os.Stdout, out.Runs)
	if s.out == "" {
		s.out = filepath.Join("bench", "results", "reactions-"+out.Time.Format("20060102-150405")+".json")
	}
	if s.plots == "" {
		s.plots = filepath.Dir(s.out)
	}
	raw, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	if err := save(s.plots, []drawing{reactionPlot(&out)}); err != nil {
		return fmt.Errorf("save the figure: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(s.out), 0o755); err != nil {
		return fmt.Errorf("save the results: %w", err)
	}
	return os.WriteFile(s.out, append(raw, '\n'), 0o644)
}

// reactionPlot draws what the ways cost without a fault, and what they show with any.
func reactionPlot(all *reactionRuns) drawing {
	var groups []plot.Group
	add := func(title string, of func(r *reactions.Result) float64) {
		g := plot.Group{Title: title}
		for _, way := range reactions.Ways {
			a := plot.Amount{Name: way.Name}
			for _, r := range reactions.Summarize(all.Runs) {
				if r.Way == way.Name {
					a.Value = max(a.Value, of(r))
				}
			}
			g.Amounts = append(g.Amounts, a)
		}
		groups = append(groups, g)
	}
	for _, load := range reactions.Standard {
		without := func(r *reactions.Result, v float64) float64 {
			if r.Load != load.Name || r.Fault != reactions.Faults[0].Name {
				return 0
			}
			return v
		}
		add(load.Name+": likes a second", func(r *reactions.Result) float64 { return without(r, r.PerSecond) })
		add(load.Name+": processor time of a like, µs", func(r *reactions.Result) float64 {
			return without(r, r.Process+r.Postgres+r.Redis)
		})
	}
	add("counts shown are behind, at most, with any fault, ms", func(r *reactions.Result) float64 { return r.ShownBehind })
	add("steps back that readers saw, in the worst case", func(r *reactions.Result) float64 { return float64(r.Back) })
	return drawing{"reactions", plot.Amounts(plot.Text{Title: "Ways of counting reactions",
		Note: fmt.Sprintf("%s, %s", all.Time.Format(time.DateOnly), all.Commit)}, groups)}
}
