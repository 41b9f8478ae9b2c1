#!/usr/bin/env bash
# Deploy $STACK. The update also reverts changes made by hand. The job's page has the summary of the preview.
# up.log has the output of the update, for explain_failure.sh.
set -euo pipefail
.github/scripts/preview.sh
exec > >(tee up.log) 2>&1
exec pulumi --non-interactive up --yes --refresh --skip-preview --stack "$STACK"
