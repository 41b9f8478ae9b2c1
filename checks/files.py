"""The files of the repository, and the form in which the checks report a problem."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Problem:
    """One problem at one line of one file."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def repository_files(root: Path) -> list[str]:
    """Paths of the files that git tracks or would track, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = sorted(set(listed.stdout.split("\0")) - {""})
    # A deleted file is listed until the deletion is committed.
    return [path for path in paths if (root / path).is_file()]
