"""Which stacks a change touches: names of changed files in, two lines for $GITHUB_OUTPUT out.

A stack's own file touches that stack; a file of the program touches every stack that has a file. Tests,
tools and documentation touch none. A file that is removed takes its stack out of sight, not out of the
cloud.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

# What Pulumi takes for a name (sdk/go/common/tokens), without what a command would take for an option.
STACK_FILE = re.compile(r"Pulumi\.(?P<stack>[A-Za-z0-9_.][A-Za-z0-9_.-]*)\.yaml")
# What `pulumi up` runs. The lock too: it decides which plugin does.
PROGRAM = re.compile(r"__main__\.py|settings/.*|components/.*|Pulumi\.yaml|requirements\.(?:txt|lock)")


def stacks_of(names: Iterable[str]) -> set[str]:
    """The stacks whose files are among these."""
    return {match["stack"] for name in names if (match := STACK_FILE.fullmatch(name))}


def affected_stacks(changed: Iterable[str], stacks: Iterable[str]) -> list[str]:
    """The stacks among those that exist; a removed file's stack cannot be previewed any more."""
    changed = list(changed)
    if any(PROGRAM.fullmatch(name) for name in changed):
        return sorted(stacks)
    return sorted(stacks_of(changed).intersection(stacks))


def main() -> None:
    changed = sys.stdin.read().splitlines()
    there = {path.name for path in Path().glob("Pulumi.?*.yaml")}
    stacks = stacks_of(there)
    for name in sorted(there):
        if not STACK_FILE.fullmatch(name):
            print(f"{name!r} is left out: no stack has such a name.", file=sys.stderr)
    print(f"stacks={json.dumps(affected_stacks(changed, stacks))}")
    print(f"removed={json.dumps(sorted(stacks_of(changed) - stacks))}")


if __name__ == "__main__":
    main()
