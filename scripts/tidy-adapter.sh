#!/usr/bin/env bash
# Checks that the go.mod of an adapter is tidy. Its go.mod names a version of the core
# that may not be released yet, so a copy that replaces it is what is checked.
# Then runs commands with the versions that go.mod pins; the workspace of adapters has the
# newest of all. usage: scripts/tidy-adapter.sh FOLDER ['COMMAND' ...]
set -euo pipefail
cd "$(dirname "$0")/../$1"
shift
core=$(cd "$OLDPWD" && cd "$(git rev-parse --show-toplevel)" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp go.mod "$tmp/go.mod"
cp go.sum "$tmp/go.sum"
go mod edit -replace "github.com/closekit/closekit=$core" "$tmp/go.mod"
export GOWORK=off
go mod tidy -modfile="$tmp/go.mod" -diff
for command in "$@"; do
	GOFLAGS="${GOFLAGS:-} -modfile=$tmp/go.mod" bash -c "$command"
done
