#!/usr/bin/env bash
# Makes sure that servers which speak the protocols of Google Cloud Storage and of Azure can be run by tests. It builds
# fake-gcs-server from the Go module proxy and installs Azurite from the npm registry, once, into the user's cache. Where
# there is no npm, or it gets nothing, the tests on Azure are skipped.
set -euo pipefail

gcs=v1.56.1
azurite=3.35.0 # later ones need Node.js 21
case $(uname -s) in
Darwin) cache=$HOME/Library/Caches ;;
*) cache=${XDG_CACHE_HOME:-$HOME/.cache} ;;
esac

dir=$cache/tapline/fake-gcs-server-$gcs
if [ ! -x "$dir/fake-gcs-server" ]; then
	GOBIN=$dir GOFLAGS=-mod=mod go install "github.com/fsouza/fake-gcs-server@$gcs"
fi
echo "$dir/fake-gcs-server"

dir=$cache/tapline/azurite-$azurite
if [ ! -e "$dir/done" ]; then
	if ! command -v npm >/dev/null; then
		echo "Azure is not tested: Azurite needs Node.js and npm, which are not installed" >&2
		exit 0
	fi
	if ! npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --omit=dev --silent "azurite@$azurite" >&2; then
		echo "Azure is not tested: npm could not install Azurite" >&2
		exit 0
	fi
	touch "$dir/done"
fi
echo "$dir/node_modules/.bin/azurite-blob"
