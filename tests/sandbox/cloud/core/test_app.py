"""The start of the cloud's app."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sandbox.cloud.auth.access_tokens import fingerprint, identify, mint_token
from sandbox.cloud.core.app import build_app
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.errors import GoogleError
from sandbox.cloud.core.operations import RETENTION_SECONDS
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import OWNER
from sandbox.cloud.pypi.mirror import PublicIndex

pytestmark = pytest.mark.sandbox


def test_the_next_start_deletes_expired_tokens_and_old_operations(tmp_path: Path) -> None:
    store = Store(tmp_path / "cloud.db")
    with store.transaction():
        expired, good = mint_token(store, OWNER, seconds=-1), mint_token(store, OWNER)
        for name, age in (("old", RETENTION_SECONDS + 1), ("new", 0)):
            store.put(f"operations:{name}", {"name": name, "doneAt": time.time() - age})
    blobs = Blobs(tmp_path / "blobs")
    build_app(
        store, blobs, PublicIndex(store, blobs, "https://index.example/simple/", ""), tmp_path / "log"
    )
    assert store.names("operations:*") == ["operations:new"]
    assert store.names("tokens:*") == [f"tokens:{fingerprint(good)}"]
    with pytest.raises(GoogleError):
        identify(store, f"Bearer {expired}")
    store.close()
