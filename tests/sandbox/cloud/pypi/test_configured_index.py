"""The public index is the one that pip uses on this machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sandbox.cloud.pypi.configured_index import LOOPBACK_STANDS_FOR, find_host, read_configured_index
from sandbox.runtime.proxy import is_emulated

pytestmark = pytest.mark.sandbox


def test_the_public_index_is_pips_configured_index(monkeypatch: pytest.MonkeyPatch) -> None:
    long = f"https://user:secret@index.example/{'a' * 100}/simple/"
    monkeypatch.setenv("PIP_INDEX_URL", long)
    assert read_configured_index() == long
    assert find_host(long) == "index.example"
    for loopback in ("http://127.0.0.1:99/simple/", "http://localhost/simple"):
        assert find_host(loopback) == LOOPBACK_STANDS_FOR
    assert is_emulated("index.example", "index.example")
    assert not is_emulated("files.index.example", "index.example")


def test_the_public_index_is_pips_default_without_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    address = read_configured_index()
    process = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--help"], capture_output=True, text=True, check=True
    )
    assert address in "".join(process.stdout.split())
    assert find_host(address) not in ("", LOOPBACK_STANDS_FOR)


GOOGLES = "https://us-python.pkg.dev/some-project/python/simple/"


@pytest.mark.parametrize("address", [GOOGLES, "https://oauth2accesstoken:s3cret@x.googleapis.com./simple/"])
def test_an_index_on_a_google_host_is_not_the_public_index(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    default = read_configured_index()
    assert caplog.text == ""
    monkeypatch.setenv("PIP_INDEX_URL", address)
    assert read_configured_index() == default
    assert "a host that the sandbox emulates and never contacts" in caplog.text
    assert "s3cret" not in caplog.text
