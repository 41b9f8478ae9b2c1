#!/usr/bin/env bash
# The result of a preview for branch protection. Fails if a job failed. The page says so, or why there is no preview.
set -euo pipefail
case "$RESULTS" in
  *failure* | *cancelled*)
    echo "A job of this run failed or was cancelled. Its page or its log has the reason." |
      tee -a "$GITHUB_STEP_SUMMARY" >&2
    exit 1
    ;;
esac
if [ "$GITHUB_EVENT_NAME" = merge_group ]; then
  reason="A merge queue has no preview of its own. \`deploy.yml\` previews \`prod\` before its approval."
elif [ "$BRANCH_OF" != "$GITHUB_REPOSITORY" ]; then
  reason="The branch is in a fork. The code of a fork never gets a login.

To get a preview, push the branch to this repository."
elif [ "$STACKS" = '[]' ]; then
  reason="The pull request affects no stack that has a stack file."
elif [ "$GITHUB_ACTOR" = 'dependabot[bot]' ]; then
  reason="Dependabot started this run, so it gets no login. Its packages would run with the rights of the previewer
before a person has seen the change.

To get a preview, push a commit to this branch, or close the pull request and open it again. A re-run keeps the
rights of Dependabot. After the merge, \`deploy.yml\` previews \`prod\` before its approval."
else
  exit 0
fi
printf '### No preview\n\n%s\n' "$reason" >> "$GITHUB_STEP_SUMMARY"
