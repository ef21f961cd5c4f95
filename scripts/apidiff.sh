#!/usr/bin/env bash
# Compares the exported API with that of an older commit, and fails if a program
# that compiled could break. usage: scripts/apidiff.sh [COMMIT]
# Without a commit it is the newest release; see docs/compatibility.md.
set -euo pipefail
cd "$(dirname "$0")/.."
module=$(go list -m)
base=${1:-$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true)}
if [ -z "$base" ]; then
	echo "there is no release to compare with"
	exit 0
fi

apidiff=$(go tool -modfile=internal/tools/go.mod -n apidiff)
tmp=$(mktemp -d)
trap 'git worktree remove --force "$tmp/old" 2>/dev/null || true; rm -rf "$tmp"' EXIT
git worktree add --quiet --detach "$tmp/old" "$base"
(cd "$tmp/old" && "$apidiff" -m -w "$tmp/old.export" "$module")
"$apidiff" -m -w "$tmp/new.export" "$module"
compare() { "$apidiff" -m "$@" "$tmp/old.export" "$tmp/new.export" 2> >(grep -v '^Ignoring internal' >&2); }

compare
if [ -n "$(compare -incompatible)" ]; then
	echo "the API is incompatible with $base"
	exit 1
fi
echo "the API is compatible with $base"
