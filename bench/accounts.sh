#!/bin/sh
# Measures runtime/accounts with 10 k, 100 k and 1 M accounts against a
# temporary PostgreSQL server, and prints the results; also
# written to .tmp/accounts.md. Takes about ten minutes on 2 cores, and 2 GB of
# disk. Needs PostgreSQL (the server and pg_stat_statements), installed but not running.
# usage: ./accounts.sh [TEST REGEXP] [OPTIONS of the database's URL]
set -eu
cd "$(dirname "$0")"
mkdir -p .tmp
report=$PWD/.tmp/accounts.md
: >"$report"
if [ -z "${1-}" ]; then
	{
		printf '\nThe cached credential (`go test -bench Credential`)\n\n```console\n'
		go test -run '^$' -bench 'Credential$' -benchtime 1s -count 3 ../runtime/accounts | grep -E '^Benchmark'
		printf '```\n'
	} >>"$report"
fi
CLOSEKIT_REQUIRE_POSTGRES=1 go test -count 1 -timeout 60m ./accounts -run "${1:-.}" -full -report "$report" -options "${2-}" >.tmp/accounts.txt 2>&1 || {
	cat .tmp/accounts.txt >&2
	exit 1
}
cat "$report"
