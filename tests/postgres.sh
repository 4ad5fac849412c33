#!/usr/bin/env bash
# Makes sure that a PostgreSQL server can be run by tests: where initdb is missing, it installs Debian's package, without the
# cluster that the package would otherwise make and start.
set -euo pipefail

found() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

if found; then
	exit 0
fi
if ! command -v apt-get >/dev/null; then
	echo "PostgreSQL is not installed, and there is no apt-get to install it with: install PostgreSQL 13 or later so that initdb is in PATH" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "PostgreSQL is not installed, and only root can install it: run as root tests/postgres.sh, or apt-get install postgresql" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -q --no-install-recommends "$@"; }
apt-get update -q
install postgresql-common
settings=/etc/postgresql-common/createcluster.conf
if ! grep -q '^create_main_cluster' "$settings"; then
	echo 'create_main_cluster = false' >>"$settings"
fi
install postgresql
if ! found; then
	echo "the package postgresql was installed, but initdb is not in /usr/lib/postgresql: install PostgreSQL 13 or later so that initdb is in PATH" >&2
	exit 1
fi
