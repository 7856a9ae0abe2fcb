#!/usr/bin/env bash
# Installs the packages of web/, checks what is generated and the types, also those of a
# React project that installs the client's tarball, and runs tests against a roost that
# it builds: `web.sh client` those of the typed client, its example and the recipes, `web.sh browser` those in Chromium, `web.sh all`
# both, `web.sh soak` also the long ones. ROOST_TEST_SCREENSHOTS keeps pictures of the pages in a directory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
GO=${GO:-go}

case ${1:-} in
client) needs='node' ;;
browser | all | soak) needs='node chromium' ;;
*)
	echo 'usage: scripts/web.sh client|browser|all|soak' >&2
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
if grep -l '"resolved": *"http' package-lock.json react/package-lock.json >&2; then
	echo 'the lock files of web/ that are named above name a host: write them with the .npmrc beside them' >&2
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

printf '== the web app\n'
../scripts/app.sh --check

# What both a project and the client use must be there once, or their types and hooks differ.
printf '== a project that installs the tarball\n'
project=$work/react
mkdir "$project"
tar -C react --exclude=node_modules --exclude=dist -cf - . | tar -C "$project" -xf -
npm pack -w @roost/client --pack-destination "$work" --silent >/dev/null
(
	cd "$project"
	npm ci --prefer-offline --loglevel=error
	npm install --no-save --prefer-offline --loglevel=error "$work"/roost-client-*.tgz
	for package in @apollo/client graphql rxjs graphql-ws; do
		copies=$(find node_modules -type d -path "*node_modules/$package" | wc -l)
		if ((copies != 1)); then
			printf '%s is installed %s times\n' "$package" "$copies" >&2
			exit 1
		fi
	done
	npm run --silent check
	NODE_ENV=development npm run --silent build -- --logLevel error
)

printf '== tests\n'
# With the development build of Apollo Client, which complains about misuse.
run() { node --conditions=development --test --test-reporter=spec --test-timeout=300000 "$@"; }
failed=0
if [[ $1 != browser ]]; then
	run example/dist/test/*.test.js recipes/dist/test/*.test.js || failed=1
fi
if [[ $1 != client ]]; then
	"$ROOST_TEST_CHROMIUM" --version 2>/dev/null
	ROOST_TEST_REACT=$project/dist run --test-concurrency=1 browser/dist/*.test.js || failed=1
fi
if [[ $1 == soak ]]; then
	run --test-timeout=600000 browser/dist/soak/*.test.js || failed=1
fi
exit "$failed"
