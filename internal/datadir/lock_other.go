//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package datadir

import (
	"errors"
	"os"
	"runtime"
)

// lockFile refuses: two processes on one SQLite file that take each other for absent would make equal ids.
func lockFile(*os.File) error {
	return errors.New("not possible on " + runtime.GOOS + ", use PostgreSQL there")
}

func unlockFile(*os.File) {}
