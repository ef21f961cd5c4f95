#!/bin/sh
# Generates the peers: installs their generators at fixed versions and
# writes their clients to gen/, which git ignores. Needs Go and the module proxy.
set -eu
cd "$(dirname "$0")"
mkdir -p .tmp/bin
GOBIN=$PWD/.tmp/bin go install github.com/ogen-go/ogen/cmd/ogen@v1.24.0
ogen() { # NAME DOCUMENT
	rm -rf "gen/$1"
	.tmp/bin/ogen --config peers/ogen.yml --target "gen/$1" --package "$1" --clean "$2" >.tmp/ogen.log 2>&1 || {
		cat .tmp/ogen.log >&2
		exit 1
	}
	if grep Skipping .tmp/ogen.log >&2; then
		echo "setup.sh: ogen left something out" >&2
		exit 1
	fi
	echo "gen/$1: $(grep -c 'OperationName = "' "gen/$1/oas_operations_gen.go") operations, $(cat "gen/$1"/*.go | wc -l) lines"
}
ogen ogenclose peers/openapi.yaml
go run ./cmd/openapi >.tmp/openapi.json # all operations, for the compile
ogen ogenall .tmp/openapi.json
