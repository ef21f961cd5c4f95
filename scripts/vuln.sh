#!/usr/bin/env bash
# Scans for known vulnerabilities that this code reaches. Without an argument the
# database is the pinned version of internal/tools/vuln/go.mod, so that an unchanged
# tree stays green; with "latest" it is the newest one. A vulnerability of Go's
# standard library is reported but does not fail: the Go that builds a release
# decides about it. usage: scripts/vuln.sh [latest]
set -euo pipefail
cd "$(dirname "$0")/.."
modfile=internal/tools/vuln/go.mod
db=()
if [ "${1:-}" != latest ]; then
	dir=$(go mod download -modfile="$modfile" -json golang.org/x/vulndb | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
	db=(-db "file://$dir/data/osv")
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
if go tool -modfile="$modfile" govulncheck "${db[@]}" ./... >"$out"; then
	tail -1 "$out"
elif grep -q '^Your code is affected by .* from the Go standard library\.$' "$out"; then
	grep -E '^Your code is affected|Found in:|Fixed in:' "$out" | sort -u
	echo "build releases with a Go version that has these fixes"
else
	cat "$out"
	exit 1
fi
