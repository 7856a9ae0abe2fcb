package app

import (
	"log/slog"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// Parts of the memory that there is for the process: of a container's it may use nearly all, a machine without limits
// it shares with others.
const (
	partOfContainer = 0.9
	partOfMachine   = 0.5
)

// LimitMemory has the garbage collector work harder before the process needs more memory than there is. The
// variables GOMEMLIMIT, and AUTOMEMLIMIT=off, win.
func LimitMemory() {
	provider := memlimit.ApplyFallback(
		memlimit.ApplyRatio(memlimit.FromCgroup, partOfContainer),
		memlimit.ApplyRatio(memlimit.FromSystem, partOfMachine))
	if _, err := memlimit.Set(memlimit.WithProvider(provider), memlimit.WithRatio(1)); err != nil {
		slog.Warn("the memory of this machine is unknown; set GOMEMLIMIT", "error", err)
	}
}
