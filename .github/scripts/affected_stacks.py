"""The stacks that a change affects: reads names of changed files, prints two lines for $GITHUB_OUTPUT.

A stack file affects its own stack. A file of the program affects every stack that has a stack file. Tests,
tools and documentation affect none. Deleting a stack file does not destroy the stack.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

# The names that Pulumi accepts (sdk/go/common/tokens), except those that a command would read as an option.
STACK_FILE = re.compile(r"Pulumi\.(?P<stack>[A-Za-z0-9_.][A-Za-z0-9_.-]*)\.yaml")
# The files that `pulumi up` runs. The lock file selects the version of the provider. The setup action
# selects the version of Pulumi.
PROGRAM = re.compile(
    r"__main__\.py|settings/.*|components/.*|Pulumi\.yaml|requirements\.(?:txt|lock)|\.github/actions/setup/.*"
)


def stacks_of(files: Iterable[str]) -> set[str]:
    """Return the stacks whose stack files are among these files."""
    return {match["stack"] for name in files if (match := STACK_FILE.fullmatch(name))}


def affected_stacks(changed: Iterable[str], stacks: Iterable[str]) -> list[str]:
    """Return the affected ones of these stacks. A stack without a file cannot be previewed."""
    changed = list(changed)
    if any(PROGRAM.fullmatch(name) for name in changed):
        return sorted(stacks)
    return sorted(stacks_of(changed).intersection(stacks))


def main() -> None:
    changed = sys.stdin.read().splitlines()
    existing = {path.name for path in Path().glob("Pulumi.?*.yaml")}
    stacks = stacks_of(existing)
    for name in sorted(existing):
        if not STACK_FILE.fullmatch(name):
            print(f"{name!r} is ignored: Pulumi does not accept this stack name.", file=sys.stderr)
    print(f"stacks={json.dumps(affected_stacks(changed, stacks))}")
    print(f"removed={json.dumps(sorted(stacks_of(changed) - stacks))}")


if __name__ == "__main__":
    main()
