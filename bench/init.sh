#!/bin/sh
# What importing the generated packages costs at start: the lines of
# GODEBUG=inittrace=1 for our packages, and how many packages have such a line
# in all. A package without a line does nothing at init. usage: ./init.sh
set -eu
cd "$(dirname "$0")"
mkdir -p .tmp
go build -o .tmp/init ./size/init
GODEBUG=inittrace=1 .tmp/init 2>.tmp/init.txt
echo "packages with init work: $(wc -l <.tmp/init.txt)"
grep closekit .tmp/init.txt || echo "closekit: none"
