#!/usr/bin/env bash
# Make $STACK what its file says, what was changed by hand included; what is done is on the job's page.
set -euo pipefail
.github/scripts/preview.sh
pulumi --non-interactive up --yes --refresh --skip-preview --stack "$STACK"
