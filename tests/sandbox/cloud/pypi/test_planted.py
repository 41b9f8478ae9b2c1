"""Packages that someone else published on the public index."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.cloud.pypi.configured_index import LOOPBACK_STANDS_FOR
from tests.support.distributions import Upload, sdist, wheel
from tests.support.indexes import Registry, TinyIndex, listed, put

pytestmark = pytest.mark.sandbox
URL = f"https://{LOOPBACK_STANDS_FOR}"


def plant(registry: Registry, folder: Path, *uploads: Upload) -> str:
    for upload in uploads:
        (folder / upload.filename).write_bytes(upload.content)
    return registry.sandbox(
        "pypi", "publish", *(str(folder / upload.filename) for upload in uploads)
    ).stdout


def test_a_planted_package_is_on_the_index_until_it_is_deleted(
    registry: Registry, public: TinyIndex, tmp_path: Path
) -> None:
    session = registry.session(None)
    evil, new = wheel("helper", "99.0"), sdist("my-adder", "99.0")
    assert plant(registry, tmp_path, evil, new) == "published: helper 99.0\npublished: my-adder 99.0\n"
    assert evil.filename in listed(session, URL, "helper")
    assert len(listed(session, URL, "helper")) == 3
    assert listed(session, URL, "my-adder") == [new.filename]
    assert session.get(f"{URL}/files/my-adder/{new.filename}", timeout=30).content == new.content
    registry.sandbox("pypi", "reset")
    assert listed(session, URL, "my-adder") == []
    assert len(listed(session, URL, "helper")) == 2


def test_a_planted_package_is_in_a_remote_repository_after_a_restart(
    registry: Registry, public: TinyIndex, tmp_path: Path
) -> None:
    plant(registry, tmp_path, wheel("my-adder", "99.0"))
    put(registry, registry.make(), wheel("my-adder", "1.0"))
    registry.make_remote()
    url = registry.make_virtual("python", "public")
    registry.sandbox("stop")
    registry.sandbox("start")
    assert len(listed(registry.session(), url, "my-adder")) == 2


def test_a_package_can_be_planted_without_a_network(
    registry: Registry, public: TinyIndex, tmp_path: Path
) -> None:
    public.down = True
    plant(registry, tmp_path, wheel("my-adder", "99.0"))
    session = registry.session(None)
    assert listed(session, URL, "my-adder") == ["my_adder-99.0-py3-none-any.whl"]
    answer = session.get(f"{URL}/simple/helper/", timeout=30)
    assert answer.status_code == 503
    assert "the public index does not answer" in answer.text


def test_an_invalid_distribution_is_not_planted(registry: Registry, tmp_path: Path) -> None:
    for filename, reason in {
        "my_adder-2.0-py3-none-any.whl": "metadata of version 1.0",
        "none-1.0.tar.gz": "No such file",
    }.items():
        if filename.endswith(".whl"):
            (tmp_path / filename).write_bytes(wheel("my-adder", "1.0").content)
        refused = registry.sandbox("pypi", "publish", str(tmp_path / filename), check=False)
        assert refused.returncode == 2
        assert reason in refused.stderr
        assert "Traceback" not in refused.stderr
