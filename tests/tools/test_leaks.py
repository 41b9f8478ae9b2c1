"""The search for tokens finds them wherever an image or a log can hide one, and says only where."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.leaks import find_leaks

TOKEN = "a-token-of-no-known-form"
GOOGLE_TOKEN = f"ya29.{'x' * 40}"


def archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return tmp_path / "image.tar"


@pytest.mark.parametrize(
    "hidden",
    [
        TOKEN.encode(),
        GOOGLE_TOKEN.encode(),
        base64.b64encode(f"oauth2accesstoken:{TOKEN}".encode()),
        f"--index-url https://oauth2accesstoken:{GOOGLE_TOKEN}@us-python.pkg.dev/p/r/simple/".encode(),
    ],
)
def test_a_token_is_found_in_a_log_in_a_layer_and_in_a_compressed_one(image: Path, hidden: bytes) -> None:
    for content, where in (
        (hidden, ""),
        (archive({"config.json": b"{}" + hidden}), " → config.json"),
        (archive({"layer.tar": archive({"root/pip.conf": hidden})}), " → layer.tar → root/pip.conf"),
        (archive({"l": gzip.compress(archive({"etc/netrc": hidden}))}), " → l → etc/netrc"),
    ):
        image.write_bytes(content)
        assert find_leaks([image], [TOKEN]) == [f"{image}{where}"]


def test_a_name_and_a_link_are_searched_too(image: Path) -> None:
    image.write_bytes(archive({f"tmp/{GOOGLE_TOKEN}": b""}))
    assert find_leaks([image], [])[0] == f"{image} → tmp/[token]"


def test_what_holds_none_is_clean(image: Path) -> None:
    innocent = {"layer.tar": archive({"etc/hosts": b"127.0.0.1"}), "notes": b"ya29. is how they begin"}
    image.write_bytes(archive(innocent))
    assert find_leaks([image], [TOKEN]) == []


def test_a_damaged_archive_is_searched_as_it_is(image: Path) -> None:
    image.write_bytes(b"\x1f\x8b" + GOOGLE_TOKEN.encode())
    assert find_leaks([image], []) == [str(image)]


def test_the_answer_says_where_and_never_what(image: Path) -> None:
    image.write_bytes(archive({"layer": TOKEN.encode()}))
    assert TOKEN not in "".join(find_leaks([image], [TOKEN]))
