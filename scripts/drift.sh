#!/usr/bin/env bash
# Fails when generated code differs from what the generators write now, or when
# go.mod and go.sum are not tidy. Works on a copy of the checkout (tracked files and new
# ones, as they are now), so nothing here changes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
GO=${GO:-go}
root=$PWD

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

# The copy is made by git, so that it holds sources and not leftovers.
if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
	echo 'drift: run it in a git checkout' >&2
	exit 1
fi
# Files that were deleted but are still tracked are left out.
git ls-files --cached --others --exclude-standard -z |
	while IFS= read -r -d '' f; do if [[ -e $f ]]; then printf '%s\0' "$f"; fi; done |
	tar --create --null --files-from=- | tar --extract --directory="$copy"

cd "$copy"
# Inside a git hook these point to the checkout's own repository.
# shellcheck disable=SC2046 # one name per word
unset $(git rev-parse --local-env-vars)
git init --quiet
git add --all
failed=0

printf '== generated code\n'
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"
if ! make --silent generate GO="$GO"; then
	echo 'the generators failed'
	failed=1
elif ! git diff --quiet || [[ -n $(git ls-files --others --exclude-standard) ]]; then
	echo 'generated code is not up to date, run "make generate":'
	git --no-pager diff --name-status
	git ls-files --others --exclude-standard
	git --no-pager diff | head -n 100 || true
	failed=1
fi

printf '== go.mod\n'
cd "$root"
if ! "$GO" mod tidy -diff; then
	echo 'go.mod or go.sum is not tidy, run "go mod tidy"'
	failed=1
fi
"$GO" mod verify || failed=1
exit "$failed"
