"""Which stacks a change touches: names of changed files in, one line for $GITHUB_OUTPUT out.

A stack's own file touches that stack; a file of the program touches every stack that has a file. Tests,
tools and documentation touch none.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

STACK_FILE = re.compile(r"Pulumi\.(?P<stack>[^/]+)\.yaml")
# What `pulumi up` runs. The lock too: it decides which plugin does.
PROGRAM = re.compile(r"__main__\.py|settings\.py|components/.*|Pulumi\.yaml|requirements\.(?:txt|lock)")


def touched_stacks(changed: Iterable[str], stacks: Iterable[str]) -> list[str]:
    """The stacks among those that exist; a removed file's stack cannot be previewed any more."""
    changed = list(changed)
    if any(PROGRAM.fullmatch(name) for name in changed):
        return sorted(stacks)
    named = {match["stack"] for name in changed if (match := STACK_FILE.fullmatch(name))}
    return sorted(named.intersection(stacks))


def main() -> None:
    stacks = [match["stack"] for path in Path().iterdir() if (match := STACK_FILE.fullmatch(path.name))]
    print(f"stacks={json.dumps(touched_stacks(sys.stdin.read().splitlines(), stacks))}")


if __name__ == "__main__":
    main()
