#!/usr/bin/env bash
# What the next `up` of $STACK would do, compared with what the cloud has: summary.md, also on the job's page.
# Ends with 1 where the preview fails; summary.md says why all the same.
set -euo pipefail
# The form of --json that has the outputs.
export PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true
status=0
pulumi --non-interactive preview --json --refresh --stack "$STACK" > preview.json || true
.venv/bin/python -m tools summary --stack "$STACK" < preview.json > summary.md || status=1
cat summary.md >> "$GITHUB_STEP_SUMMARY"
exit "$status"
