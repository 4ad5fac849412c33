#!/usr/bin/env bash
# Makes sure that an S3 server can be run by tests: it builds versitygw from the Go module proxy, once, into the user's cache.
set -euo pipefail

version=v1.8.0
case $(uname -s) in
Darwin) cache=$HOME/Library/Caches ;;
*) cache=${XDG_CACHE_HOME:-$HOME/.cache} ;;
esac
dir=$cache/tapline/versitygw-$version
if [ ! -x "$dir/versitygw" ]; then
	GOBIN=$dir GOFLAGS=-mod=mod go install "github.com/versity/versitygw/cmd/versitygw@$version"
fi
echo "$dir/versitygw"
