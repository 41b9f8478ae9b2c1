"""A change to one of the user's files: its diff without passwords, and a write that keeps a backup.

Writes the whole file or nothing. The new content comes from `merging.py`.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from components.client_config import TOKEN_USER

# The mode of new files and of backups: the user may store a password in them.
PRIVATE = 0o600
# Passwords in the diff of the user's own lines. Other people may see the screen.
_PASSWORD = re.compile(
    rf"(?im)^(?P<option>.[ \t]*password\s*[=:]\s*).+|(?P<scheme>://)(?!{TOKEN_USER}@)[^\s@]+(?=@)"
)


@dataclass(frozen=True)
class Change:
    """One file, before and after. Both texts are equal if the file needs no change."""

    path: Path
    before: str
    after: str

    def diff(self) -> str:
        """Return a unified diff, with passwords hidden."""
        texts = (self.before.splitlines(keepends=True), self.after.splitlines(keepends=True))
        lines = difflib.unified_diff(*texts, fromfile=str(self.path), tofile=str(self.path))
        text = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
        return _PASSWORD.sub(lambda m: f"{m['option'] or m['scheme']}[hidden]", text)

    def write(self) -> Path | None:
        """Write the file, and return the path of the backup if there was a file before."""
        # Dotfiles are often links: the file behind the link changes.
        path = self.path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        backup, mode = None, PRIVATE
        if path.exists():
            backup = path.with_name(f"{path.name}.bak-{datetime.now():%Y%m%dT%H%M%S%f}")
            _create(backup, path.read_bytes(), PRIVATE)
            mode = stat.S_IMODE(path.stat().st_mode)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        _create(draft, self.after.encode(), mode)
        draft.replace(path)
        return backup


def _create(path: Path, content: bytes, mode: int) -> None:
    """Create a file that no other user can open before it has its final mode."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    path.chmod(mode)
