#!/usr/bin/env bash
# Runs commands in the folder of an adapter, with the versions that its go.mod pins; the
# workspace of adapters has the newest of all. Fails first if go.mod is not tidy.
# usage: scripts/in-adapter.sh FOLDER ['COMMAND' ...]
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
