// Package repotest tests what surrounds the code in the repository: the container files, the documents, and scripts/setup.sh,
// which CI and newcomers run. Documents must name tests and files that exist, every decision must have a status, and
// every field of the schema must have a row in docs/consistency.md.
package repotest
