"""pip, uv and twine with a package index."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.distributions import sdist, wheel
from tests.support.indexes import Registry, put, with_login

pytestmark = pytest.mark.sandbox


def test_pip_and_uv_install_uploads_of_twine_and_uv(registry: Registry, tmp_path: Path) -> None:
    url = registry.make()
    for upload in (wheel("my-adder", "1.0.0"), sdist("my-adder", "1.0.0"), wheel("my-adder", "1.1.0")):
        (tmp_path / upload.filename).write_bytes(upload.content)
    files = sorted(map(str, tmp_path.iterdir()))
    login = ("-u", "oauth2accesstoken", "-p", "TOKEN")
    registry.client("twine", "upload", "--repository-url", f"{url}/", *login, *files[1:])
    registry.client("uv", "publish", "--publish-url", f"{url}/", *login, files[0])
    for client, *command in (
        ("pip", "pip", "install", "--target", str(tmp_path / "pip"), "--index-url"),
        ("uv", "uv", "pip", "install", "--target", str(tmp_path / "uv"), "--index-url"),
    ):
        registry.client(*command, with_login(url), "my_adder")
        assert (tmp_path / client / "my_adder.py").read_text() == "VERSION = '1.1.0'\n"


def test_twine_shows_why_a_file_is_refused(registry: Registry, tmp_path: Path) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0.0")
    put(registry, url, upload)
    path = tmp_path / upload.filename
    path.write_bytes(upload.content)
    command = (
        "twine",
        "upload",
        "--verbose",
        "--repository-url",
        f"{url}/",
        "-u",
        "oauth2accesstoken",
        "-p",
        "TOKEN",
    )
    output = registry.client(*command, str(path), check=False)
    assert "Requested entity already exists." in output
    assert "400 Bad Request" in output


def test_pip_skips_versions_whose_requires_python_does_not_match(
    registry: Registry, tmp_path: Path
) -> None:
    url = registry.make()
    put(registry, url, wheel("old", "1.0"), wheel("old", "2.0", requires_python="<3"))
    registry.client(
        "pip", "install", "--target", str(tmp_path / "t"), "--index-url", with_login(url), "old"
    )
    assert (tmp_path / "t" / "old.py").read_text() == "VERSION = '1.0'\n"
