"""The public index inside the sandbox: pages, files, and requests to the real index."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import sqlite3
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.store import Store
from sandbox.cloud.pypi.configured_index import LOOPBACK_STANDS_FOR
from sandbox.cloud.pypi.files import UnreachableError
from sandbox.cloud.pypi.mirror import PublicIndex
from tests.support.distributions import wheel
from tests.support.indexes import Registry, TinyIndex

pytestmark = pytest.mark.sandbox
URL = f"https://{LOOPBACK_STANDS_FOR}"


def test_pip_and_uv_install_from_the_public_index(
    registry: Registry, public: TinyIndex, tmp_path: Path
) -> None:
    for client, *command in (("pip", "pip", "install"), ("uv", "uv", "pip", "install")):
        target = tmp_path / client
        registry.client(*command, "--target", str(target), "--index-url", f"{URL}/simple/", "helper")
        assert (target / "helper.py").exists()
    assert len([path for path in public.asked if path.startswith("/packages/")]) == 1, (
        "one request per file"
    )


def test_pages_and_files_need_no_login_and_have_the_same_host(
    registry: Registry, public: TinyIndex
) -> None:
    session = registry.session(None)
    page = session.get(f"{URL}/simple/helper/", timeout=30)
    upload = wheel("helper", "1.0")
    digest = hashlib.sha256(upload.content).hexdigest()
    assert f'href="../../files/helper/{upload.filename}#sha256={digest}"' in page.text
    assert 'data-requires-python="&gt;=3.8"' in page.text
    file = f"{URL}/files/helper/{upload.filename}"
    assert session.get(file, timeout=30).content == upload.content
    part = session.get(file, headers={"Range": "bytes=0-3"}, timeout=30)
    assert (part.status_code, part.content) == (206, b"PK\x03\x04")
    for header in ("Bearer ya29.wrong", "Basic ???"):
        answer = session.get(f"{URL}/simple/helper/", headers={"Authorization": header}, timeout=30)
        assert answer.status_code == 200
    assert session.get(f"{URL}/simple/Helper/", timeout=30).url == f"{URL}/simple/helper/"


def test_an_unpublished_package_is_404_and_uploads_are_refused(
    registry: Registry, public: TinyIndex
) -> None:
    session = registry.session(None)
    for path in ("simple/none/", "simple/", "", "files/helper/none.whl", "files/none/none.whl"):
        assert session.get(f"{URL}/{path}", timeout=30).status_code == 404, path
    assert session.post(f"{URL}/legacy/", data=b"x", timeout=30).status_code == 404


GOOGLES = "https://us-python.pkg.dev/some-project/python/simple/"


@contextlib.contextmanager
def index_in_this_process(folder: Path, login: str = "") -> Generator[tuple[PublicIndex, TinyIndex]]:
    real = TinyIndex()
    real.publish(wheel("helper", "1.0"))
    address = real.url.replace("http://", f"http://{login}")
    store = Store(folder / "cloud.db")
    yield PublicIndex(store, Blobs(folder / "blobs"), address, own_proxy=""), real
    store.close()
    real.server.shutdown()
    real.server.server_close()


def test_no_page_or_redirect_causes_a_request_to_google(tmp_path: Path) -> None:
    with index_in_this_process(tmp_path) as (index, real):
        (file,) = asyncio.run(index.find("helper"))
        leads = replace(file, url=f"{GOOGLES}helper/helper-1.0.tar.gz")
        with pytest.raises(UnreachableError, match=r"leads to us-python\.pkg\.dev, a host that"):
            asyncio.run(index.fetch(leads))
        path = f"/packages/{file.filename}"
        for target in (GOOGLES, "https://STORAGE.googleapis.com/x", "https://x.pkg.dev./x"):
            real.moved = {path: target, "/simple/other/": target}
            with pytest.raises(UnreachableError, match="a host that the sandbox emulates"):
                asyncio.run(index.fetch(file))
            with pytest.raises(UnreachableError, match="a host that the sandbox emulates"):
                asyncio.run(index.find("other"))
        real.moved = {path: "/packages/elsewhere"}
        real.publish(replace(wheel("helper", "1.0"), filename="elsewhere"))
        assert asyncio.run(index.fetch(file)) == file.sha256, "other redirects are followed"


def test_a_login_is_sent_only_to_the_index_and_never_stored(tmp_path: Path) -> None:
    with index_in_this_process(tmp_path, login="someone:s3cr%40t@") as (index, real):
        (file,) = asyncio.run(index.find("helper"))
        assert asyncio.run(index.fetch(file)) == file.sha256
        assert len(real.logins) == 2
        assert set(real.logins) == {f"Basic {base64.b64encode(b'someone:s3cr@t').decode()}"}
        with index_in_this_process(tmp_path) as (_, other):
            elsewhere = f"http://127.0.0.1:{other.server.server_port}/packages/{file.filename}"
            asyncio.run(index.fetch(replace(file, url=elsewhere)))
            assert other.logins == [None]
    dump = "".join(sqlite3.connect(tmp_path / "cloud.db").iterdump())
    assert file.filename in dump
    assert "s3cr" not in dump
