#!/usr/bin/env bash
# Builds a release for this machine in two folders and compares the bytes.
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
for bin in "$tmp"/a/closekit_*; do
	"$bin" version | grep -q "($COMMIT)"
done
for bin in "$tmp"/a/closegen_*; do
	"$bin" -version | grep -q "($COMMIT)"
done
echo "the same bytes from two folders"
