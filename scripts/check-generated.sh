#!/usr/bin/env bash
# Fails if a file that "go generate" writes is stale. The flags of closegen stand
# in generate.go only.
set -euo pipefail
cd "$(dirname "$0")/.."
sed -n 's|^//go:generate ||p' generate.go | while read -r command; do
	$command -check
done
