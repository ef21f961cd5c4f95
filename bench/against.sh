#!/usr/bin/env bash
# Compares closekit with an older commit of itself: the calls that the peers are
# measured by, and the compile of closeapi. Passes of both alternate, so that
# both see the same load of a shared machine; the ratios are medians over the passes,
# this tree to the commit. Uncommitted changes are part of this tree.
# usage: ./against.sh COMMIT [PASSES] [BENCHTIME]
set -euo pipefail
cd "$(dirname "$0")"
commit=$(git rev-parse --verify "$1^{commit}")
n=${2:-21} time=${3:-0.1s}
old=$PWD/.tmp/against/$commit
mkdir -p "$old"
git -C .. archive "$commit" | tar -x -C "$old"
trap 'rm -rf "$old"' EXIT

(cd "$old/bench" && go test -c -o "$OLDPWD/.tmp/against/old.test" .)
go test -c -o .tmp/against/new.test .
run() { # NAME: one pass of a test binary, with the contender renamed
	".tmp/against/$1.test" -test.run '^$' -test.bench '^Benchmark(ListLeads|CreateOpportunity|Me)$/^closekit$' -test.benchtime "$time" |
		sed "s|/closekit|/$1|"
}
: >.tmp/against/bench.txt
for ((i = 0; i < n; i++)); do
	if ((i % 2)); then
		run old && run new
	else
		run new && run old
	fi >>.tmp/against/bench.txt
done
go run ./cmd/stat -base old .tmp/against/bench.txt

./compile.sh "$(((n + 3) / 4))" "$old"
