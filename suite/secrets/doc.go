// Package secrets tests that a node reveals no secrets in its answers and in its log. It is a package of its own because it
// replaces the log of the whole process.
package secrets
