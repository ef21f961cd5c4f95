#!/usr/bin/env bash
# Writes go.mod and go.sum of an adapter to a folder, with the core of this tree in place
# of the version that go.mod names, which may not be released yet. With the go.mod, as
# with -modfile, and without go.work, an adapter is built of the versions that its users
# get. usage: scripts/adapter-mod.sh ADAPTER FOLDER
set -euo pipefail
cp "$1/go.mod" "$1/go.sum" "$2"
go mod edit -replace "github.com/closekit/closekit=../.." "$2/go.mod" # from the folder of the adapter
