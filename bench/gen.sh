#!/bin/sh
# Full generation: wall time, CPU time and peak memory of closegen on 2 cores, for the
# manifest of Close and for manifests with every resource twice and four times.
# usage: ./gen.sh [RUNS]
set -eu
cd "$(dirname "$0")"
n=${1:-5}
mkdir -p .tmp
go build -o .tmp/closegen github.com/closekit/closekit/cmd/closegen
go build -o .tmp/measure ./cmd/measure
export GOMAXPROCS=2
if [ -n "${MD-}" ]; then echo '```console'; fi
for k in 1 2 4; do
	rm -rf .tmp/synth$k .tmp/out$k
	go run ./cmd/synth -n $k -out .tmp/synth$k
	.tmp/measure -n "$n" -name "closegen ${k}x" -before "rm -rf .tmp/out$k" \
		.tmp/closegen -out .tmp/out$k/api -import example.com/api -package api -manifest .tmp/synth$k -routes .tmp/out$k/emulator/routes.go -reference .tmp/out$k/reference | tail -1
done
if [ -n "${MD-}" ]; then echo '```'; fi
go test -run '^$' -bench Generate -benchtime 1s -count 3 . >.tmp/gen.txt
go run ./cmd/stat -base 1x ${MD:+-md} .tmp/gen.txt
