#!/usr/bin/env bash
# Sets up what the tests need, says which stores they run on, and runs them in a random
# order with the race detector (packages that have one goroutine, or that measure, without it). Arguments go to `go test`: flags,
# then packages.
# Packages of the domain alone need less: no store, or PostgreSQL.
# ROOST_TEST_TIMEOUT limits each package (default 15m).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
GO=${GO:-go}

if (($# == 0)); then
	set -- ./...
fi

# needs_of prints what tests of the domain need. Rules are tested on SQLite; a test that imports more of testkit
# than testkit/domaintest may need PostgreSQL. It fails if other packages are asked for, too.
needs_of() {
	local arg imports packages=()
	for arg in "$@"; do
		case $arg in
		./domain/*) packages+=("$arg") ;;
		./* | roost/*) return 1 ;;
		esac
	done
	((${#packages[@]})) || return 1
	imports=$("$GO" list -f '{{join .TestImports "\n"}}{{"\n"}}{{join .XTestImports "\n"}}' "${packages[@]}") || return 1
	if grep -qE '^roost/testkit/(redistest|apitest|rig)$' <<<"$imports"; then
		return 1
	elif grep -E '^roost/testkit/' <<<"$imports" | grep -qvE '/(domaintest|testtime|testlog)$'; then
		echo postgres cc
	else
		echo cc
	fi
}

if [[ -z ${ROOST_TEST_NEEDS:-} ]] && needs=$(needs_of "$@"); then
	export ROOST_TEST_NEEDS=$needs
fi
found=$(scripts/setup.sh)
eval "$found"

if [[ -n ${ROOST_TEST_CONTAINER:-} ]]; then
	exec scripts/container.sh scripts/test.sh "$@"
fi

version_of() { "$GO" list -m -f '{{.Path}} {{.Version}}' "$1"; }

if [[ -n ${ROOST_DATASET:-} ]]; then
	dataset="$ROOST_DATASET"
elif [[ -d ../shared/data/epinions-hn ]]; then
	dataset='../shared/data/epinions-hn'
else
	dataset='none found: a seeded generator stands in'
fi
cat <<END
The tests run on
  PostgreSQL  ${ROOST_STORE_POSTGRES:-none}${ROOST_STORE_POSTGRES:+ (${ROOST_TEST_DATABASE_URL:+the server of ROOST_TEST_DATABASE_URL and }private clusters)}
  Redis       ${ROOST_STORE_REDIS:-none}${ROOST_STORE_REDIS:+ (private servers)}
  SQLite      $(version_of modernc.org/sqlite) (in the process)
  miniredis   $(version_of github.com/alicebob/miniredis/v2) (in the process)
  data set    $dataset
  $("$GO" version), $(getconf _NPROCESSORS_ONLN) processors
END

# SQLite and its C library are C translated to Go, and the interpreter of Lua serves one script of miniredis at a time. The race
# detector and checkptr make them ten times slower and look only at memory that is the library's own, so these packages are built
# without.
plain='-race=false -d=checkptr=0'
libraries=()
for package in modernc.org/sqlite/lib modernc.org/libc/... github.com/yuin/gopher-lua/...; do
	libraries+=(-gcflags="$package=$plain")
done

# A program with the race detector waits for a second before it exits, in each of some eighty packages. A tenth is enough for what
# still runs: tests stop what they start.
export GORACE=${GORACE:-atexit_sleep_ms=100}

# `make verify` vets all packages, with more checks than `go test` has.
tests=(-vet=off -shuffle=on -timeout="${ROOST_TEST_TIMEOUT:-15m}")

# These packages read and parse files, in one goroutine. In a run of all packages they are tested without the race detector.
single=(./testkit/archtest ./testkit/dataset ./testkit/repotest)
# These packages count statements and round trips, and compare times. What runs there runs in other packages with the race detector, which
# would take eight minutes for it; the soak takes them.
if [[ -z ${ROOST_SOAK:-} ]]; then
	single+=(./suite/costs ./suite/price)
fi
# These packages count allocations, which the race detector makes more of. They are tested without it as well.
counting=(./graph/plan)
# These tests explore a model of the cache's protocol, one goroutine each. The race detector would make them five times as slow.
models='^TestModel'

flags=() all=
for arg in "$@"; do
	if [[ $arg == ./... ]]; then all=1; else flags+=("$arg"); fi
done
if [[ -z $all ]]; then
	exec "$GO" test -race "${libraries[@]}" "${tests[@]}" "$@"
fi
failed=0
"$GO" test "${tests[@]}" ${flags[@]+"${flags[@]}"} "${single[@]}" "${counting[@]}" || failed=$?
"$GO" test "${tests[@]}" -run "$models" ${flags[@]+"${flags[@]}"} ./cache || failed=$?
listed=$("$GO" list ./... | grep -vE "^roost/($(sed 's,\./,,g; s, ,|,g' <<<"${single[*]}"))\$")
# shellcheck disable=SC2086 # one word a package
"$GO" test -race "${libraries[@]}" "${tests[@]}" -skip "$models" ${flags[@]+"${flags[@]}"} $listed || failed=$?
exit "$failed"
