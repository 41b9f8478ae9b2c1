#!/usr/bin/env bash
# Use the package of this checkout as docs/package.md describes it, with the official CLI: `package.sh LANGUAGE`.
# LANGUAGE is python, ts or yaml, for the example of the page, or template. The previews run on the sandbox.
set -euo pipefail
checkout=$PWD
project=$(mktemp -d)
export PULUMI_BACKEND_URL="file://$project" PULUMI_CONFIG_PASSPHRASE="" PULUMI_HOME="${PULUMI_HOME:-$HOME/.pulumi}"

example() {
  .venv/bin/python -c 'import sys; from tests.support.docs import read_commands; print(read_commands(*sys.argv[1:]))' \
    package "## Package" "$1"
}

printf 'name: consumer\nruntime: yaml\n' > "$project/Pulumi.yaml"
case "${1:-}" in
  python)
    sed -i 's/yaml$/{name: python, options: {toolchain: pip, virtualenv: venv}}/' "$project/Pulumi.yaml"
    printf 'pulumi\npulumi-gcp\n' > "$project/requirements.txt"
    example python > "$project/__main__.py"
    ;;
  ts)
    sed -i 's/yaml$/nodejs/' "$project/Pulumi.yaml"
    echo '{"main": "index.ts", "dependencies": {"@pulumi/gcp": "*", "@pulumi/pulumi": "*", "typescript": "^5"}}' \
      > "$project/package.json"
    example ts > "$project/index.ts"
    ;;
  yaml) example yaml >> "$project/Pulumi.yaml" ;;
  template)
    cp -r template "$project.template"
    sed -i "s|github.com/ORG/REPO/package@.*|$checkout/package|" "$project.template/Pulumi.yaml"
    rm "$project/Pulumi.yaml"
    pulumi new "$project.template" --yes --dir "$project" --force --name consumer --stack dev
    ;;
  *)
    echo "usage: package.sh python|ts|yaml|template" >&2
    exit 1
    ;;
esac
if [ "$1" != template ]; then
  pulumi -C "$project" package add "$checkout/package"
  pulumi -C "$project" install
  pulumi -C "$project" stack init dev
fi
# The sandbox has a home and a state of its own, without the plugins and the stack from above.
.venv/bin/python -m sandbox run -- env "PULUMI_HOME=$PULUMI_HOME" "PULUMI_BACKEND_URL=$PULUMI_BACKEND_URL" \
  "PULUMI_CONFIG_PASSPHRASE=" pulumi -C "$project" preview --non-interactive --stack dev
