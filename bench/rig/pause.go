package rig

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// PausePostgres stops PostgreSQL in the middle of whatever it does: connections stay open, new ones are accepted by the kernel, and
// nothing is answered until resume is called. A second call of resume does nothing.
func (r *Rig) PausePostgres() (resume func() error, err error) {
	// The postmaster first, so that it starts no further process.
	paused := []int{r.postgres}
	resume = func() error {
		var all []error
		for _, pid := range paused {
			if err := syscall.Kill(pid, syscall.SIGCONT); err != nil && !gone(err) {
				all = append(all, fmt.Errorf("resume process %d of PostgreSQL: %w", pid, err))
			}
		}
		paused = nil
		return errors.Join(all...)
	}
	if err := syscall.Kill(r.postgres, syscall.SIGSTOP); err != nil {
		return nil, fmt.Errorf("pause PostgreSQL: %w", err)
	}
	children, err := childrenOf(r.postgres)
	if err != nil {
		return nil, errors.Join(err, resume())
	}
	for _, pid := range children {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && !gone(err) {
			return nil, errors.Join(fmt.Errorf("pause PostgreSQL: %w", err), resume())
		}
		paused = append(paused, pid)
	}
	return resume, nil
}

// childrenOf returns the process ids of a process's children.
func childrenOf(pid int) (children []int, err error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s, err := readStat(string(raw))
		if err != nil {
			return nil, err
		}
		if s.parent == pid {
			children = append(children, s.pid)
		}
	}
	return children, nil
}
