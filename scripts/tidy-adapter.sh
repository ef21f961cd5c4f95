#!/usr/bin/env bash
# Checks that the go.mod of an adapter is tidy. Its go.mod names a version of the core
# that may not be released yet, so a copy that replaces it is what is checked.
# usage: scripts/tidy-adapter.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/../$1"
core=$(cd "$OLDPWD" && cd "$(git rev-parse --show-toplevel)" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp go.mod "$tmp/go.mod"
cp go.sum "$tmp/go.sum"
go mod edit -replace "github.com/closekit/closekit=$core" "$tmp/go.mod"
GOWORK=off go mod tidy -modfile="$tmp/go.mod" -diff
