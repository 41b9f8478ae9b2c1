"""The upload form has the file's own metadata, also of old and damaged files.

It sends the file in pieces.
"""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile

import pytest

from tests.support.distributions import metadata, pack_sdist, pack_wheel, sdist_members, wheel_members
from tools.copy.files import File
from tools.copy.form import CHUNK_BYTES, UploadForm, form_fields

ODD = (
    b"Metadata-Version: 2.1\nName: My.Pkg\nVersion: 1.0\nSummary: Stra\xdfe\nKeywords: a,b\n"
    b"Project-URL: Home, https://example.com\nRequires-Dist: x\nRequires-Dist: y\nPlatform: any\n"
    b"License-File: LICENSE\nRequires-Python: >=3.6.*\nNobody-Knows: this\nSummary: twice\n\nText.\n"
)


def file_of(filename: str) -> File:
    return File(
        resource="r/files/my-pkg%2Ff",
        id=f"my-pkg/{filename}",
        package="my-pkg",
        version="1.0",
        size=0,
        sha256="00",
    )


def fields_of(filename: str, content: bytes) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for key, value in form_fields(file_of(filename), io.BytesIO(content)):
        fields.setdefault(key, []).append(value)
    return fields


def test_a_wheel_is_described_by_its_metadata_and_its_tags() -> None:
    about = metadata("my-pkg", "1.0")
    content = pack_wheel(wheel_members("my-pkg", "1.0", about))
    assert fields_of("my_pkg-1.0-1-cp311-cp311-win_amd64.whl", content) == {
        ":action": ["file_upload"],
        "protocol_version": ["1"],
        "filetype": ["bdist_wheel"],
        "pyversion": ["cp311"],
        "sha256_digest": ["00"],
        "metadata_version": ["2.1"],
        "name": ["my-pkg"],
        "version": ["1.0"],
        "requires_python": [">=3.8"],
        "description": ["A test.\n"],
    }


@pytest.mark.parametrize("packed", ["zip", "tar.gz", "tar.bz2"])
def test_odd_metadata_is_sent_as_far_as_it_can_be_read(packed: str) -> None:
    members = sdist_members("my-pkg", "1.0", ODD)
    content = pack_wheel(members) if packed == "zip" else pack_sdist(members)
    if packed == "tar.bz2":
        content = bz2.compress(gzip.decompress(content))
    fields = fields_of(f"My.Pkg-1.0.{packed}", content)
    assert (fields["filetype"], fields["pyversion"]) == (["sdist"], ["source"])
    assert (fields["name"], fields["metadata_version"]) == (["My.Pkg"], ["2.1"])
    assert fields["requires_dist"] == ["x", "y"]
    assert fields["project_urls"] == ["Home, https://example.com"]
    assert (fields["keywords"], fields["platform"]) == (["a, b"], ["any"])
    assert fields["requires_python"] == [">=3.6.*"]
    assert fields.keys().isdisjoint({"license_file", "summary", "nobody-knows"})


@pytest.mark.parametrize(
    ("filename", "content", "kind"),
    [
        ("my_pkg-1.0.tar.gz", b"not an archive", "sdist"),
        ("my_pkg-1.0-py3-none-any.whl", b"PK", "bdist_wheel"),
        ("my_pkg-1.0-py2.7.egg", pack_wheel({"my_pkg.py": b""}), "bdist_egg"),
        ("my_pkg-1.0.exe", b"MZ", "bdist_wininst"),
        ("my_pkg-1.0.zip", pack_wheel({"deep/down/PKG-INFO": b"Name: other\n"}), "sdist"),
    ],
)
def test_without_metadata_google_s_own_names_describe_the_file(
    filename: str, content: bytes, kind: str
) -> None:
    fields = fields_of(filename, content)
    assert fields["filetype"] == [kind]
    assert (fields["name"], fields["version"], fields["metadata_version"]) == (["my-pkg"], ["1.0"], ["1.0"])


def test_the_body_is_sent_in_pieces_of_known_length_and_can_be_sent_again() -> None:
    content = io.BytesIO(b"x" * (3 * CHUNK_BYTES + 5))
    sent: list[int] = []
    form = UploadForm(file_of("my_pkg-1.0.tar.gz"), content, [("summary", "\udcdf ß")], sent.append)
    pieces = list(form)
    assert sum(map(len, pieces)) == len(form)
    assert max(map(len, pieces)) == CHUNK_BYTES
    assert b"".join(form) == b"".join(pieces)
    assert sum(sent) == 2 * (3 * CHUNK_BYTES + 5)


def test_an_encrypted_member_does_not_end_the_copy() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("my_pkg-1.0/PKG-INFO", b"Name: my-pkg\n")
    damaged = bytearray(file.getvalue())
    # The flag of encryption, in the directory's entry.
    damaged[damaged.index(b"PK\x01\x02") + 8] |= 1
    assert fields_of("my_pkg-1.0.zip", bytes(damaged))["name"] == ["my-pkg"]
