#!/usr/bin/env bash
# After a failed or cancelled deployment of $STACK: write to the job's page what happened and what to do next.
set -euo pipefail
guide="$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/blob/$GITHUB_SHA/docs/pull-requests.md#after-an-interrupted-update"
errors() { "$(dirname "$0")/print_errors.sh" up.log 400; }
# A line of the log without its colors begins like this.
has() { [ -f up.log ] && sed $'s/\e\\[[0-9;]*[A-Za-z]//g' up.log | grep -E "^($1)" > /dev/null; }
progress='@ updating| +[-+~]+ '
{
  if [ ! -f up.log ] && [ ! -f summary.md ] && [ "$GITHUB_ACTOR" = 'dependabot[bot]' ]; then
    echo "### Stack \`$STACK\`: not deployed"
    echo
    echo "Dependabot started this run, so it gets no login. Start it yourself: \`gh workflow run deploy.yml\`."
  elif [ ! -f up.log ]; then
    # The update did not start. The step that failed has the reason, and a preview has its own summary.
    echo "Stack \`$STACK\`: the update did not start. Nothing was changed."
  elif has 'error: (the stack is currently locked by|\[409\] Conflict: Another update)'; then
    echo "### Stack \`$STACK\`: locked, nothing was changed"
    echo
    echo "Another update runs, or an interrupted update left its lock:"
    echo
    errors
    echo
    echo "If no update runs, delete the lock with \`pulumi cancel --stack $STACK\`, and run this job again."
    echo "[What to check first, and who can do it]($guide)"
  elif has '(\^C|SIG[A-Z]+) received; cancelling' || { ! has 'Duration:' && { has "$progress" || ! has 'error:'; }; }; then
    echo "### Stack \`$STACK\`: the update was interrupted"
    echo
    echo "Google Cloud may have a part of the changes. The update may have left a lock."
    echo "[What to do next]($guide)"
    echo
    errors
  elif has 'error: (writing snapshot|there was a problem deleting the lock)| *error: .*failed to save snapshot'; then
    echo "### Stack \`$STACK\`: the update could not write to its state"
    echo
    echo "Google Cloud may have a part of the changes. The state may not know them, and the update may have left a lock."
    echo "[What to do next]($guide), after you fix the reason:"
    echo
    errors
  elif ! has 'Duration:'; then
    echo "### Stack \`$STACK\`: the update failed at its start"
    echo
    echo "Nothing was changed. After you fix the reason, run this job again:"
    echo
    errors
  else
    echo "### Stack \`$STACK\`: the update failed"
    echo
    echo "Google Cloud may have a part of the changes. After you fix the reason, run this job again:"
    echo
    errors
  fi
} >> "$GITHUB_STEP_SUMMARY"
