#!/usr/bin/env bash
# Sets up PostgreSQL and Redis and runs ./bench on private ones; arguments are those of the
# program: `bench.sh -h` lists them, docs/performance.md tells what is measured.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
GO=${GO:-go}

export ROOST_TEST_NEEDS='postgres redis'
found=$(scripts/setup.sh)
eval "$found"
if [[ -n ${ROOST_TEST_CONTAINER:-} ]]; then
	exec scripts/container.sh scripts/bench.sh "$@"
fi
exec "$GO" run -buildvcs=false ./bench "$@"
