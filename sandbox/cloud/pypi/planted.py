"""Packages on the sandbox's public index that someone else published.

Owns the files that `python -m sandbox pypi publish` adds, so that users can try an attack.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.store import Store
from sandbox.cloud.packaging.distributions import read_published
from sandbox.cloud.pypi.files import RemoteFile

_PLANTED = "public-index/planted/"


def plant(store: Store, blobs: Blobs, path: Path) -> str:
    """Publish a file on the sandbox's public index, as anyone can on PyPI; return its package and version.

    Raises:
        BadDistribution.
    """
    with blobs.draft() as draft:
        draft.write(path.read_bytes())
        draft.sync()
        distribution = read_published(draft.path, path.name)
        planted = RemoteFile(
            filename=distribution.filename,
            version=distribution.version,
            sha256=draft.sha256,
            requires_python=distribution.requires_python,
            url=None,
        )
        with store.transaction():
            store.put(f"{_PLANTED}{distribution.package}/{distribution.filename}", asdict(planted))
            blobs.keep(draft)
    return f"{distribution.package} {distribution.version}"


def unplant(store: Store) -> None:
    """Delete all planted files."""
    with store.transaction():
        store.delete_below(_PLANTED)


def list_planted(store: Store, package: str) -> list[RemoteFile]:
    """The planted files of a package."""
    return [RemoteFile(**file) for file in store.below(f"{_PLANTED}{package}/")]
