"""The form in which a client uploads a file to a Python index.

Owns the fields, which describe the file by its own metadata, and the body, which reads the file in pieces.
Checks nothing: the index decides. So a file with odd metadata is uploaded as it is.
"""

from __future__ import annotations

import os
import re
import secrets
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

from packaging.metadata import parse_email

from tools.copy.files import File

CHUNK_BYTES = 256 * 1024
# PyPI's limit of a description is 8 MB.
METADATA_BYTES = 16 * 1024**2
# The form's names of fields that `packaging` names differently. They are those of twine
# (twine/package.py, _RAW_TO_PACKAGE_METADATA).
_NAMES = {
    "platforms": "platform",
    "supported_platforms": "supported_platform",
    "license_files": "license_file",
}
_KINDS = {
    ".whl": "bdist_wheel",
    ".egg": "bdist_egg",
    ".exe": "bdist_wininst",
    ".msi": "bdist_msi",
    ".rpm": "bdist_rpm",
}
_ZIPS = (".whl", ".zip", ".egg")
_METADATA = (".dist-info/METADATA", "/PKG-INFO")


def form_fields(file: File, content: IO[bytes]) -> list[tuple[str, str]]:
    """Return the fields of the upload form: the file's own metadata, as far as it can be read."""
    own = _metadata_fields(_read_metadata(content, file.filename))
    present = {name for name, _ in own}
    # Google knows the package and the version of each file, also without metadata.
    known = {"name": file.package, "version": file.version, "metadata_version": "1.0"}
    kind = next((kind for end, kind in _KINDS.items() if file.filename.endswith(end)), "sdist")
    tags = file.filename.split("-")
    return [
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("filetype", kind),
        ("pyversion", tags[-3] if kind == "bdist_wheel" and len(tags) > 4 else "source"),
        ("sha256_digest", file.sha256),
        *((name, value) for name, value in known.items() if name not in present),
        *own,
    ]


def _metadata_fields(metadata: bytes) -> list[tuple[str, str]]:
    fields = cast(dict[str, Any], parse_email(metadata)[0])
    # Old setuptools wrote License-File before the metadata version that has it, and twine drops it, too.
    if fields.get("metadata_version", "") < "2.4":
        fields.pop("license_files", None)
    pairs: list[tuple[str, str]] = []
    for key, value in fields.items():
        name = _NAMES.get(key, key)
        if key == "name":
            # twine and uv send it so; Google compares names normalized.
            pairs.append((name, re.sub(r"[^A-Za-z0-9.]+", "-", value)))
        elif key == "keywords":
            pairs.append((name, ", ".join(value)))
        elif isinstance(value, dict):
            pairs += [(name, f"{label}, {url}") for label, url in cast(dict[str, str], value).items()]
        elif isinstance(value, list):
            pairs += [(name, item) for item in cast(list[str], value)]
        else:
            pairs.append((name, value))
    return pairs


def _read_metadata(content: IO[bytes], filename: str) -> bytes:
    """Return the METADATA or PKG-INFO in a distribution; empty if the archive cannot be read."""
    content.seek(0)
    try:
        if filename.endswith(_ZIPS):
            with zipfile.ZipFile(content) as archive:
                for member in archive.namelist():
                    if _is_metadata(member):
                        with archive.open(member) as metadata:
                            return metadata.read(METADATA_BYTES)
        else:
            with tarfile.open(fileobj=content) as archive:
                for member in archive:
                    if _is_metadata(member.name) and (metadata := archive.extractfile(member)):
                        return metadata.read(METADATA_BYTES)
    # For a damaged archive these libraries raise almost any error: their own, zlib's, struct's, KeyError …
    except Exception:
        return b""
    return b""


def _is_metadata(member: str) -> bool:
    return member.removeprefix("./").count("/") == 1 and member.endswith(_METADATA)


class UploadForm:
    """A multipart body (RFC 7578) that never holds the file in memory. A client can send it again."""

    def __init__(
        self, file: File, content: IO[bytes], fields: list[tuple[str, str]], advance: Callable[[int], None]
    ) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._content, self._advance = content, advance
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="{{}}"'
        text = "".join(f"{part.format(name)}\r\n\r\n{value}\r\n" for name, value in fields)
        text += f'{part.format("content")}; filename="{file.filename}"\r\n'
        text += "Content-Type: application/octet-stream\r\n\r\n"
        # A description can have half a surrogate pair, which UTF-8 does not have.
        self._head, self._tail = text.encode(errors="replace"), f"\r\n--{boundary}--\r\n".encode()
        self._size = len(self._head) + content.seek(0, os.SEEK_END) + len(self._tail)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        self._content.seek(0)
        while chunk := self._content.read(CHUNK_BYTES):
            self._advance(len(chunk))
            yield chunk
        yield self._tail
