// Package repotest tests the files around the code: the container files, and the
// scripts that CI and newcomers run.
package repotest
