#!/usr/bin/env bash
# Builds the binaries of a release and their SHA-256 checksums. The same commit
# and Go version produce the same bytes, wherever they are built.
# usage: scripts/release.sh [DIR [GOOS/GOARCH ...]]
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-dist}
shift || true
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
	targets=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64)
fi
# What the environment could change.
export GOFLAGS= CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0 GOTOOLCHAIN=local

version=$(go run ./cmd/closekit version | cut -d' ' -f2)
info=github.com/closekit/closekit/internal/buildinfo
commit=${COMMIT:-$(git rev-parse --short=12 HEAD)}
tag=$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null || true)
if [ -n "$tag" ] && [ "$tag" != "v$version" ]; then
	echo "the tag $tag is not the version $version of the source" >&2
	exit 1
fi

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
scripts/adapter-mod.sh adapters/mcp "$tmp"

# build builds a command of the module in a folder for $target.
build() {
	local folder=$1 cmd=$2 exe=
	shift 2
	if [ "${target%/*}" = windows ]; then exe=.exe; fi
	local file=${cmd}_${version}_${target/\//_}$exe
	(cd "$folder" && GOWORK=off GOOS=${target%/*} GOARCH=${target#*/} go build -trimpath -buildvcs=false "$@" \
		-ldflags "-s -w -buildid= -X $info.version=$version -X $info.commit=$commit" -o "$dir/$file" "./cmd/$cmd")
	files+=("$file")
}

files=(THIRD_PARTY_NOTICES.txt)
scripts/notices.sh >"$dir/THIRD_PARTY_NOTICES.txt"
for target in "${targets[@]}"; do
	build . closekit
	build . closegen
	build adapters/mcp closekit-mcp -modfile "$tmp/go.mod"
done
(cd "$dir" && sha256sum "${files[@]}" >SHA256SUMS && cat SHA256SUMS)
