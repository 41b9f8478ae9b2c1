"""The content of files: each kept once, under its SHA-256, and whole before anything speaks of it.

Owns the folder and the order of writes. Which files there are is said by the documents (`packages`,
`public_index`): content that no document names is the rest of an upload that was cut off.
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

# Between two reads of a file; what hashing and disks like.
CHUNK_BYTES = 1024 * 1024
# After which a draft that nobody finished is the rest of a crash; the sandbox's own. `python -m sandbox
# plant` writes drafts while a gateway starts.
DRAFT_SECONDS = 10 * 60


class Draft:
    """A file being written, with the digests of what is in it so far."""

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
        """The name under which the content is kept."""
        return self.digests["sha256"].hexdigest()

    def write(self, chunk: bytes) -> None:
        """Add to the file."""
        self._file.write(chunk)
        self.size += len(chunk)
        for digest in self.digests.values():
            digest.update(chunk)

    def flush(self) -> None:
        """Let others read what was written."""
        self._file.flush()

    def sync(self) -> None:
        """Bring it to the disk, which takes a while; needed before `Blobs.keep`."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Release the file, written or not."""
        self._file.close()


class Blobs:
    """A folder of contents."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._drafts = root / "drafts"
        self._drafts.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where that content is, if it is here."""
        return self._root / sha256

    @contextlib.contextmanager
    def draft(self) -> Generator[Draft]:
        """A draft that is gone afterwards, unless it was kept."""
        draft = Draft(self._drafts / secrets.token_hex(8))
        try:
            yield draft
        finally:
            draft.close()
            draft.path.unlink(missing_ok=True)

    def keep(self, draft: Draft) -> None:
        """Keep a draft that is on the disk. To be called inside the transaction that writes the document.

        The rename is on the disk before the transaction is: a document never names content that a
        crash took away.
        """
        draft.path.replace(self.path(draft.sha256))
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def sweep(self, store: Store) -> None:
        """Remove old drafts, and content that no document names by `sha256`; at start, before any upload.

        What cannot be removed stays until the next start.
        """
        for path in self._drafts.iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - DRAFT_SECONDS:
                    path.unlink()
        # Whoever else keeps content (`python -m sandbox plant`) waits for this transaction.
        with store.transaction():
            named = store.values("sha256")
            for path in self._root.iterdir():
                if path.is_file() and path.name not in named:
                    with contextlib.suppress(OSError):
                        path.unlink()
