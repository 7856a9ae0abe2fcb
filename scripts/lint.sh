#!/usr/bin/env bash
# Lint: gofmt, the syntax of shell scripts, go vet, staticcheck (staticcheck.conf), and the rules of text: conflict
# markers in any file, the width of lines of Go, comments of exported names, words of comments. Prints findings and fails
# when there are any. The rules of text are tests in testkit/archtest, like layers and package comments; scripts and
# container files are tested in testkit/repotest.
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

step gofmt check_format
step scripts check_scripts
step text "$GO" test -count=1 -run '^TestText' ./testkit/archtest
step 'go vet' "$GO" vet -tags="$tags" ./...
step staticcheck "$GO" tool staticcheck -tags="$tags" ./...
exit "$failed"
