#!/bin/sh
# Runs the client benchmarks PASSES times, one count each, so that every
# contender sees the same load of a shared machine; prints medians and ratios.
# usage: ./run.sh [PASSES] [BENCHTIME] [-test.bench REGEXP]
set -eu
cd "$(dirname "$0")"
n=${1:-11} time=${2:-0.2s} re=${3:-ListLeads|CreateOpportunity|Me$|DecodeLead}
mkdir -p .tmp
tags=
[ -d gen/ogenclose ] && tags=peers || echo "no generated peers; ./setup.sh makes them" >&2
go test -tags "$tags" -c -o .tmp/bench.test .
.tmp/bench.test -test.run . >/dev/null # check every contender
: >.tmp/bench.txt
i=0
while [ "$i" -lt "$n" ]; do
	.tmp/bench.test -test.run '^$' -test.bench "$re" -test.benchtime "$time" >>.tmp/bench.txt
	i=$((i + 1))
done
if [ -n "$tags" ]; then
	go run ./cmd/stat -base peer-ogen ${MD:+-md} .tmp/bench.txt
fi
echo
echo "The same passes against encoding/json:"
go run ./cmd/stat -base hand-std-plain ${MD:+-md} .tmp/bench.txt
