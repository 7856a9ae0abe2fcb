package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"roost/bench/policies"
	"roost/bench/report"
	"roost/bench/rig"
	"roost/internal/sqldb"
)

// policyRuns are the results of a run of all policies.
type policyRuns struct {
	Time    time.Time          `json:"time"`
	Machine report.Machine     `json:"machine"`
	Commit  string             `json:"commit"`
	Load    policies.Load      `json:"load"`
	Runs    []*policies.Result `json:"runs"`
}

// comparePolicies runs every cache policy with every fault, on private stores, and prints the results.
func comparePolicies(ctx context.Context, s *Settings) (err error) {
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
	out := policyRuns{Time: time.Now().UTC().Truncate(time.Second), Machine: machine(), Commit: commit(ctx), Load: policies.Standard}
	if s.short {
		out.Load.Clients, out.Load.Warm, out.Load.Duration = s.Connections, s.Warm, s.Duration
	}
	for _, fault := range policies.Faults {
		for _, way := range policies.Ways {
			say("policy %s, fault %s", way.Name, fault.Name)
			r, err := policies.Run(ctx, policies.Stores{DB: db, Redis: stores.RedisURL}, way, fault, out.Load)
			if err != nil {
				return err
			}
			out.Runs = append(out.Runs, r)
		}
	}
	policies.Print(os.Stdout, out.Runs)
	path := s.out
	if path == "" {
		path = filepath.Join("bench", "results", "policies-"+out.Time.Format("20060102-150405")+".json")
	}
	raw, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("save the results: %w", err)
	}
	return os.WriteFile(path, append(raw, '\n'), 0o644)
}
