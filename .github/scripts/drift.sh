#!/usr/bin/env bash
# Compare Google Cloud with $STACK's stack file: writes summary.md, and drift=true or false for the next step.
set -euo pipefail
status=0
.github/scripts/preview.sh --detailed-exitcode || status=$?
case "$status" in
  0) drift=false ;;
  2) drift=true ;;
  *) exit "$status" ;;
esac
echo "drift=$drift" >> "$GITHUB_OUTPUT"
