"""Files of the public index that are older than today's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.cloud.packaging.distributions import BadDistribution, read_published
from tests.support.cases import read_cases
from tests.support.distributions import metadata, pack_sdist, sdist, wheel, with_metadata


@pytest.mark.parametrize(("filename", "expected"), read_cases("clients", "published_file"))
def test_a_published_file(tmp_path: Path, filename: str, expected: str | None) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"an old format")
    if expected is None:
        with pytest.raises(BadDistribution):
            read_published(path, filename)
        return
    published = read_published(path, filename)
    assert f"{published.package} {published.version}" == expected


def test_a_published_file_needs_no_valid_metadata(tmp_path: Path) -> None:
    path = tmp_path / "file"
    wrong = metadata("my-adder", "1.0").replace(b"Metadata-Version: 2.1", b"Metadata-Version: 0.9")
    without = sdist("my-adder", "1.0").with_content(pack_sdist({"my_adder-1.0/setup.py": b""}))
    for upload in (*with_metadata(wrong), without, sdist("my-adder", "1.0"), wheel("my-adder", "1.0")):
        path.write_bytes(upload.content)
        published = read_published(path, upload.filename)
        assert (published.package, published.version) == ("my-adder", "1.0")


def test_a_damaged_archive_is_not_published(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for upload in (sdist("my-adder", "1.0"), wheel("my-adder", "1.0")):
        path.write_bytes(upload.content[:-20])
        with pytest.raises(BadDistribution, match="damaged"):
            read_published(path, upload.filename)
