#!/bin/sh
# Cold compile of one package: the standard library and all packages that it
# imports are warm, the package itself is not. Wall and CPU time and the peak
# memory of the largest process. usage: ./cold.sh [RUNS] [PACKAGE]
set -eu
cd "$(dirname "$0")"
n=${1:-5} pkg=${2:-github.com/closekit/closekit/closeapi}
base=$PWD/.tmp/warm cold=$PWD/.tmp/cold
rm -rf "$base" "$cold"
mkdir -p .tmp
go build -o .tmp/measure ./cmd/measure
# shellcheck disable=SC2046 # one argument per package
GOCACHE=$base go build -tags peers std $(go list -tags peers -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' "$pkg" | grep -vx "$(go list -tags peers "$pkg")")
GOCACHE=$cold GOFLAGS=-tags=peers .tmp/measure -n "$n" -name "$(basename "$pkg")" -before "rm -rf '$cold' && cp -al '$base' '$cold'" go build -o /dev/null "$pkg"
rm -rf "$base" "$cold"
