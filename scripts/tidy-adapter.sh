#!/usr/bin/env bash
# Checks that the go.mod of an adapter is tidy. Then runs commands with the versions that
# go.mod pins; the workspace of adapters has the newest of all.
# usage: scripts/tidy-adapter.sh FOLDER ['COMMAND' ...]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
shift
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
scripts/adapter-mod.sh "$folder" "$tmp"
cd "$folder"
export GOWORK=off
go mod tidy -modfile="$tmp/go.mod" -diff
for command in "$@"; do
	GOFLAGS="${GOFLAGS:-} -modfile=$tmp/go.mod" bash -c "$command"
done
