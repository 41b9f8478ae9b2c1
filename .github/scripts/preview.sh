#!/usr/bin/env bash
# Preview the next update of $STACK, compared with Google Cloud: writes summary.md, also to the job's page.
# Exit status: 0 if the preview succeeds, 1 if it fails. summary.md has the reason.
# With --detailed-exitcode: 0 if nothing changes, 2 if something changes, 1 if the preview fails.
set -euo pipefail
# The JSON format that has the outputs.
export PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true
status=0
pulumi --non-interactive preview --json --refresh --stack "$STACK" 2>&1 > preview.json | tee preview.log >&2 || true
.venv/bin/python -m tools summary --stack "$STACK" < preview.json > summary.md || status=$?
# Without a preview, for example because the login or the stack is missing, only the log has the reason.
if [ ! -s preview.json ]; then { echo; .github/scripts/print_errors.sh preview.log 50; } >> summary.md; fi
cat summary.md >> "$GITHUB_STEP_SUMMARY"
if [ "$status" = 2 ] && [ "${1:-}" != --detailed-exitcode ]; then status=0; fi
exit "$status"
