#!/usr/bin/env bash
# Scans all modules but those of tools for known vulnerabilities that their code reaches,
# or the modules in the given folders. The database is the pinned version of
# internal/tools/vuln/go.mod, so that an unchanged tree stays green; with -latest it is the
# newest one. A vulnerability of Go's standard library is reported but does not fail: the
# Go that builds a release decides about it. usage: scripts/vuln.sh [-latest] [FOLDER ...]
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
modfile=internal/tools/vuln/go.mod
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
govulncheck=$(go tool -modfile="$modfile" -n govulncheck)
if [ "${1:-}" = -latest ]; then
	shift
	db=()
else
	dir=$(go mod download -modfile="$modfile" -json golang.org/x/vulndb | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
	db=(-db "file://$dir/data/osv")
fi
folders=("$@")
if [ ${#folders[@]} = 0 ]; then
	mapfile -t folders < <(git ls-files 'go.mod' '*/go.mod' | grep -v '^internal/tools/' | xargs -n1 dirname)
fi

failed=
for folder in "${folders[@]}"; do
	at=$folder
	case $folder in
	adapters/*) # as users get it: with the versions of its go.mod instead of those of go.work.
		# In a copy, because govulncheck refuses -modfile.
		at=$tmp/$folder
		git ls-files -z "$folder" | xargs -0 cp --parents -t "$tmp"
		go mod edit -replace "github.com/closekit/closekit=$PWD" "$at/go.mod"
		;;
	esac
	if (cd "$at" && GOWORK=off "$govulncheck" "${db[@]}" ./...) >"$tmp/out" 2>&1; then
		echo "$folder: $(tail -1 "$tmp/out")"
	elif grep -q '^Your code is affected by .* from the Go standard library\.$' "$tmp/out"; then
		echo "$folder: $(grep '^Your code is affected' "$tmp/out")"
		grep -E 'Found in:|Fixed in:' "$tmp/out" >>"$tmp/go"
	else
		echo "$folder:"
		grep -vE '^ +#([2-9]|[0-9]{2,}):' "$tmp/out" # one trace of each
		failed=1
	fi
done
if [ -s "$tmp/go" ]; then
	sort -u "$tmp/go"
	echo "build releases with a Go version that has these fixes"
fi
[ -z "$failed" ]
