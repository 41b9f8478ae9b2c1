#!/usr/bin/env bash
# Deploy $STACK. The update also reverts changes made by hand. The job's page has the summary of the preview.
set -euo pipefail
.github/scripts/preview.sh
pulumi --non-interactive up --yes --refresh --skip-preview --stack "$STACK"
