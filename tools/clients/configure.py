"""`python -m tools configure`: puts a stack's pip.conf, .pypirc and uv.toml where the clients read them.

Owns the order: plan every file, show the diffs, ask, write, and report what the user must do by hand.
Locations are in `locations.py`, merging of texts in `merging.py`, writing in `changes.py`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.clients.changes import Change
from tools.clients.locations import client_files
from tools.clients.merging import CannotMergeError, conflicting_options, contains_toml, merge_ini
from tools.errors import ToolError
from tools.stack import Outputs

# pip reads these before its file.
OVERRIDES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")


def configure(outputs: Outputs, *, dry_run: bool, yes: bool) -> None:
    """Show the changes, ask, and write them.

    Raises:
        ToolError: nothing was written, or the user must change a file by hand.
    """
    changes: list[Change] = []
    manual_steps: list[str] = []
    files = client_files()
    for output, path in files.items():
        if output not in outputs:
            raise ToolError(f"The stack has no output {output}: run `pulumi up` with this version first.")
        try:
            change = _plan(path, outputs[output])
        except CannotMergeError as error:
            manual_steps.append(f"{path} is not changed: {error}. Add by hand:\n\n{outputs[output]}")
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise ToolError(f"Cannot read {path}: {error}") from error
        changes.append(change)
        manual_steps += _conflicts(change, outputs[output])
    manual_steps += [
        f"{variable} is set and overrides {files['pip_conf']}. Unset it."
        for variable in OVERRIDES
        if os.environ.get(variable)
    ]
    pending = [change for change in changes if change.before != change.after]
    for change in pending:
        print(change.diff())
    if pending and not dry_run:
        if not yes and not _user_agrees():
            raise ToolError("Nothing was written.")
        _write(pending)
    elif not pending and not manual_steps:
        print("All files are up to date.")
    if manual_steps:
        raise ToolError("\n".join(manual_steps).rstrip())


def _plan(path: Path, desired: str) -> Change:
    if not path.exists():
        return Change(path, "", desired)
    if not path.is_file():
        raise ToolError(f"{path} is not a file. Check PIP_CONFIG_FILE and UV_CONFIG_FILE.")
    before = path.read_text(encoding="utf-8")
    if path.suffix != ".toml":
        return Change(path, before, merge_ini(before, desired))
    if contains_toml(before, desired):
        return Change(path, before, before)
    if before.strip():
        # A library that keeps comments in TOML would be a dependency for this case only.
        raise CannotMergeError("it has other settings")
    return Change(path, before, desired)


def _conflicts(change: Change, desired: str) -> list[str]:
    if change.path.suffix == ".toml":
        return []
    return [
        f"{change.path}: your option {option} conflicts with the stack's. Remove it by hand."
        for option in conflicting_options(change.after, desired)
    ]


def _write(changes: Sequence[Change]) -> None:
    for change in changes:
        try:
            backup = change.write()
        except OSError as error:
            raise ToolError(f"Cannot write {change.path}: {error}") from error
        print(f"Wrote {change.path}." + (f" Backup: {backup}" if backup else ""))


def _user_agrees() -> bool:
    if not sys.stdin.isatty():
        raise ToolError("Nothing was written: standard input is not a terminal. Pass --yes to write.")
    try:
        return input("Write these changes? [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        return False
