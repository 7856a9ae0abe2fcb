#!/usr/bin/env bash
# Repeats a script in the container that setup.sh chose, where apt-get can install the rest:
# container.sh SCRIPT ARGUMENTS. Modules, builds and npm's cache are kept in volumes between runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

options=(
	--rm --init
	--volume "$PWD:/src" --workdir /src
	--volume roost-test-modules:/go/pkg/mod
	--volume roost-test-builds:/root/.cache/go-build
	--volume roost-test-npm:/root/.npm
	--env GOFLAGS="${GOFLAGS:-} -buildvcs=false"
	--env GOPROXY --env GOSUMDB --env GONOSUMDB
	--env ROOST_SOAK --env ROOST_TEST_PLANS --env ROOST_TEST_TIMEOUT --env ROOST_TEST_NEEDS
)
dataset=${ROOST_DATASET:-../shared/data/epinions-hn}
if [[ -d $dataset ]]; then
	options+=(--volume "$(cd "$dataset" && pwd):/dataset:ro" --env ROOST_DATASET=/dataset)
fi
exec docker run "${options[@]}" "$ROOST_TEST_CONTAINER" "$@"
