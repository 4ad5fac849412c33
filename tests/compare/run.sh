#!/usr/bin/env bash
# Measures tapline beside its peers. Each peer gets a virtual environment of its own from its lock file; one that cannot be
# installed is reported by main.py as not run. Those of the taps are made by taps/venvs.py. Arguments go to main.py.
set -euo pipefail
cd "$(dirname "$0")"
source ../venvs.sh

export TAPLINE_VENVS=$cache/tapline/compare PYTHONDONTWRITEBYTECODE=1
mkdir -p "$TAPLINE_VENVS"
for lock in requirements/*.txt; do
	environment "$lock" || {
		echo "$(basename "$lock" .txt) cannot be installed from PyPI" >&2
		[[ $lock != requirements/main.txt ]] || exit 1
	}
done
exec "$TAPLINE_VENVS/main/bin/python" main.py "$@"
