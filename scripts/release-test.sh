#!/usr/bin/env bash
# Builds a release for this machine in two folders and compares the bytes. With -get, it
# then gets every adapter as its users will, from the tags that a release sets.
# usage: scripts/release-test.sh [-get]
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
target=$(go env GOOS)/$(go env GOARCH)
export COMMIT
COMMIT=$(git rev-parse --short=12 HEAD)

scripts/release.sh "$tmp/a" "$target"
mkdir "$tmp/elsewhere"
git ls-files -z | xargs -0 cp --parents -t "$tmp/elsewhere"
"$tmp/elsewhere/scripts/release.sh" "$tmp/b" "$target" >/dev/null
cmp "$tmp/a/SHA256SUMS" "$tmp/b/SHA256SUMS"
(cd "$tmp/b" && sha256sum --check --quiet SHA256SUMS)
version=$("$tmp"/a/closekit_* version | cut -d' ' -f2)
for cmd in 'closekit version' 'closegen -version' 'closekit-mcp version' 'closekit-mcp -version'; do
	name=${cmd% *}
	got=$("$tmp/a/$name"_* "${cmd#* }")
	if [ "$got" != "$name $version ($COMMIT)" ]; then
		echo "$cmd prints \"$got\", want \"$name $version ($COMMIT)\"" >&2
		exit 1
	fi
done
echo "the same bytes from two folders"
if [ "${1:-}" != -get ]; then
	exit 0
fi

# The go command believes that this clone is the repository at its public address. All
# other modules come from the module cache of this machine if they are there.
git clone --quiet --no-tags . "$tmp/public"
git -C "$tmp/public" tag "v$version"
for adapter in adapters/*/; do
	git -C "$tmp/public" tag "${adapter}v$version"
done
module=$(go list -m)
proxy="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)"
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$tmp/public.insteadOf" GIT_CONFIG_VALUE_0="https://$module"
export GOPROXY=$proxy GONOPROXY="$module,$module/*" GONOSUMDB="$module,$module/*" GOMODCACHE="$tmp/modules" GOFLAGS=-modcacherw GOWORK=off GOBIN="$tmp/bin"
mkdir "$tmp/user"
cd "$tmp/user"
go install "$module/adapters/mcp/cmd/closekit-mcp@v$version"
if [ "$("$tmp/bin/closekit-mcp" version)" != "closekit-mcp $version" ]; then
	echo "the installed closekit-mcp is not version $version" >&2
	exit 1
fi
for adapter in "$tmp"/public/adapters/*/; do
	name=$(basename "$adapter")
	rm -f go.mod go.sum
	go mod init example.com/user 2>/dev/null
	go get "$module/adapters/$name@v$version" >"$tmp/get" 2>&1 || { cat "$tmp/get"; exit 1; }
	go list -mod=mod -deps "$module/adapters/$name" >/dev/null
done
echo "every adapter can be had at version $version, and closekit-mcp be installed"
