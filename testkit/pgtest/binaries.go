package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
)

const (
	envURL     = "ROOST_TEST_DATABASE_URL"
	envBin     = "ROOST_TEST_POSTGRES_BIN"
	minVersion = 15
)

// usualPlaces are globs of directories where packages put the server's binaries:
// Debian, Red Hat (PGDG), Red Hat, source builds, Homebrew on both processors.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/lib64/pgsql/bin",
	"/usr/local/pgsql/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
}

// binDir finds the directory that holds initdb and postgres, once per process.
var binDir = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv(envBin); dir != "" {
		v, err := version(dir)
		if err != nil {
			return "", fmt.Errorf("%s=%s: %w", envBin, dir, err)
		}
		if v < minVersion {
			return "", fmt.Errorf("%s=%s is PostgreSQL %d, tests need %d or newer", envBin, dir, v, minVersion)
		}
		return dir, nil
	}
	var seen []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			seen = append(seen, filepath.Dir(path))
		}
	}
	for _, glob := range usualPlaces {
		dirs, _ := filepath.Glob(glob) // the patterns are constant and well-formed
		slices.Reverse(dirs)
		seen = append(seen, dirs...)
	}
	for _, dir := range seen {
		if v, err := version(dir); err == nil && v >= minVersion {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no PostgreSQL %d or newer found (looked on PATH and in %v): install it (Debian: apt-get install postgresql), "+
		"or set %s to the directory of initdb and postgres, or %s to a running server; `make test` does it where it can",
		minVersion, usualPlaces, envBin, envURL)
})

var versionText = regexp.MustCompile(`PostgreSQL\) (\d+)`)

// version is the major version of the binaries in dir, which must be complete.
func version(dir string) (int, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return 0, err
	}
	bin := filepath.Join(dir, "postgres")
	out, err := exec.Command(bin, "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("%s --version: %w", bin, err)
	}
	m := versionText.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("%s --version: not understood: %q", bin, out)
	}
	return strconv.Atoi(string(m[1]))
}
