"""Looks for access tokens where none may be: images, logs, states.

Owns the search through files and the archives in them, layer by layer. What is handed to it is the caller's
choice; it never prints what it finds, only where.
"""

from __future__ import annotations

import base64
import bz2
import contextlib
import gzip
import io
import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# How every Google access token begins (Google Cloud's "Token types"), and enough of it to be one.
ANY_TOKEN = rb"ya29\.[\w.-]{20,}"
# The same as HTTP Basic sends it: the 21 bytes of `oauth2accesstoken:ya2` are 28 whole characters.
ANY_LOGIN = rb"b2F1dGgyYWNjZXNzdG9rZW46eWEy[\w+/=]{20,}"
PACKERS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", gzip.decompress),
    (b"\xfd7zXZ", lzma.decompress),
    (b"BZh", bz2.decompress),
)
# Python has no zstd before 3.14: layers that are packed with it cannot be searched.
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZIP_MAGIC = b"PK\x03\x04"
DAMAGED = (
    *(OSError, EOFError, ValueError, NotImplementedError, zlib.error, lzma.LZMAError),
    *(tarfile.TarError, zipfile.BadZipFile),
)


def find_leaks(paths: Sequence[Path], tokens: Sequence[str]) -> list[str]:
    """Where any of the tokens is, or anything that looks like an access token.

    Args:
        paths: files, and folders with all that is in them, but for what links to other folders hold;
            archives (image layers, wheels) are searched file by file.
        tokens: texts to look for besides, in clear and as HTTP Basic sends them.

    Raises:
        OSError: a file cannot be read.
        UnsearchableError: part of it cannot be looked into.
    """
    forms = [form for token in tokens for form in (token.encode(), _basic(token))]
    pattern = re.compile(b"|".join([ANY_TOKEN, ANY_LOGIN, *map(re.escape, forms)]))
    places: list[str] = []
    for path in _files(paths):
        inside = _search(pattern, str(path), path.read_bytes())
        places += inside or ([str(path)] if pattern.search(os.fsencode(path)) else [])
    return [
        pattern.sub(b"[token]", where.encode(errors="surrogateescape")).decode(errors="replace")
        for where in places
    ]


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path, onerror=refuse):
            folders.sort()
            yield from (found for name in sorted(names) if (found := Path(folder, name)).is_file())


class UnsearchableError(Exception):
    """A part of a file that no search can see into; the message says which."""


def _basic(token: str) -> bytes:
    return base64.b64encode(f"oauth2accesstoken:{token}".encode())


def _search(pattern: re.Pattern[bytes], where: str, content: bytes) -> list[str]:
    """Where in a file the pattern is: inside what is packed in it, else in the file as it is."""
    places: list[str] = []
    for name, member in _members(where, content):
        inside = f"{where} → {name}" if name else where
        deeper = _search(pattern, inside, member)
        places += deeper or ([inside] if pattern.search(name.encode(errors="surrogateescape")) else [])
    # What a damaged archive still gives is not all of it.
    return places or ([where] if pattern.search(content) else [])


def _members(where: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """What is packed in a file, by name: an archive's members and links, or the one without a name."""
    if content.startswith(ZSTD_MAGIC):
        raise UnsearchableError(f"{where} is packed with zstd, which this search cannot read")
    with contextlib.suppress(*DAMAGED):
        for magic, unpack in PACKERS:
            if content.startswith(magic):
                yield "", unpack(content)
                return
        if content.startswith(ZIP_MAGIC):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    yield name, archive.read(name)
            return
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                yield f"{member.name} {member.linkname}".rstrip(), _read(archive, member)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isfile() else None
    return file.read() if file else b""
