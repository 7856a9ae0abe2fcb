// Package testlog captures what code logs while a test runs it.
package testlog

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// Of returns what is logged with slog's default logger until fn returns, as text, a line for each record. It replaces the logger of the
// whole process, so the tests that use it cannot be parallel.
func Of(fn func()) string {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	fn()
	return log.String()
}

// Count fails the test unless a text occurs in a log as often as wanted.
func Count(t testing.TB, log, text string, want int) {
	t.Helper()
	if n := strings.Count(log, text); n != want {
		t.Errorf("%q is logged %d times, want %d:\n%.2000s", text, n, want, log)
	}
}
