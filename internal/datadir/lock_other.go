//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package datadir

import (
	"errors"
	"os"
	"runtime"
)

// lockFile fails on systems without file locks. Two processes that use one SQLite file without noticing each other would make
// equal ids.
func lockFile(*os.File) error {
	return errors.New("not possible on " + runtime.GOOS + ", use PostgreSQL there")
}

func unlockFile(*os.File) {}
