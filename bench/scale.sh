#!/bin/sh
# A program with one call must not grow with the number of operations in the
# package it imports: generates the manifest as it is and with every resource four
# times, builds the program of size/ours with either, and fails if the sizes differ
# by more than a page of 4 KiB.
# usage: ./scale.sh
set -eu
cd "$(dirname "$0")"
mkdir -p .tmp/size gen
go build -o .tmp/closegen github.com/closekit/closekit/cmd/closegen
export CGO_ENABLED=0
small=0
printf '%-12s %10s %10s\n' operations bytes added
for k in 1 4; do
	rm -rf ".tmp/synth$k" "gen/scale$k"
	go run ./cmd/synth -n "$k" -out ".tmp/synth$k"
	.tmp/closegen -out "gen/scale$k/closeapi" -import "github.com/closekit/closekit/bench/gen/scale$k/closeapi" \
		-package closeapi -manifest ".tmp/synth$k" >/dev/null
	mkdir "gen/scale$k/one"
	sed "s,closekit/closekit/closeapi,closekit/closekit/bench/gen/scale$k/closeapi," size/ours/main.go >"gen/scale$k/one/main.go"
	go build -trimpath -ldflags '-s -w' -o ".tmp/size/scale$k" "./gen/scale$k/one"
	bytes=$(wc -c <".tmp/size/scale$k")
	[ "$small" -gt 0 ] || small=$bytes
	printf '%-12d %10d %+10d\n' "$(cat "gen/scale$k/closeapi"/*.go | grep -c 'Operation{Tool: \|^		Tool: ')" "$bytes" $((bytes - small))
done
if [ $((bytes - small)) -gt 4096 ] || [ $((small - bytes)) -gt 4096 ]; then
	echo "scale.sh: the program grows with the operations that it does not call" >&2
	exit 1
fi
