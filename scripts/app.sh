#!/usr/bin/env bash
# Builds the web app into site/dist, and the tarball of the typed client into site/client.tgz, which the binary serves. With
# --check it builds elsewhere, and fails if what is committed is not what was built. The packages of web/ must be installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../web"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

node_modules/.bin/tsc --build client
node_modules/.bin/tsc --noEmit -p app
(cd app && ../node_modules/.bin/vite build --outDir "$work/dist" --emptyOutDir --logLevel error)
npm pack -w @roost/client --pack-destination "$work" --silent >/dev/null
mv "$work"/roost-client-*.tgz "$work/client.tgz"

# What a visitor loads first may have 180 KB, compressed.
most=$((180 * 1024))
bytes=$(cat "$work"/dist/assets/*.js | gzip -9 | wc -c)
printf 'the app has %d bytes of JavaScript, compressed\n' "$bytes"
if ((bytes > most)); then
	printf 'these are more than %d\n' "$most" >&2
	exit 1
fi

if [[ ${1:-} != --check ]]; then
	rm -rf ../site/dist
	cp -r "$work/dist" ../site/dist
	cp "$work/client.tgz" ../site/client.tgz
	exit
fi
# A tarball is compared by its files: how it is compressed depends on the version of Node.
mkdir "$work/built" "$work/committed"
tar -C "$work/built" -xzf "$work/client.tgz"
tar -C "$work/committed" -xzf ../site/client.tgz
if ! diff -r "$work/dist" ../site/dist || ! diff -r "$work/built" "$work/committed"; then
	echo 'site/dist or site/client.tgz is not what web/ builds: run "make app"' >&2
	exit 1
fi
