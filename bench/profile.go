package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"roost/bench/load"
	"roost/bench/shares"
)

// profiling is how long load runs while profiles are taken, in whole seconds.
const profiling = 10 * time.Second

// profile runs a closed loop of one operation of Roost, and writes profiles of processor time and of allocations, with a list of
// the top functions.
func profile(ctx context.Context, s *Settings) (err error) {
	b, err := start(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.rig.Close()) }()
	if err := os.MkdirAll(s.profile, 0o755); err != nil {
		return err
	}
	op := b.all[0]
	pool, err := load.NewPool(ctx, b.rig.Roost.Addr, s.Connections, op.Roost)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	if _, err := pool.Closed(ctx, s.Warm); err != nil {
		return b.explain(err)
	}
	say("taking profiles of %s for %s", op.Name, profiling)
	taken := make(chan error, 2)
	for kind, name := range map[string]string{"cpu": "profile", "allocs": "allocs"} {
		go func() {
			raw, err := fetchProfile(ctx, b.rig.Roost, name, profiling)
			if err == nil {
				err = os.WriteFile(s.profilePath(op.Name, kind), raw, 0o644)
			}
			taken <- err
		}()
	}
	// A little longer than the profiles, so that they hold nothing but load.
	r, err := pool.Closed(ctx, profiling+time.Second)
	err = errors.Join(err, <-taken, <-taken)
	if err != nil {
		return b.explain(err)
	}
	fmt.Printf("%s: %.0f requests/s, p50 %.2f ms, p99 %.2f ms\n", op.Name, float64(r.Latency.Count())/r.Elapsed.Seconds(),
		ms(r.Latency.Quantile(0.5)), ms(r.Latency.Quantile(0.99)))
	// The binary is kept beside the profiles, which pprof can only read with it.
	binary := filepath.Join(s.profile, "roost")
	if err := copyFile(b.rig.Binary(), binary); err != nil {
		return err
	}
	if err := errors.Join(s.shares(op.Name), s.top(ctx, op.Name, binary)); err != nil {
		return err
	}
	fmt.Printf("\nprofiles, binary and a flame graph are in %s\n", s.profile)
	return nil
}

// shares prints how the processor time is divided, and draws the flame graph.
func (s *Settings) shares(op string) error {
	raw, err := os.ReadFile(s.profilePath(op, "cpu"))
	if err != nil {
		return err
	}
	p := &shares.Profile{}
	if err := p.Read(bytes.NewReader(raw)); err != nil {
		return err
	}
	fmt.Printf("\n== %s: where the processor time of the server goes\n", op)
	for i, share := range p.Shares() {
		fmt.Printf("%5.1f%%  %s\n", 100*share, shares.Parts[i].Name)
	}
	return save(s.profile, []drawing{flame(op, "from make profile", p)})
}

// parts are the functions that show where time goes, without the many that only call the next one.
const parts = `-show=^roost/(domain|loaders|graph\.|cache|events|live|internal)|^github.com/lib/pq\.|^database/sql\.\(\*(DB|Tx|Stmt)` +
	`|gqlgen/graphql\.(\(\*FieldSet|Marshal)|^runtime\.(gcBgMarkWorker|mallocgc|schedule|newstack)$|^internal/runtime/syscall`

// top prints the top functions of the profiles.
func (s *Settings) top(ctx context.Context, op, binary string) error {
	for _, list := range []struct {
		title, kind string
		flags       []string
	}{
		{"processor time, by part, with what it calls", "cpu", []string{"-cum", "-nodecount=60", parts}},
		{"processor time, by function", "cpu", []string{"-flat", "-nodecount=30"}},
		{"bytes allocated, by function", "allocs", []string{"-flat", "-nodecount=30", "-sample_index=alloc_space"}},
	} {
		fmt.Printf("\n== %s: %s\n", op, list.title)
		args := append([]string{"tool", "pprof", "-top"}, list.flags...)
		cmd := exec.CommandContext(ctx, "go", append(args, binary, s.profilePath(op, list.kind))...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("go tool pprof: %w", err)
		}
	}
	return nil
}

func (s *Settings) profilePath(op, kind string) string {
	return filepath.Join(s.profile, op+"-"+kind+".pprof")
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	return write(to, in, 0o755)
}

func write(path string, from io.Reader, mode os.FileMode) (err error) {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, from)
	return errors.Join(err, out.Close())
}
