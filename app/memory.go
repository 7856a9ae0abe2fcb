package app

import (
	"log/slog"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// The shares of memory that the process may use: nearly all of a container's, but less of a machine without limits, which the
// process shares with others.
const (
	partOfContainer = 0.9
	partOfMachine   = 0.5
)

// LimitMemory makes the garbage collector work harder when the process comes close to the limit of its memory. The variables
// GOMEMLIMIT and AUTOMEMLIMIT=off take precedence.
func LimitMemory() {
	provider := memlimit.ApplyFallback(
		memlimit.ApplyRatio(memlimit.FromCgroup, partOfContainer),
		memlimit.ApplyRatio(memlimit.FromSystem, partOfMachine))
	if _, err := memlimit.Set(memlimit.WithProvider(provider), memlimit.WithRatio(1)); err != nil {
		slog.Warn("the memory of this machine is unknown; set GOMEMLIMIT", "error", err)
	}
}
