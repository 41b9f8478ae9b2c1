#!/usr/bin/env bash
# After a failed or cancelled deployment of $STACK: write to the job's page what happened and what to do next.
set -euo pipefail
guide="$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/blob/$GITHUB_SHA/docs/pull-requests.md#after-an-interrupted-update"
{
  if [ ! -f up.log ] && [ "$GITHUB_ACTOR" = 'dependabot[bot]' ]; then
    echo "### Stack \`$STACK\`: not deployed"
    echo
    echo "Dependabot started this run, so it gets no login. Start it yourself: \`gh workflow run deploy.yml\`."
  elif [ ! -f up.log ]; then
    # The update did not start. The step that failed has the reason, and a preview has its own summary.
    echo "Stack \`$STACK\`: the update did not start. Nothing was changed."
  elif grep -Eq 'currently locked by|Another update is currently in progress' up.log; then
    echo "### Stack \`$STACK\`: locked, nothing was changed"
    echo
    echo "Another update runs, or an interrupted update left its lock:"
    echo
    grep -E 'created by|Another update' up.log | sed 's/^ */    /'
    echo
    echo "If no update runs, delete the lock with \`pulumi cancel --stack $STACK\`, and run this job again."
    echo "[What to check first, and who can do it]($guide)"
  elif grep -q 'received; cancelling' up.log || ! grep -Eq '^ *(Duration:|error:)' up.log; then
    echo "### Stack \`$STACK\`: the update was interrupted"
    echo
    echo "Google Cloud has a part of the changes. The update may have left a lock."
    echo "[What to do next]($guide)"
  else
    echo "### Stack \`$STACK\`: the update failed"
    echo
    echo "Google Cloud has a part of the changes, and the state knows them. After you fix the reason, run this job again:"
    echo
    sed -n '/^Diagnostics:/,/^Resources:/s/^/    /p; /^error:/s/^/    /p' up.log
  fi
} >> "$GITHUB_STEP_SUMMARY"
