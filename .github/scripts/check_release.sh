#!/usr/bin/env bash
# Check the tag of a release against the version, the notes and the package's schema. Writes notes.md.
set -euo pipefail
version=$(python3 -B -c 'import components; print(components.__version__)')
if [ "$GITHUB_REF_NAME" != "v$version" ]; then
  echo "The tag is $GITHUB_REF_NAME, and the version in components/__init__.py is $version." >&2
  exit 1
fi
# The release's page is not in the repository, so its links need full addresses.
files="$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/blob/$GITHUB_REF_NAME"
awk -v heading="## [$version]" 'index($0, heading) == 1 { found = 1; next } /^## / { found = 0 } found' CHANGELOG.md |
  sed -E "s~\]\(([^):#]+[)#])~]($files/\1~g" > notes.md
if ! grep -q '[^[:space:]]' notes.md; then
  echo "CHANGELOG.md has no entries below the heading \"## [$version]\"." >&2
  exit 1
fi
previous=$(git describe --tags --abbrev=0 --match 'v*' HEAD^ 2>/dev/null || true)
if [ -z "$previous" ]; then
  echo "$GITHUB_REF_NAME is the first release."
  exit 0
fi
git show "$previous:tests/package/schema.json" > last_schema.json
python3 .github/scripts/compare_schemas.py last_schema.json tests/package/schema.json
