"""Downloads from a package index."""

from __future__ import annotations

import time

import pytest

from sandbox.cloud.core.errors import GoogleError
from sandbox.cloud.python_index.download import DOWNLOAD_SECONDS, DownloadTokens
from tests.support.distributions import wheel
from tests.support.indexes import HOST, Registry, put

pytestmark = pytest.mark.sandbox


def test_a_download_redirects_to_an_address_without_login_and_with_ranges(registry: Registry) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    first = registry.session().get(f"{url}/my-adder/{upload.filename}", allow_redirects=False, timeout=30)
    assert first.status_code == 307
    start = f"/artifacts-downloads/namespaces/{registry.project}/repositories/python/downloads/"
    assert first.headers["location"].startswith(start)
    target = f"https://{HOST}{first.headers['location']}"
    nobody = registry.session(None)
    assert nobody.get(target, timeout=30).content == upload.content
    part = nobody.get(target, headers={"Range": "bytes=10-19"}, timeout=30)
    assert (part.status_code, part.content) == (206, upload.content[10:20])
    head = nobody.head(target, timeout=30)
    assert head.status_code == 200
    assert "accept-ranges" not in head.headers
    assert head.headers["content-length"] == str(len(upload.content))


def test_a_download_address_cannot_be_guessed_or_moved(registry: Registry) -> None:
    url = registry.make()
    registry.make("other")
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    first = registry.session().get(f"{url}/my-adder/{upload.filename}", allow_redirects=False, timeout=30)
    target = f"https://{HOST}{first.headers['location']}"
    changed = target[:-10] + ("A" if target[-10] != "A" else "B") + target[-9:]
    moved = target.replace("repositories/python/", "repositories/other/")
    for address in (changed, moved, target.rpartition("/")[0] + "/guess"):
        answer = registry.session().get(address, timeout=30)
        assert answer.status_code == 403, address
        assert "download address" in answer.text


def test_a_download_address_is_valid_only_for_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, now = DownloadTokens(), time.time()
    token = tokens.make("/here/", "abc")
    monkeypatch.setattr(time, "time", lambda: now + DOWNLOAD_SECONDS - 2)
    assert tokens.read("/here/", token) == "abc"
    monkeypatch.setattr(time, "time", lambda: now + DOWNLOAD_SECONDS + 2)
    with pytest.raises(GoogleError, match="no longer"):
        tokens.read("/here/", token)


def test_download_tokens_are_not_logged(registry: Registry) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    first = registry.session().get(f"{url}/my-adder/{upload.filename}?secret=hunter2", timeout=30)
    token = first.url.rpartition("/")[2]
    log = registry.folder.log.read_text()
    assert f"/{registry.project}/repositories/python/downloads/***" in log
    assert token not in log
    assert "hunter2" not in log
