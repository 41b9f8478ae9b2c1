"""The content of files: each is kept once, under its SHA-256, and is complete before a document names it.

Owns the folder and the order of writes. The documents in the store name the files that exist. Content that
no document names is left from an interrupted upload.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Generator
from pathlib import Path

from sandbox.cloud.core.store import Store

# The size of one read of a file, efficient for hashing and for disks.
CHUNK_BYTES = 1024 * 1024
# An unfinished draft of this age is left from a crash; the sandbox's own limit. A younger one can belong to
# `python -m sandbox pypi publish`, which writes drafts while a gateway starts.
DRAFT_SECONDS = 10 * 60


class Draft:
    """A file during its upload, with the digests of its content so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.digests = {
            "md5": hashlib.md5(usedforsecurity=False),
            "sha256": hashlib.sha256(),
            "blake2_256": hashlib.blake2b(digest_size=32),
        }
        self._file = path.open("xb")

    @property
    def sha256(self) -> str:
        """The name of the content in the folder."""
        return self.digests["sha256"].hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append to the file."""
        self._file.write(chunk)
        self.size += len(chunk)
        for digest in self.digests.values():
            digest.update(chunk)

    def flush(self) -> None:
        """Let other readers see the content so far."""
        self._file.flush()

    def sync(self) -> None:
        """Write the file to the disk, which is slow; required before `Blobs.keep`."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Blobs:
    """A folder of files, each named by the SHA-256 of its content."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._drafts = root / "drafts"
        self._drafts.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """The path of that content, whether it exists or not."""
        return self._root / sha256

    @contextlib.contextmanager
    def draft(self) -> Generator[Draft]:
        """Open a draft, and delete it at the end unless `keep` was called."""
        draft = Draft(self._drafts / secrets.token_hex(8))
        try:
            yield draft
        finally:
            draft.close()
            draft.path.unlink(missing_ok=True)

    def keep(self, draft: Draft) -> None:
        """Keep a draft that is on the disk. Call this inside the transaction that writes the document.

        The disk has the rename before it has the transaction. So a document never names content that a
        crash has lost.
        """
        draft.path.replace(self.path(draft.sha256))
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def sweep(self, store: Store) -> None:
        """Delete old drafts, and content that no document names by `sha256`; at start, before any upload.

        If a file cannot be deleted, the next start tries again.
        """
        for path in self._drafts.iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - DRAFT_SECONDS:
                    path.unlink()
        # Another process that keeps content (`python -m sandbox pypi publish`) waits for this transaction.
        with store.transaction():
            named = store.values("sha256")
            for path in self._root.iterdir():
                if path.is_file() and path.name not in named:
                    with contextlib.suppress(OSError):
                        path.unlink()
