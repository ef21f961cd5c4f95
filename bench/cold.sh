#!/bin/sh
# Cold compile of one package: the standard library and all packages that it
# imports are warm, the package itself is not. Wall and CPU time and the peak
# memory of the largest process. With OTHER, the bench folder of another working
# tree, both trees alternate, and their medians and ratios are printed.
# usage: ./cold.sh [RUNS] [PACKAGE] [OTHER]
set -eu
cd "$(dirname "$0")"
n=${1:-5} pkg=${2:-github.com/closekit/closekit/closeapi} other=${3:-}
here=$PWD base=$PWD/.tmp/warm cold=$PWD/.tmp/cold
rm -rf "$base" "$cold"
mkdir -p .tmp
go build -o .tmp/measure ./cmd/measure

warm() { # FOLDER
	# shellcheck disable=SC2046 # one argument per package
	(cd "$1" && GOCACHE=$base go build -tags peers std $(go list -tags peers -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' "$pkg" | grep -vx "$(go list -tags peers "$pkg")"))
}
compile() { # FOLDER RUNS NAME [FLAG]
	(cd "$1" && GOCACHE=$cold GOFLAGS=-tags=peers "$here/.tmp/measure" -n "$2" -name "$3" ${4:-} -before "rm -rf '$cold' && cp -al '$base' '$cold'" go build -o /dev/null "$pkg")
}

warm "$here"
if [ -z "$other" ]; then
	compile "$here" "$n" "$(basename "$pkg")"
else
	warm "$other"
	: >.tmp/cold.txt
	i=0
	while [ "$i" -lt "$n" ]; do
		compile "$other" 1 "ColdCompile/old" -bench >>.tmp/cold.txt
		compile "$here" 1 "ColdCompile/new" -bench >>.tmp/cold.txt
		i=$((i + 1))
	done
	go run ./cmd/stat -base old .tmp/cold.txt
fi
rm -rf "$base" "$cold"
