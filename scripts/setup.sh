#!/usr/bin/env bash
# Finds what the tests need and sets up what is missing. Each of NEEDS is taken from
# the environment, else from installed binaries; else the whole run goes into a
# container when a Docker engine answers; else apt-get installs it when this is root on
# a Debian-like system; else the script fails and says what to do.
#
# Standard error tells what was found; standard output is shell code for the caller:
#   found=$(scripts/setup.sh) && eval "$found"
#
# Environment: ROOST_TEST_POSTGRES_BIN (directory of initdb and postgres, 15 or newer),
# ROOST_TEST_REDIS_SERVER (redis-server, 7 or newer), ROOST_TEST_DATABASE_URL (a running
# PostgreSQL for tests that do not stop it), ROOST_TEST_NODE, ROOST_TEST_CHROMIUM,
# ROOST_TEST_PGBOUNCER, CC.
# ROOST_TEST_DOCKER=0 leaves Docker out, ROOST_TEST_APT=0 leaves apt-get out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
GO=${GO:-go}

# What the tests of this repository use.
read -ra NEEDS <<<"${ROOST_TEST_NEEDS:-postgres redis cc node}"

say() { printf '%s\n' "$*" >&2; }
give() { printf 'export %s=%q\n' "$1" "$2"; }

# first_number prints the first number of its input: a major version.
first_number() { grep -oE '[0-9]+' | head -n 1; }

postgres_version() {
	[[ -x $1/initdb && -x $1/postgres ]] || return 1
	"$1/postgres" --version | first_number
}

find_postgres() {
	local dir version candidates=()
	if [[ -n ${ROOST_TEST_POSTGRES_BIN:-} ]]; then
		candidates=("$ROOST_TEST_POSTGRES_BIN")
	else
		if command -v postgres >/dev/null; then
			candidates+=("$(dirname "$(readlink -f "$(command -v postgres)")")")
		fi
		while IFS= read -r dir; do candidates+=("$dir"); done < <(
			shopt -s nullglob
			printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/lib64/pgsql/bin /usr/local/pgsql/bin \
				/opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin | sort -rV
		)
	fi
	for dir in ${candidates[@]+"${candidates[@]}"}; do
		version=$(postgres_version "$dir") || continue
		if ((version >= 15)); then
			give ROOST_TEST_POSTGRES_BIN "$dir"
			give ROOST_STORE_POSTGRES "$("$dir/postgres" --version | grep -oE '[0-9]+(\.[0-9]+)*' | head -n 1)"
			return 0
		fi
	done
	return 1
}

find_redis() {
	local bin version
	bin=${ROOST_TEST_REDIS_SERVER:-$(command -v redis-server || true)}
	[[ -n $bin ]] || return 1
	version=$("$bin" --version | sed -nE 's/.*v=([0-9.]+).*/\1/p') || return 1
	((${version%%.*} >= 7)) || return 1
	give ROOST_TEST_REDIS_SERVER "$bin"
	give ROOST_STORE_REDIS "$version"
}

# The race detector needs a C compiler.
find_cc() {
	command -v "$("$GO" env CC)" >/dev/null
}

find_node() {
	local bin version
	bin=${ROOST_TEST_NODE:-$(command -v node || true)}
	[[ -n $bin ]] || return 1
	version=$("$bin" --version | first_number) || return 1
	((version >= 20)) && command -v npm >/dev/null || return 1
	give ROOST_TEST_NODE "$bin"
}

find_chromium() {
	local name bin=${ROOST_TEST_CHROMIUM:-}
	if [[ -z $bin ]]; then
		for name in chromium chromium-browser google-chrome google-chrome-stable; do
			bin=$(command -v "$name") && break
		done
	fi
	[[ -n $bin ]] && "$bin" --version >/dev/null 2>&1 || return 1
	give ROOST_TEST_CHROMIUM "$bin"
}

