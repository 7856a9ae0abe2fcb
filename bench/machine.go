package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"roost/bench/report"
)

// machine returns what this program runs on.
func machine() report.Machine {
	m := report.Machine{Processors: runtime.NumCPU(), Model: runtime.GOARCH, Go: runtime.Version()}
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(raw)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.Model = strings.TrimSpace(value)
			break
		}
	}
	return m
}

// disk returns the type of the file system that has the data of a PostgreSQL on this machine, or "an unknown file system".
func disk(ctx context.Context, db *sql.DB) (kind string, err error) {
	var dir string
	if err := db.QueryRowContext(ctx, "SHOW data_directory").Scan(&dir); err != nil {
		return "", fmt.Errorf("find the data of PostgreSQL: %w", err)
	}
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return "an unknown file system", nil
	}
	longest := ""
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || !strings.HasPrefix(dir+"/", strings.TrimSuffix(fields[1], "/")+"/") || len(fields[1]) < len(longest) {
			continue
		}
		longest, kind = fields[1], fields[2]
	}
	return kind, nil
}

// commit returns the commit that is measured, or "unknown" outside of a git checkout.
func commit(ctx context.Context) string {
	id, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=10", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	out := strings.TrimSpace(string(id))
	if changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain").Output(); err != nil || len(changed) > 0 {
		out += "+"
	}
	return out
}
