"""The public index inside the sandbox: what the real one has, and what was planted beside it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.store import Store
from sandbox.cloud.pypi.configured_index import LOOPBACK_STANDS_FOR, find_host, read_configured_index
from sandbox.cloud.pypi.files import UnreachableError
from sandbox.cloud.pypi.mirror import PublicIndex
from sandbox.runtime.proxy import is_imitated
from tests.support.distributions import Upload, sdist, wheel
from tests.support.indexes import Registry, TinyIndex, listed, put

pytestmark = pytest.mark.sandbox

URL = f"https://{LOOPBACK_STANDS_FOR}"


@pytest.fixture
def public(public: TinyIndex) -> TinyIndex:
    """The public index, with one package on it."""
    public.publish(wheel("helper", "1.0"), sdist("helper", "1.0"))
    return public


def plant(registry: Registry, folder: Path, *uploads: Upload) -> str:
    for upload in uploads:
        (folder / upload.filename).write_bytes(upload.content)
    return registry.sandbox("plant", *(str(folder / upload.filename) for upload in uploads)).stdout


def test_pip_and_uv_install_from_it_through_the_sandbox(
    registry: Registry, public: TinyIndex, tmp_path: Path
) -> None:
    for client, *command in (("pip", "pip", "install"), ("uv", "uv", "pip", "install")):
        target = tmp_path / client
        registry.client(*command, "--target", str(target), "--index-url", f"{URL}/simple/", "helper")
        assert (target / "helper.py").exists()
    assert len([path for path in public.asked if path.startswith("/packages/")]) == 1, "kept once fetched"


def test_pages_and_files_need_no_login_and_come_from_the_same_host(
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


def test_what_nobody_published_is_404_and_nobody_uploads(registry: Registry, public: TinyIndex) -> None:
    session = registry.session(None)
    for path in ("simple/none/", "simple/", "", "files/helper/none.whl", "files/none/none.whl"):
        assert session.get(f"{URL}/{path}", timeout=30).status_code == 404, path
    assert session.post(f"{URL}/legacy/", data=b"x", timeout=30).status_code == 404


def test_a_planted_package_is_on_it_until_it_is_taken_away(
    registry: Registry, public: TinyIndex, tmp_path: Path
) -> None:
    session = registry.session(None)
    evil, new = wheel("helper", "99.0"), sdist("my-adder", "99.0")
    assert plant(registry, tmp_path, evil, new) == "planted: helper 99.0\nplanted: my-adder 99.0\n"
    assert evil.filename in listed(session, URL, "helper")
    assert len(listed(session, URL, "helper")) == 3
    assert listed(session, URL, "my-adder") == [new.filename]
    assert session.get(f"{URL}/files/my-adder/{new.filename}", timeout=30).content == new.content
    registry.sandbox("plant", "none")
    assert listed(session, URL, "my-adder") == []
    assert len(listed(session, URL, "helper")) == 2


def test_a_planted_package_reaches_a_remote_repository_and_lives_through_a_restart(
    registry: Registry, public: TinyIndex, tmp_path: Path
) -> None:
    plant(registry, tmp_path, wheel("my-adder", "99.0"))
    put(registry, registry.make(), wheel("my-adder", "1.0"))
    registry.make_remote()
    url = registry.make_virtual("python", "public")
    registry.sandbox("stop")
    registry.sandbox("start")
    assert len(listed(registry.session(), url, "my-adder")) == 2


def test_planting_works_without_a_network(registry: Registry, public: TinyIndex, tmp_path: Path) -> None:
    public.down = True
    plant(registry, tmp_path, wheel("my-adder", "99.0"))
    session = registry.session(None)
    assert listed(session, URL, "my-adder") == ["my_adder-99.0-py3-none-any.whl"]
    answer = session.get(f"{URL}/simple/helper/", timeout=30)
    assert answer.status_code == 503
    assert "the public index does not answer" in answer.text


def test_what_is_no_distribution_is_not_planted(registry: Registry, tmp_path: Path) -> None:
    for filename, reason in {
        "my_adder-2.0-py3-none-any.whl": "metadata of version 1.0",
        "none-1.0.tar.gz": "No such file",
    }.items():
        if filename.endswith(".whl"):
            (tmp_path / filename).write_bytes(wheel("my-adder", "1.0").content)
        refused = registry.sandbox("plant", str(tmp_path / filename), check=False)
        assert refused.returncode == 2
        assert reason in refused.stderr
        assert "Traceback" not in refused.stderr


def test_the_index_is_the_one_that_pip_is_configured_with(monkeypatch: pytest.MonkeyPatch) -> None:
    long = f"https://user:secret@index.example/{'a' * 100}/simple/"
    monkeypatch.setenv("PIP_INDEX_URL", long)
    assert read_configured_index() == long
    assert find_host(long) == "index.example"
    for loopback in ("http://127.0.0.1:99/simple/", "http://localhost/simple"):
        assert find_host(loopback) == LOOPBACK_STANDS_FOR
    assert is_imitated("index.example", "index.example")
    assert not is_imitated("files.index.example", "index.example")


def test_pips_default_index_is_imitated_where_nothing_else_is_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    address = read_configured_index()
    said = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--help"], capture_output=True, text=True, check=True
    )
    assert address in "".join(said.stdout.split())
    assert find_host(address) not in ("", LOOPBACK_STANDS_FOR)


GOOGLES = "https://us-python.pkg.dev/some-project/python/simple/"


@pytest.mark.parametrize("address", [GOOGLES, "https://oauth2accesstoken:s3cret@x.googleapis.com./simple/"])
def test_an_index_of_googles_own_is_not_taken_for_the_public_one(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    default = read_configured_index()
    assert caplog.text == ""
    monkeypatch.setenv("PIP_INDEX_URL", address)
    assert read_configured_index() == default
    assert "which the sandbox imitates and never asks" in caplog.text
    assert "s3cret" not in caplog.text


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


def test_no_page_or_redirect_leads_to_google(tmp_path: Path) -> None:
    with index_in_this_process(tmp_path) as (index, real):
        (file,) = asyncio.run(index.find("helper"))
        leads = replace(file, url=f"{GOOGLES}helper/helper-1.0.tar.gz")
        with pytest.raises(UnreachableError, match=r"leads to us-python\.pkg\.dev, which the sandbox"):
            asyncio.run(index.fetch(leads))
        path = f"/packages/{file.filename}"
        for target in (GOOGLES, "https://STORAGE.googleapis.com/x", "https://x.pkg.dev./x"):
            real.moved = {path: target, "/simple/other/": target}
            with pytest.raises(UnreachableError, match="which the sandbox imitates"):
                asyncio.run(index.fetch(file))
            with pytest.raises(UnreachableError, match="which the sandbox imitates"):
                asyncio.run(index.find("other"))
        real.moved = {path: "/packages/elsewhere"}
        real.publish(replace(wheel("helper", "1.0"), filename="elsewhere"))
        assert asyncio.run(index.fetch(file)) == file.sha256, "any other redirect is followed"


def test_a_login_is_sent_to_the_index_alone_and_never_stored(tmp_path: Path) -> None:
    with index_in_this_process(tmp_path, login="someone:s3cr%40t@") as (index, real):
        (file,) = asyncio.run(index.find("helper"))
        assert asyncio.run(index.fetch(file)) == file.sha256
        assert len(real.logins) == 2
        assert set(real.logins) == {f"Basic {base64.b64encode(b'someone:s3cr@t').decode()}"}
        with index_in_this_process(tmp_path) as (_, other):
            elsewhere = f"http://127.0.0.1:{other.server.server_port}/packages/{file.filename}"
            asyncio.run(index.fetch(replace(file, url=elsewhere)))
            assert other.logins == [None]
    kept = "".join(sqlite3.connect(tmp_path / "cloud.db").iterdump())
    assert file.filename in kept
    assert "s3cr" not in kept
