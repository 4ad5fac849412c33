#!/usr/bin/env bash
# Runs the tests with outside tools. Each tool gets a virtual environment of its own from its lock file in requirements/, made
# once and kept in the user's cache. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")"

case $(uname -s) in
Darwin) cache=$HOME/Library/Caches ;;
*) cache=${XDG_CACHE_HOME:-$HOME/.cache} ;;
esac
python=
for name in python3 python3.11 python3.12 python3.13; do
	if "$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
		python=$name
		break
	fi
done
[[ -n $python ]] || {
	echo "Python 3.11 or later is needed, with venv: on Debian, apt-get install python3-venv" >&2
	exit 1
}
sum() { cksum <"$1" | tr ' ' -; }
digest=$("$python" --version | tr ' ' -)
export TAPLINE_VENVS=$cache/tapline/interop
mkdir -p "$TAPLINE_VENVS"
for lock in requirements/*.txt; do
	name=$(basename "$lock" .txt)
	venv=$TAPLINE_VENVS/$name
	made=$digest-$(sum "$lock")
	[[ -f $venv/made && $(<"$venv/made") == "$made" ]] && continue
	echo "installing $name"
	rm -rf "$venv"
	if ! { "$python" -m venv "$venv" && "$venv/bin/pip" -q --disable-pip-version-check install -r "$lock"; }; then
		rm -rf "$venv"
		echo "the outside tools cannot be installed, so the tests with them did not run" >&2
		[[ ${CI:-} != true ]] || exit 1
		exit 0
	fi
	echo "$made" >"$venv/made"
done
exec "$TAPLINE_VENVS/main/bin/python" -m pytest -p no:cacheprovider -q "$@"
