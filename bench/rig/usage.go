package rig

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// tick is the unit of some processor times in /proc: Linux shows user space 100 a second everywhere.
const tick = 10 * time.Millisecond

// Usage is processor time, since some start or between two readings.
type Usage struct {
	Server, Postgres, Redis time.Duration
	// Generator is this process, Machine everything that ran on the machine.
	Generator, Machine time.Duration
}

// All is what the target used: the server and its stores.
func (u Usage) All() time.Duration { return u.Server + u.Postgres + u.Redis }

// Others is what processes used that belong to no part of the measurement.
func (u Usage) Others() time.Duration { return max(0, u.Machine-u.All()-u.Generator) }

// Sub is the usage since an earlier reading.
func (u Usage) Sub(before Usage) Usage {
	return Usage{Server: u.Server - before.Server, Postgres: u.Postgres - before.Postgres, Redis: u.Redis - before.Redis,
		Generator: u.Generator - before.Generator, Machine: u.Machine - before.Machine}
}

// Usage reads what the target has used so far: exactly, but for processes of PostgreSQL that have ended,
// which count to 10 ms. PostgreSQL serves both targets: only one may be under load between two readings.
func (t *Target) Usage() (u Usage, err error) {
	var all []error
	read := func(clock func(int) (time.Duration, error), pid int) time.Duration {
		d, err := clock(pid)
		all = append(all, err)
		return d
	}
	u.Server = read(processClock, t.proc.Pid())
	u.Redis = read(processClock, t.redis)
	u.Postgres = read(familyTime, t.rig.postgres)
	u.Generator = read(processClock, os.Getpid())
	u.Machine, err = machineTime()
	if err := errors.Join(append(all, err)...); err != nil {
		return u, fmt.Errorf("read the processor times of %s: %w", t.Name, err)
	}
	return u, nil
}

// Usage returns the processor times of this process, as the server, and of PostgreSQL. It is for measurements without a
// target.
func (r *Rig) Usage() (u Usage, err error) {
	server, serverErr := processClock(os.Getpid())
	postgres, postgresErr := familyTime(r.postgres)
	machine, machineErr := machineTime()
	if err := errors.Join(serverErr, postgresErr, machineErr); err != nil {
		return u, fmt.Errorf("read the processor times of PostgreSQL and of this process: %w", err)
	}
	return Usage{Server: server, Postgres: postgres, Machine: machine}, nil
}

// Memory is what the server holds of the machine's memory, in bytes.
func (t *Target) Memory() (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", t.proc.Pid()))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm: not understood: %q", t.proc.Pid(), raw)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// PeakMemory is the most that the server has held of the machine's memory since it started, in bytes.
func (t *Target) PeakMemory() (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.proc.Pid()))
	if err != nil {
		return 0, err
	}
	return readPeak(string(raw))
}

func readPeak(status string) (int64, error) {
	_, rest, ok := strings.Cut(status, "\nVmHWM:")
	kib, _, unit := strings.Cut(strings.TrimSpace(rest), " kB")
	n, err := strconv.ParseInt(kib, 10, 64)
	if !ok || !unit || err != nil {
		return 0, fmt.Errorf("a status file is not understood: %q", status)
	}
	return n << 10, nil
}

// RedisCommands returns how many commands the target's Redis has processed.
func (t *Target) RedisCommands(ctx context.Context) (n int64, err error) {
	rdb, err := t.Redis()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rdb.Close()) }()
	info, err := rdb.Info(ctx, "stats").Result()
	if err != nil {
		return 0, fmt.Errorf("count the commands of Redis: %w", err)
	}
	_, rest, _ := strings.Cut(info, "\ntotal_commands_processed:")
	text, _, _ := strings.Cut(rest, "\r")
	return strconv.ParseInt(text, 10, 64)
}

// findStores asks the servers for their process ids.
func (r *Rig) findStores(ctx context.Context) error {
	var err error
	if r.postgres, err = postmaster(ctx, r.pool); err != nil {
		return err
	}
	for _, t := range []*Target{r.Roost, r.Baseline} {
		rdb, err := t.Redis()
		if err != nil {
			return err
		}
		t.redis, err = processOf(ctx, rdb)
		if err := errors.Join(err, rdb.Close()); err != nil {
			return err
		}
	}
	return nil
}

// postmaster returns the process id of a PostgreSQL server.
func postmaster(ctx context.Context, db *sql.DB) (pid int, err error) {
	err = db.QueryRowContext(ctx, `SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int`).Scan(&pid)
	if err != nil {
		return 0, fmt.Errorf("find the PostgreSQL process: %w", err)
	}
	return pid, nil
}

// processOf returns the process id of a redis-server.
func processOf(ctx context.Context, rdb *redis.Client) (int, error) {
	info, err := rdb.Info(ctx, "server").Result()
	if err != nil {
		return 0, fmt.Errorf("find a Redis process: %w", err)
	}
	_, rest, _ := strings.Cut(info, "\nprocess_id:")
	text, _, _ := strings.Cut(rest, "\r")
	id, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("find a Redis process: %w", err)
	}
	return id, nil
}

// stat are the fields of /proc/PID/stat that matter.
type stat struct {
	pid, parent int
	// ended is the time of children that have ended.
	ended time.Duration
}

func readStat(raw string) (s stat, err error) {
	// The name in parentheses may hold anything.
	i := strings.LastIndexByte(raw, ')')
	head, _, _ := strings.Cut(raw, " ")
	fields := strings.Fields(raw[i+1:])
	if i < 0 || len(fields) < 15 {
		return s, fmt.Errorf("a stat file is not understood: %q", raw)
	}
	var ticks int64
	for _, f := range []struct {
		text string
		add  func(int64)
	}{
		{head, func(n int64) { s.pid = int(n) }},
		{fields[1], func(n int64) { s.parent = int(n) }},
		{fields[13], func(n int64) { ticks += n }},
		{fields[14], func(n int64) { ticks += n }},
	} {
		n, err := strconv.ParseInt(f.text, 10, 64)
		if err != nil {
			return s, fmt.Errorf("a stat file is not understood: %q", raw)
		}
		f.add(n)
	}
	s.ended = time.Duration(ticks) * tick
	return s, nil
}

// familyTime is the time of a process and of its children, ended and living.
func familyTime(pid int) (sum time.Duration, err error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if gone(err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		s, err := readStat(string(raw))
		if err != nil {
			return 0, err
		}
		if s.pid != pid && s.parent != pid {
			continue
		}
		own, err := processClock(s.pid)
		if gone(err) || errors.Is(err, syscall.EINVAL) { // EINVAL: there is no such clock any more
			continue
		}
		if err != nil {
			return 0, err
		}
		sum += own + s.ended
	}
	return sum, nil
}

// gone reports that a process has ended while it was looked at; its time is then its parent's.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) }

// machineTime is the time that the machine's processors were busy.
func machineTime() (time.Duration, error) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	fields := strings.Fields(line)
	if len(fields) < 8 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat is not understood: %q", line)
	}
	var busy int64
	for _, i := range []int{1, 2, 3, 6, 7} { // user, nice, system, interrupts
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, err
		}
		busy += n
	}
	return time.Duration(busy) * tick, nil
}
