package main

import (
	"context"
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
