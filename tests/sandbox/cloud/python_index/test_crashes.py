"""A crash of the sandbox or a client during an upload."""
# ruff: noqa: S311  # seeds, not secrets

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import os
import random
import signal
import time
from collections.abc import Iterator

import pytest
import requests

from sandbox.cloud.core.blobs import DRAFT_SECONDS
from sandbox.runtime.process import find_proxy, start_proxy
from tests.support.distributions import wheel
from tests.support.indexes import API, Registry, listed, prepare, put

pytestmark = pytest.mark.sandbox


def kill(registry: Registry) -> None:
    gateway = find_proxy(registry.folder)
    assert gateway
    os.kill(gateway.pid, signal.SIGKILL)
    while find_proxy(registry.folder):
        os.sched_yield()


@pytest.mark.parametrize(("share", "milliseconds"), [(0.5, 0), (0.99, 0), (1, 0), (1, 12), (1, 40)])
def test_a_kill_during_an_upload_stores_the_whole_file_or_nothing(
    registry: Registry, share: float, milliseconds: int
) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0", payload=random.Random(1).randbytes(2_000_000))
    body, kind = prepare(url, upload)

    def until_the_kill() -> Iterator[bytes]:
        yield body[: int(len(body) * share)]
        if share < 1:
            kill(registry)
            yield body[int(len(body) * share) :]

    answered = False
    with concurrent.futures.ThreadPoolExecutor() as pool:
        headers = {"Content-Type": kind}
        sending = pool.submit(
            registry.session().post, f"{url}/", data=until_the_kill(), headers=headers, timeout=30
        )
        if share == 1:
            deadline = time.monotonic() + milliseconds / 1000
            while time.monotonic() < deadline and not sending.done():
                os.sched_yield()
            kill(registry)
        with contextlib.suppress(requests.RequestException):
            answered = sending.result().status_code == 200
    start_proxy(registry.folder)
    session = registry.session()
    there = listed(session, url, "my-adder")
    assert there in ([], [upload.filename])
    assert there or not answered, "an acknowledged upload is stored"
    if not there:
        assert hashlib.sha256(upload.content).hexdigest() not in registry.stored()
        put(registry, url, upload)
    assert session.get(f"{url}/my-adder/{upload.filename}", timeout=30).content == upload.content
    registry.must("DELETE", f"{API}/{registry.parent}/python")


def test_a_client_that_disconnects_stores_nothing(registry: Registry) -> None:
    url = registry.make()
    before = registry.stored()
    body, kind = prepare(url, wheel("my-adder", "1.0", payload=random.Random(2).randbytes(3_000_000)))

    def until_it_goes() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        registry.session().post(f"{url}/", data=until_it_goes(), headers={"Content-Type": kind}, timeout=30)
    line = f'"path": "/{registry.project}/python/", "status": 499'
    deadline = time.monotonic() + 10
    while line not in registry.folder.log.read_text():
        assert time.monotonic() < deadline
        os.sched_yield()
    assert registry.stored() == before
    assert listed(registry.session(), url, "my-adder") == []
    assert "Traceback" not in registry.folder.proxy_log.read_text()


def test_the_next_start_deletes_content_without_a_document(registry: Registry) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    orphan = registry.folder.blobs / hashlib.sha256(b"orphan").hexdigest()
    orphan.write_bytes(b"orphan")
    (registry.folder.blobs / "drafts" / "half").write_bytes(b"half")
    old = time.time() - DRAFT_SECONDS - 1
    os.utime(registry.folder.blobs / "drafts" / "half", (old, old))
    (registry.folder.blobs / "drafts" / "another's").write_bytes(b"being written")
    (registry.folder.blobs / "drafts" / "no file").mkdir()
    os.utime(registry.folder.blobs / "drafts" / "no file", (old, old))
    kill(registry)
    start_proxy(registry.folder)
    assert not orphan.exists()
    assert "half" not in registry.stored()
    assert "another's" in registry.stored()
    assert registry.session().get(f"{url}/my-adder/{upload.filename}", timeout=30).content == upload.content
