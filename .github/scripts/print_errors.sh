#!/usr/bin/env bash
# Print the errors of a log of Pulumi as a code block in Markdown: `print_errors.sh LOG LINES`.
# LINES limits the output, because GitHub refuses a comment or a page that is too long.
set -euo pipefail
sed -e $'s/\e\\[[0-9;]*[A-Za-z]//g' -e 's/\r$//' "$1" | awk -v limit="$2" '
  /^(Diagnostics|Policies):/ || /^error:/ { on = 1 }
  /^(Outputs|Resources|Duration):/ { on = 0 }
  on && ++lines <= limit { print "    " substr($0, 1, 1000) }
  END { if (lines > limit) print "    … The log of the job has more lines." }'
