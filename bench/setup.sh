#!/bin/sh
# Generates the peers: installs their generators at fixed versions and
# writes their clients to gen/, which git ignores. Needs Go and the module proxy.
set -eu
cd "$(dirname "$0")"
mkdir -p .tmp/bin
GOBIN=$PWD/.tmp/bin go install github.com/ogen-go/ogen/cmd/ogen@v1.24.0
rm -rf gen/ogenclose
.tmp/bin/ogen --config peers/ogen.yml --target gen/ogenclose --package ogenclose --clean peers/openapi.yaml >.tmp/ogen.log 2>&1 || {
	cat .tmp/ogen.log >&2
	exit 1
}
if grep Skipping .tmp/ogen.log >&2; then
	echo "setup.sh: ogen left something out" >&2
	exit 1
fi
echo "gen/ogenclose: $(cat gen/ogenclose/*.go | wc -l) lines"
