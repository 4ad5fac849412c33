#!/usr/bin/env bash
# Measures tapline beside its peers. Each peer gets a virtual environment of its own from its lock file, made once and kept in
# the user's cache; one that cannot be installed is reported by main.py as not run. Those of the taps are made by taps/venvs.py.
# Arguments go to main.py.
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
export TAPLINE_VENVS=$cache/tapline/compare PYTHONDONTWRITEBYTECODE=1
mkdir -p "$TAPLINE_VENVS"
for lock in requirements/*.txt; do
	name=$(basename "$lock" .txt)
	venv=$TAPLINE_VENVS/$name
	made=$digest-$(sum "$lock")
	[[ -f $venv/made && $(<"$venv/made") == "$made" ]] && continue
	echo "installing $name"
	rm -rf "$venv"
	if "$python" -m venv "$venv" && "$venv/bin/pip" -q --disable-pip-version-check install -r "$lock"; then
		echo "$made" >"$venv/made"
		continue
	fi
	rm -rf "$venv"
	echo "$name cannot be installed from PyPI" >&2
	[[ $name != main ]] || exit 1
done
exec "$TAPLINE_VENVS/main/bin/python" main.py "$@"
