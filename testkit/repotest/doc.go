// Package repotest holds the frame of the repository in tests: the container files
// and the scripts that CI and newcomers run.
package repotest
