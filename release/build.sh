#!/usr/bin/env bash
# Writes the archives of a release of the commit that is checked out into a folder (dist without an argument), with a bill
# of materials for each binary and SHA256SUMS over all of it, and looks at what came out. Nothing is published.
#
#   release/build.sh [FOLDER [BINARY/OS/ARCH ...]]
#
# VERSION names the release; without it git does. What cannot be built here is listed at the end and in NOT-MADE.txt; with
# STRICT=1 that is a failure. AGAIN=1 builds this platform's binaries a second time elsewhere and compares.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "${1:-dist}"
dist=$(cd "${1:-dist}" && pwd)
shift || true
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
	for binary in tap-stripe tap-recharge target-warehouse; do
		targets+=("$binary"/{linux,darwin}/{amd64,arm64})
	done
fi
host=$(go env GOHOSTOS)/$(go env GOHOSTARCH)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A release is what was committed, whatever lies in the working tree.
git clone -q . "$work/source"
version=${VERSION:-$(git -C "$work/source" describe --tags --always)}
commit=$(git -C "$work/source" rev-parse HEAD | cut -c1-12)
epoch=$(git -C "$work/source" log -1 --format=%ct)
not_made=()

# compiler prints the C compiler for a platform, or says why there is none.
compiler() {
	case $1 in
	"$host") go env CC ;;
	linux/arm64) tool aarch64-linux-gnu-gcc 'Debian has it in g++-aarch64-linux-gnu' ;;
	linux/amd64) tool x86_64-linux-gnu-gcc 'Debian has it in g++-x86-64-linux-gnu' ;;
	darwin/*) echo "DuckDB is C++, and linking it for $1 takes libraries of Apple's SDK (CoreFoundation, Security, libresolv): build it on a Mac" && return 1 ;;
	*) echo "DuckDB is C++, and no compiler for $1 is known here" && return 1 ;;
	esac
}

tool() {
	command -v "$1" || { echo "DuckDB is C++, and $1 is not installed; $2" && return 1; }
}

# compile BINARY OS ARCH SOURCE OUT
compile() {
	local cgo=0 cc=
	if [ "$1" = target-warehouse ]; then
		cgo=1
		cc=$(compiler "$2/$3") || { echo "$cc" && return 1; }
	fi
	(cd "$4" && CGO_ENABLED=$cgo GOOS=$2 GOARCH=$3 CC=$cc CXX=${cc/%gcc/g++} \
		go build -trimpath -buildvcs=true -ldflags "-s -w -buildid= -X main.version=$version" -o "$5" "./$1") >&2
}

# papers builds a binary for this platform, and has it write its manual page and completions.
papers() {
	test -d "$work/papers/$1" && return
	local at=$work/papers/$1 run=$work/native/$1
	compile "$1" "${host%/*}" "${host#*/}" "$work/source" "$run"
	mkdir -p "$at/man/man1" "$at/completions"
	"$run" man >"$at/man/man1/$1.1"
	"$run" completion bash >"$at/completions/$1.bash"
	"$run" completion zsh >"$at/completions/_$1"
	"$run" completion fish >"$at/completions/$1.fish"
	"$run" completion powershell >"$at/completions/$1.ps1"
}

# pack BINARY OS ARCH
pack() {
	local name=$1_${version}_$2_$3 folder reason
	folder=$work/$name
	mkdir -p "$folder"
	if [ "$2/$3" != "$host" ]; then
		reason=$(compile "$1" "$2" "$3" "$work/source" "$folder/$1") || {
			[ -n "$reason" ] || exit 1 # the go command has said why
			not_made+=("$1 $2/$3: $reason")
			return
		}
	fi
	papers "$1"
	[ "$2/$3" != "$host" ] || cp "$work/native/$1" "$folder"
	cp -R "$work/papers/$1/." "$folder"
	for text in README.md CHANGELOG.md LICENSE; do
		test ! -e "$work/source/$text" || cp "$work/source/$text" "$folder"
	done
	chmod -R u=rwX,go=rX "$folder"
	tar -C "$work" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -9n >"$dist/$name.tar.gz"
	"$work/sbom" "$folder/$1" "$version" >"$dist/$name.cdx.json"
	made+=("$name")
	echo "made $name.tar.gz, $(wc -c <"$dist/$name.tar.gz") bytes"
}

# look unpacks an archive that this machine can run, and asks the binary who it is.
look() {
	local binary=${1%%_*} said
	case $1 in
	*_"${host/\//_}") ;;
	*) return 0 ;;
	esac
	mkdir -p "$work/look"
	tar -C "$work/look" -xzf "$dist/$1.tar.gz"
	said=$("$work/look/$1/$binary" --version)
	case $said in
	"$binary $version ("*"commit $commit of "*) echo "$said" ;;
	*) echo "$1 says of itself: $said" && return 1 ;;
	esac
}

# again builds a binary of this platform in another folder and, where that is cheap, with nothing compiled before.
again() {
	local binary=${1%%_*} cache
	cache=$(go env GOCACHE)
	[ "$binary" = target-warehouse ] || cache=$work/cache
	test -d "$work/elsewhere/clone" || git clone -q "$work/source" "$work/elsewhere/clone"
	GOCACHE=$cache compile "$binary" "${host%/*}" "${host#*/}" "$work/elsewhere/clone" "$work/elsewhere/$binary"
	cmp "$work/elsewhere/$binary" "$work/look/$1/$binary"
	echo "$binary comes out the same a second time"
}

made=()
rm -f "$dist"/*.tar.gz "$dist"/*.cdx.json "$dist"/SHA256SUMS "$dist"/NOT-MADE.txt
go build -o "$work/sbom" ./release/sbom
for target in "${targets[@]}"; do
	IFS=/ read -r binary os arch <<<"$target"
	pack "$binary" "$os" "$arch"
done
[ ${#not_made[@]} = 0 ] || printf '%s\n' "${not_made[@]}" >"$dist/NOT-MADE.txt"
[ ${#made[@]} -gt 0 ] || { echo 'nothing was made' && exit 1; }
(cd "$dist" && sha256sum -- *.tar.gz *.cdx.json >SHA256SUMS && sha256sum --check --quiet SHA256SUMS)
for name in "${made[@]}"; do
	look "$name"
	[ "${AGAIN:-}" != 1 ] || [ ! -d "$work/look/$name" ] || again "$name"
done
[ ! -e "$dist/NOT-MADE.txt" ] || sed 's/^/not made: /' "$dist/NOT-MADE.txt"
[ ! -e "$dist/NOT-MADE.txt" ] || [ "${STRICT:-}" != 1 ]
