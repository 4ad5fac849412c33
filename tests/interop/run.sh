#!/usr/bin/env bash
# Runs the tests with outside tools. Each tool gets a virtual environment of its own from its lock file in requirements/.
# Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")"
source ../venvs.sh

export TAPLINE_VENVS=$cache/tapline/interop
mkdir -p "$TAPLINE_VENVS"
for lock in requirements/*.txt; do
	environment "$lock" || {
		echo "the outside tools cannot be installed, so the tests with them did not run" >&2
		[[ ${CI:-} != true ]] || exit 1
		exit 0
	}
done
exec "$TAPLINE_VENVS/main/bin/python" -m pytest -p no:cacheprovider -q "$@"
