"""The clients' settings on this machine: pip.conf, .pypirc and uv.toml from a stack's outputs.

Owns where each client looks, what a person sees before anything is written, and how it is written: whole
or not at all, what was there put aside. How texts are merged is in `merging.py`.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tools.clients.merging import CannotMerge, has_all_of_toml, in_the_way, merge_ini
from tools.errors import ToolError
from tools.stack import Outputs

# A new file may come to hold a password one day, and so may what was put aside.
PRIVATE = 0o600
# Of what is there already, a person at a shared screen sees everything but these.
_SECRET = re.compile(
    r"(?im)^(?P<keep>.[ \t]*password\s*[=:]\s*).+|(?P<url>://)(?!oauth2accesstoken@)[^\s@]+(?=@)"
)


@dataclass(frozen=True)
class Change:
    """One file, as it is and as it is to be; they are equal where all is in place."""

    path: Path
    before: str
    after: str

    def diff(self) -> str:
        """What changes, for a person to read."""
        texts = (self.before.splitlines(keepends=True), self.after.splitlines(keepends=True))
        lines = difflib.unified_diff(*texts, fromfile=str(self.path), tofile=str(self.path))
        text = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
        return _SECRET.sub(lambda m: f"{m['keep'] or m['url']}[hidden]", text)

    def write(self) -> Path | None:
        """Write it, and return where what was there is now."""
        # Through a link, as dotfiles are often kept.
        path = self.path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        aside, mode = None, PRIVATE
        if path.exists():
            aside = path.with_name(f"{path.name}.bak-{datetime.now():%Y%m%dT%H%M%S%f}")
            _create(aside, path.read_bytes(), PRIVATE)
            mode = stat.S_IMODE(path.stat().st_mode)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        _create(draft, self.after.encode(), mode)
        draft.replace(path)
        return aside


def configure(outputs: Outputs, *, dry_run: bool, yes: bool) -> None:
    """Show what would change, ask, and change it.

    Raises:
        ToolError: nothing was written, or a file is left to be changed by hand.
    """
    changes: list[Change] = []
    by_hand: list[str] = []
    for path, output in (
        (pip_path(), "pip_conf"),
        (Path.home() / ".pypirc", "pypirc"),
        (uv_path(), "uv_toml"),
    ):
        if output not in outputs:
            raise ToolError(f"The stack has no output {output}: run `pulumi up` with this version first.")
        try:
            change = _plan(path, outputs[output])
            changes.append(change)
            if path.suffix != ".toml":
                by_hand += [
                    f"{path}: {option} is yours, and in the way of the stack's. Take it out by hand."
                    for option in in_the_way(change.after, outputs[output])
                ]
        except CannotMerge as error:
            by_hand.append(f"{path} is left as it is: {error}. Add by hand:\n\n{outputs[output]}")
        except (OSError, UnicodeDecodeError) as error:
            raise ToolError(f"{path} cannot be read: {error}") from error
    by_hand += [
        f"{variable} is set, and beats {pip_path()}. Unset it."
        for variable in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
        if os.environ.get(variable)
    ]
    wanted = [change for change in changes if change.before != change.after]
    for change in wanted:
        print(change.diff())
    if wanted and not dry_run:
        if not yes and not _agreed():
            raise ToolError("Nothing was written.")
        for change in wanted:
            try:
                aside = change.write()
            except OSError as error:
                raise ToolError(f"{change.path} cannot be written: {error}") from error
            print(f"{change.path} is written" + (f"; what was there is in {aside}." if aside else "."))
    elif not wanted and not by_hand:
        print("Everything is in place already.")
    if by_hand:
        raise ToolError("\n".join(by_hand).rstrip())


def pip_path() -> Path:
    """The file that pip reads for this user: what `pip config debug` calls `user`, or the one named."""
    named = os.environ.get("PIP_CONFIG_FILE")
    if named:
        return Path(named)
    if sys.platform == "darwin":
        support = Path.home() / "Library" / "Application Support" / "pip"
        if support.is_dir():
            return support / "pip.conf"
    return _configuration() / "pip" / "pip.conf"


def uv_path() -> Path:
    """The file that uv reads for this user."""
    named = os.environ.get("UV_CONFIG_FILE")
    return Path(named) if named else _configuration() / "uv" / "uv.toml"


def _configuration() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _plan(path: Path, wanted: str) -> Change:
    if not path.exists():
        return Change(path, "", wanted)
    if not path.is_file():
        raise ToolError(f"{path} is no file: look at PIP_CONFIG_FILE and UV_CONFIG_FILE.")
    before = path.read_text(encoding="utf-8")
    if path.suffix != ".toml":
        return Change(path, before, merge_ini(before, wanted))
    if has_all_of_toml(before, wanted):
        return Change(path, before, before)
    if before.strip():
        # No library that keeps a person's comments in TOML is worth its weight here.
        raise CannotMerge("it has settings of yours")
    return Change(path, before, wanted)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise ToolError("Nothing was written: there is nobody to ask. Pass --yes to write.")
    try:
        return input("Write this? [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        return False


def _create(path: Path, content: bytes, mode: int) -> None:
    """A new file that nobody else could open in between."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    path.chmod(mode)
