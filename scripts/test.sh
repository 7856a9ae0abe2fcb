#!/usr/bin/env bash
# Sets up what the tests need, says which stores they run on, and runs them with the
# race detector in a random order. Arguments go to `go test`: flags, then packages.
# ROOST_TEST_TIMEOUT limits each package (default 15m).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
GO=${GO:-go}

found=$(scripts/setup.sh)
eval "$found"

if (($# == 0)); then
	set -- ./...
fi

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
  PostgreSQL  ${ROOST_STORE_POSTGRES:-?} (${ROOST_TEST_DATABASE_URL:+the server of ROOST_TEST_DATABASE_URL and }private clusters)
  Redis       ${ROOST_STORE_REDIS:-?} (private servers)
  SQLite      $(version_of modernc.org/sqlite) (in the process)
  miniredis   $(version_of github.com/alicebob/miniredis/v2) (in the process)
  data set    $dataset
  $("$GO" version), $(getconf _NPROCESSORS_ONLN) processors
END

# SQLite and its C library are C translated to Go. The race detector and checkptr make them ten times slower and
# look only at memory that is the library's own, so these two packages are built without.
plain='-race=false -d=checkptr=0'

exec "$GO" test -race -gcflags="modernc.org/sqlite/lib=$plain" -gcflags="modernc.org/libc/...=$plain" -shuffle=on -timeout="${ROOST_TEST_TIMEOUT:-15m}" "$@"
