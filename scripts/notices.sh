#!/usr/bin/env bash
# Prints the licenses of all modules that are linked into the binaries, and of Go
# itself. Fails if a license is not a permissive one. usage: scripts/notices.sh
set -euo pipefail
shopt -s inherit_errexit # a target that cannot be listed fails
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
scripts/adapter-mod.sh adapters/mcp "$tmp"

# linked prints the modules that packages are made of, but ours.
linked() {
	CGO_ENABLED=0 GOWORK=off go list -deps -f '{{with .Module}}{{if not (or .Main .Replace)}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' "$@"
}
modules=$(for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do
	export GOOS=${target%/*} GOARCH=${target#*/}
	linked ./cmd/closekit ./cmd/closegen
	(cd adapters/mcp && linked -modfile "$tmp/go.mod" ./cmd/closekit-mcp)
done | sort -u)
echo "Software that the binaries of closekit contain, with its licenses."
{
	echo "$modules"
	echo "Go $(go env GOVERSION) $(go env GOROOT)"
} | while read -r path version dir; do
	found=
	for file in "$dir"/LICENSE* "$dir"/LICENCE* "$dir"/COPYING* "$dir"/NOTICE* "$dir"/PATENTS*; do
		[ -f "$file" ] || continue
		found=$file
		printf '\n%s\n%s %s: %s\n\n' "$(printf '=%.0s' {1..80})" "$path" "$version" "$(basename "$file")"
		cat "$file"
	done
	if [ -z "$found" ]; then
		echo "$path: no license" >&2
		exit 1
	fi
	licenses=$(cat "$dir"/LICENSE* "$dir"/LICENCE* "$dir"/COPYING* 2>/dev/null || true)
	if grep -qE 'GNU (LESSER |AFFERO )?GENERAL PUBLIC|Mozilla Public|Eclipse Public' <<<"$licenses" ||
		! grep -qE 'Permission is hereby granted, free of charge|Redistribution and use in source and binary forms|Apache License|Permission to use, copy, modify' <<<"$licenses"; then
		echo "$path: the license is not known to be permissive" >&2
		exit 1
	fi
done
