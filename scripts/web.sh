#!/usr/bin/env bash
# Installs the packages of web/, checks what is generated and the types, and runs tests
# against a roost that it builds: `web.sh client` those of the typed client and its
# example, `web.sh browser` those in Chromium. ROOST_TEST_SCREENSHOTS keeps pictures of
# the pages in a directory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
GO=${GO:-go}

case ${1:-} in
client) needs='node' ;;
browser) needs='node chromium' ;;
*)
	echo 'usage: scripts/web.sh client|browser' >&2
	exit 2
	;;
esac

export ROOST_TEST_NEEDS=$needs
found=$(scripts/setup.sh)
eval "$found"
if [[ -n ${ROOST_TEST_CONTAINER:-} ]]; then
	exec scripts/container.sh scripts/web.sh "$1"
fi
PATH=$(dirname "$ROOST_TEST_NODE"):$PATH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf '== roost\n'
"$GO" build -buildvcs=false -o "$work/roost" ./cmd/roost
export ROOST_BIN=$work/roost

cd web
printf '== packages\n'
if grep -q '"resolved": *"http' package-lock.json; then
	echo 'web/package-lock.json names a host: write it with the .npmrc of web/' >&2
	exit 1
fi
# npm's own cache serves what was fetched before.
if ! cmp -s package-lock.json node_modules/.installed; then
	npm ci --prefer-offline --loglevel=error
	cp package-lock.json node_modules/.installed
fi

printf '== generated code\n'
node codegen.js --check

printf '== types\n'
rm -rf ./*/dist # also of files that are not there any more
node_modules/.bin/tsc --build

printf '== tests\n'
run() { node --test --test-reporter=spec --test-timeout=120000 "$@"; }
if [[ $1 == client ]]; then
	run example/dist/test/*.test.js
else
	"$ROOST_TEST_CHROMIUM" --version 2>/dev/null
	run --test-concurrency=1 browser/dist/*.test.js
fi