find_nginx() { find_server nginx; }
find_haproxy() { find_server haproxy; }
find_caddy() { find_server caddy; }

find_pgbouncer() {
	local bin=${ROOST_TEST_PGBOUNCER:-}
	if [[ -z $bin ]]; then
		bin=$(command -v pgbouncer || echo /usr/sbin/pgbouncer)
	fi
	[[ -x $bin ]] || return 1
	give ROOST_TEST_PGBOUNCER "$bin"
}

# find_server looks where Debian has servers, too, which is not in everybody's PATH.
find_server() {
	command -v "$1" >/dev/null || [[ -x /usr/sbin/$1 ]]
}

# missing prints the needs that are not met; the exports of those that are go to file $1.
missing() {
	local need out
	: >"$1"
	for need in "${NEEDS[@]}"; do
		if out=$("find_$need"); then
			[[ -z $out ]] || printf '%s\n' "$out" >>"$1"
		else
			printf '%s\n' "$need"
		fi
	done
}

packages_of() {
	case $1 in
	postgres) echo postgresql ;;
	redis) echo redis-server ;;
	cc) echo gcc libc6-dev ;;
	node) echo nodejs npm ;;
	chromium | nginx | haproxy | caddy | pgbouncer) echo "$1" ;;
	esac
}

advice_for() {
	case $1 in
	postgres) echo 'PostgreSQL 15 or newer: install the server, or set ROOST_TEST_POSTGRES_BIN to the directory of initdb and postgres' ;;
	redis) echo 'Redis 7 or newer: install redis-server, or set ROOST_TEST_REDIS_SERVER to its path' ;;
	cc) echo 'a C compiler for go test -race: install gcc, or set CC' ;;
	node) echo 'Node 20 or newer with npm: install them, or set ROOST_TEST_NODE to the path of node' ;;
	nginx | haproxy | caddy) echo "$1: install it" ;;
	pgbouncer) echo 'PgBouncer: install it, or set ROOST_TEST_PGBOUNCER to its path' ;;
	chromium) echo 'Chromium: install it, or set ROOST_TEST_CHROMIUM to its path' ;;
	esac
}

docker_answers() {
	[[ ${ROOST_TEST_DOCKER:-1} != 0 ]] && command -v docker >/dev/null || return 1
	if command -v timeout >/dev/null; then
		timeout 20 docker info >/dev/null 2>&1 # an engine far away may hang
	else
		docker info >/dev/null 2>&1
	fi
}

apt_works() {
	[[ ${ROOST_TEST_APT:-1} != 0 && $EUID -eq 0 ]] && command -v apt-get >/dev/null
}

apt_install() {
	local need packages=()
	for need in "$@"; do
		# shellcheck disable=SC2207 # the words are package names
		packages+=($(packages_of "$need"))
	done
	say "setup: apt-get installs ${packages[*]}"
	# In run level 1 packages do not start their services: tests start their own.
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
	apt-get update -qq >&2 && apt-get install -qq -y --no-install-recommends "${packages[@]}" >&2
}

exports=$(mktemp)
trap 'rm -f "$exports"' EXIT

lacks=$(missing "$exports")
if [[ -n $lacks ]] && docker_answers; then
	say "setup: not found: ${lacks//$'\n'/, }; the tests run in a container"
	give ROOST_TEST_CONTAINER "golang:$(sed -nE 's/^go ([0-9]+\.[0-9]+).*/\1/p' go.mod)"
	exit 0
fi
if [[ -n $lacks ]] && apt_works; then
	# shellcheck disable=SC2086 # one word per need
	apt_install $lacks || say 'setup: apt-get failed'
	lacks=$(missing "$exports")
fi
if [[ -n $lacks ]]; then
	say 'setup: the tests run on real stores and these are missing:'
	for need in $lacks; do say "  - $(advice_for "$need")"; done
	say 'or start a Docker engine, or run as root where apt-get can install them.'
	exit 1
fi
cat "$exports"
