#!/bin/sh
# CPU time of the compiler for closeapi, and for the client that ogen generates of the
# same operations and types: the package alone, in turn, with the ratio. With TREE, the
# folder of another version of closekit, closeapi is compared with that version's instead,
# and so is a package of the tools that both have.
# usage: ./compile.sh [ROUNDS] [TREE]
set -eu
cd "$(dirname "$0")"
n=${1:-5} tree=${2:-}
if [ -z "$tree" ]; then
	[ -d gen/ogenall ] || ./setup.sh >&2
	exec go run ./cmd/compile -n "$n" "ogen=gen/ogenall" "closekit=../closeapi"
fi
tools() { cat "$1"/closeapi/*.go | sed -n 's/.*Tool: *"\(close_[a-z0-9_]*\)".*/\1/p' | sort -u; }
mkdir -p .tmp
tools "$tree" >.tmp/tools.old
tools .. >.tmp/tools.new
[ -s .tmp/tools.old ] || {
	echo "compile.sh: $tree/closeapi has no operations" >&2
	exit 1
}
rm -rf gen/sametools
go run ../cmd/closegen -out gen/sametools -tools "$(comm -12 .tmp/tools.old .tmp/tools.new | paste -sd, -)" >&2
exec go run ./cmd/compile -n "$n" "the other tree=$tree/closeapi" "the same tools=gen/sametools" "all tools=../closeapi"
