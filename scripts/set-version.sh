#!/usr/bin/env bash
# Gives all modules of the repository one version: the constant of the core, and what
# the modules require of each other. A test fails if one of them has another version.
# usage: scripts/set-version.sh 0.2.0
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: scripts/set-version.sh VERSION, without the v}
if ! grep -qxE '[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?' <<<"$version"; then
	echo "the version $version is not of the form 1.2.3" >&2
	exit 1
fi
module=$(go list -m)
old=$(sed -n 's/^const Version = "\(.*\)"$/\1/p' client.go)
sed -i "s/^const Version = \".*\"\$/const Version = \"$version\"/" client.go
git ls-files -z 'go.mod' '*/go.mod' '*.work' | xargs -0 sed -i -E "s#^((require |replace |\t)?$module(/adapters/[a-z]+)?) v${old//./\\.}( |\$)#\1 v$version\4#"
echo "all modules have version $version; add the section to CHANGELOG.md"
