#!/bin/sh
# Runs every measurement and prints one report; also written to .tmp/report.md.
# RESULTS.md is such a report with a date. Takes about eight minutes on 2 cores.
# usage: ./all.sh [PASSES]
set -eu
cd "$(dirname "$0")"
n=${1:-11}
[ -d gen/ogenall ] || ./setup.sh
mkdir -p .tmp
export MD=1
block() {
	printf '\n```console\n$ %s\n' "$*"
	"$@"
	printf '```\n'
}
{
	echo "# Results"
	echo
	echo "$(date -u +%Y-%m-%d), $(go version | cut -d' ' -f3-), $(getconf _NPROCESSORS_ONLN) cores$(sed -n 's/^model name[^:]*: /, /p' /proc/cpuinfo 2>/dev/null | head -1), load $(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null), commit $(git rev-parse --short HEAD 2>/dev/null)$(git diff --quiet HEAD -- .. ':!.' || echo ' and changes')."
	echo "Peers: $(go list -m -f '{{.Path}} {{.Version}}' github.com/ogen-go/ogen), $(go list -m -f '{{.Path}} {{.Version}}' github.com/go-faster/jx)."
	printf '\n## Client calls: `./run.sh %s`\n' "$n"
	./run.sh "$n"
	printf '\n## Size of a program with one call\n'
	block ./size.sh
	printf '\n## Size of a program with one call, with four times the operations\n'
	block ./scale.sh
	printf '\n## Start-up\n'
	block ./init.sh
	printf '\n## Generated code and its compile\n'
	block go run ./cmd/lines ../closeapi ../closeapi/tools
	block ./compile.sh 5
	printf '\n## Generation\n\n'
	./gen.sh 3
} >.tmp/report.md
cat .tmp/report.md
