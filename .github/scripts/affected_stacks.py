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
# The words and the end of files that belong to no stack: texts to copy, and leftovers of an older CLI. The
# program ignores the same files (`settings/other_stacks.py`), but this script can import no package.
TEMPLATES = ("example", "sample", "template")
LEFTOVER = ".deploy"
# The files that `pulumi up` runs. The lock file selects the version of the provider. The Makefile installs
# it. The setup action selects the version of Pulumi.
PROGRAM = re.compile(
    r"__main__\.py|settings/.*|components/.*|Pulumi\.yaml|requirements\.(?:txt|lock)|Makefile"
    r"|\.github/actions/setup/.*"
)


def stacks_of(files: Iterable[str]) -> set[str]:
    """Return the stacks whose stack files are among these files."""
    found = {match["stack"] for name in files if (match := STACK_FILE.fullmatch(name))}
    return {stack for stack in found if _is_stack(stack)}


def _is_stack(name: str) -> bool:
    return not name.endswith(LEFTOVER) and not any(word in name.lower() for word in TEMPLATES)


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
