#!/usr/bin/env bash
# Create the stack e2e in $PROJECT: `e2e.sh up`. Destroy and remove it: `e2e.sh destroy`.
# The job's own account uploads, and gets tokens of the reader account.
set -euo pipefail
case "${1:-}" in
  up)
    cat > "Pulumi.$STACK.yaml" <<EOT
config:
  gcp:project: $PROJECT
  python-registry:location: $LOCATION
  python-registry:repository: e2e-python
  python-registry:protect: false
  python-registry:writers: ["serviceAccount:$ACCOUNT"]
  python-registry:impersonators:
    reader: ["serviceAccount:$ACCOUNT"]
EOT
    pulumi --non-interactive stack select --create "$STACK"
    pulumi --non-interactive up --yes --skip-preview --stack "$STACK"
    ;;
  destroy)
    pulumi --non-interactive destroy --yes --skip-preview --stack "$STACK"
    pulumi --non-interactive stack rm --yes --stack "$STACK"
    ;;
  *)
    echo "usage: e2e.sh up|destroy" >&2
    exit 1
    ;;
esac
