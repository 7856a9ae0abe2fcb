#!/usr/bin/env bash
# Lint: conflict markers, gofmt, the syntax of shell scripts, go vet, staticcheck (staticcheck.conf). Prints
# findings and fails when there are any. Layers and package comments are tests, in
# testkit/archtest; scripts and container files are tested in testkit/repotest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
GO=${GO:-go}
# Files behind the build tag of injected faults are linted, too.
tags=faults,proxies

failed=0
step() {
	printf '== %s\n' "$1"
	shift
	"$@" || failed=1
}

check_format() {
	local found
	found=$(find . -name '*.go' -not -path './.*' -not -path '*/node_modules/*' -not -path '*/testdata/*' -print0 | xargs -0 gofmt -l)
	if [[ -n $found ]]; then
		printf 'not formatted, run gofmt -w on:\n%s\n' "$found"
		return 1
	fi
}

check_scripts() {
	local script
	for script in scripts/*.sh .ci/run; do
		bash -n "$script" || return 1
	done
	# A finding there is worth having where the tool is at hand.
	if command -v shellcheck >/dev/null; then
		shellcheck scripts/*.sh .ci/run
	fi
}

# A merge that was not finished leaves its markers, in any kind of file.
check_conflicts() {
	local found
	found=$(git grep -nIE '^(<<<<<<<|\|\|\|\|\|\|\||>>>>>>>)( |$)' || true)
	if [[ -n $found ]]; then
		printf 'conflict markers:\n%s\n' "$found"
		return 1
	fi
}

step 'conflict markers' check_conflicts
step gofmt check_format
step scripts check_scripts
step 'go vet' "$GO" vet -tags="$tags" ./...
step staticcheck "$GO" tool staticcheck -tags="$tags" ./...
exit "$failed"
