#!/usr/bin/env bash
# Whether the cloud is what $STACK's file says: summary.md, and drift=true or false for the next step.
set -euo pipefail
.github/scripts/preview.sh
drift=true
if grep -q ': No changes\.$' summary.md; then drift=false; fi
echo "drift=$drift" >> "$GITHUB_OUTPUT"
