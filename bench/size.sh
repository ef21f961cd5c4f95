#!/bin/sh
# Builds a minimal program per contender (one call: list leads) and prints its
# size, stripped (-s -w), and the difference to the floor: net/http and
# encoding/json alone. For the boxed programs the floor has text/template too.
# usage: ./size.sh [NAME...]
set -eu
cd "$(dirname "$0")"
mkdir -p .tmp/size
if [ $# -eq 0 ]; then
	set -- floor handstd ours
	[ -d gen/ogenclose ] && set -- "$@" ogen
	set -- "$@" floorboxed oursboxed
	[ -d gen/ogenclose ] && set -- "$@" ogenboxed
fi
export CGO_ENABLED=0
size() {
	go build -tags peers -trimpath -ldflags '-s -w' -o ".tmp/size/$1" "./size/$1"
	wc -c <".tmp/size/$1"
}
floor=$(size floor) boxed=$(size floorboxed)
printf '%-12s %10s %10s\n' program bytes added
for n; do
	case $n in *boxed) f=$boxed ;; *) f=$floor ;; esac
	s=$(size "$n")
	printf '%-12s %10d %+10d\n' "$n" "$s" $((s - f))
done
