"""Secret scanning: finds access tokens and service account keys in images, logs and state files.

Owns the search through files, and through the archives in them, layer by layer. Reports only where a token
is, and never the token. The caller chooses the files.
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

from components.client_config import TOKEN_USER

# The first characters of every Google access token (Google Cloud's "Token types"), and enough of the rest.
ANY_TOKEN = rb"ya29\.[\w.-]{20,}"
# The same token as HTTP Basic sends it. Base64 encodes three bytes at a time, so only whole groups of
# `oauth2accesstoken:ya2`, which has 21 bytes, are the same for every token.
ANY_LOGIN = re.escape(base64.b64encode(f"{TOKEN_USER}:ya2".encode())) + rb"[\w+/=]{20,}"
# A key file of a service account. Its JSON escapes line ends, other than a certificate's key file. An
# address has `%20` or `+` for a space and `%5C` for a backslash. JSON inside JSON has more backslashes.
_SPACE = rb"(?:\s|%20|\+)"
_BEGIN = _SPACE.join([b"-----BEGIN(?:%sRSA)?" % _SPACE, b"PRIVATE", b"KEY-----"])
_KEY_BODY = rb"(?:[A-Za-z0-9/+]|%2[BbFf]){40}"
_FIELD = rb"private_key(?!_id)[^A-Za-z0-9]{1,9}[|>]?\s*"
ANY_KEY = (_BEGIN + rb"(?:\\|%5[Cc])+n" + _KEY_BODY, _FIELD + _BEGIN + rb"\s+" + _KEY_BODY)
# The text of a key file that base64 encodes, for example for the user `_json_key_base64`.
_ENCODED = b"-----BEGIN PRIVATE KEY-----\\n"
PACKERS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", gzip.decompress),
    (b"\xfd7zXZ", lzma.decompress),
    (b"BZh", bz2.decompress),
)
# Python reads zstd from 3.14 on.
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZIP_MAGIC = b"PK\x03\x04"
DAMAGED = (
    *(OSError, EOFError, ValueError, NotImplementedError, zlib.error, lzma.LZMAError),
    *(tarfile.TarError, zipfile.BadZipFile),
)


class UnsearchableError(Exception):
    """A part of a file cannot be searched. The message names the part."""


def find_secrets(paths: Sequence[Path], tokens: Sequence[str]) -> list[str]:
    """Return every place that contains one of the tokens, or a text that looks like an access token.

    Args:
        paths: files, and folders with everything in them. Links to other folders are not followed.
            Archives (image layers, wheels) are searched file by file.
        tokens: further texts to find, in clear and as HTTP Basic sends them.

    Raises:
        OSError: a file cannot be read.
        UnsearchableError: a part of a file cannot be searched.
    """
    forms = [form for token in tokens for form in (token.encode(), _basic_login(token))]
    known = [ANY_TOKEN, ANY_LOGIN, *ANY_KEY, *_encoded_keys()]
    pattern = re.compile(b"|".join([*known, *map(re.escape, forms)]))
    places: list[str] = []
    for path in _files(paths):
        found = _search(pattern, str(path), path.read_bytes())
        places += found or ([str(path)] if pattern.search(os.fsencode(path)) else [])
    return [
        pattern.sub(b"[token]", place.encode(errors="surrogateescape")).decode(errors="replace")
        for place in places
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
            yield from (file for name in sorted(names) if (file := Path(folder, name)).is_file())


def _encoded_keys() -> Iterator[bytes]:
    """Patterns of key files in base64, and in base64 again, as HTTP Basic and Kubernetes send them."""
    for once in _alignments(_ENCODED):
        yield _broken_lines(once)
        yield from map(re.escape, _alignments(once))


def _alignments(text: bytes) -> list[bytes]:
    """The whole groups of the text in base64, for each of its three positions in a longer text."""
    return [
        # Each group has three bytes. Bytes before the text are in the first group, so it is not the same.
        base64.b64encode(text[start : start + (len(text) - start) // 3 * 3])
        for start in range(3)
    ]


def _broken_lines(text: bytes) -> bytes:
    """A pattern of the text, with a line end anywhere, as `base64` without `--wrap 0` writes it."""
    line_end = rb"(?:\s|\\[nr]){0,4}"
    return line_end.join(re.escape(text[at : at + 1]) for at in range(len(text)))


def _basic_login(token: str) -> bytes:
    return base64.b64encode(f"{TOKEN_USER}:{token}".encode())


def _search(pattern: re.Pattern[bytes], place: str, content: bytes) -> list[str]:
    """Return where the pattern is: in a file's packed members, otherwise in the file itself."""
    places: list[str] = []
    for name, member in _members(place, content):
        inner = f"{place} → {name}" if name else place
        found = _search(pattern, inner, member)
        places += found or ([inner] if pattern.search(name.encode(errors="surrogateescape")) else [])
    # A damaged archive gives only some of its members, so its bytes are searched too.
    return places or ([place] if pattern.search(content) else [])


def _members(place: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a file's packed members: those of an archive by name, or a compressed file's content."""
    if content.startswith(ZSTD_MAGIC):
        raise UnsearchableError(f"{place} is packed with zstd, which this command cannot read")
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
