#!/bin/sh
# The cost at start of importing the generated packages: the lines of
# GODEBUG=inittrace=1 for our packages, and how many packages have such a line
# in total. A package without such a line does nothing at init. usage: ./init.sh
set -eu
cd "$(dirname "$0")"
mkdir -p .tmp
go build -o .tmp/init ./size/init
GODEBUG=inittrace=1 .tmp/init 2>.tmp/init.txt
echo "packages with init work: $(wc -l <.tmp/init.txt)"
grep closekit .tmp/init.txt || echo "closekit: none"
