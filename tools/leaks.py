"""Looks for access tokens where none may be: images, logs, states.

Owns the search through files and the archives in them, layer by layer. What is handed to it is the caller's
choice; it never prints what it finds, only where.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

# How every Google access token begins (Google Cloud's "Token types"), and enough of it to be one.
ANY_TOKEN = rb"ya29\.[\w.-]{20,}"
GZIP_MAGIC = b"\x1f\x8b"


def find_leaks(paths: Sequence[Path], tokens: Sequence[str]) -> list[str]:
    """Where any of the tokens is, or anything that looks like an access token.

    Args:
        paths: files; image archives (docker, OCI) are searched layer by layer.
        tokens: texts to look for besides, in clear and as HTTP Basic sends them.

    Raises:
        OSError: a file cannot be read.
    """
    forms = [form for token in tokens for form in (token.encode(), _basic(token))]
    pattern = re.compile(b"|".join([ANY_TOKEN, *map(re.escape, forms)]))
    return [
        pattern.sub(b"[token]", where.encode()).decode()
        for path in paths
        for where, content in _contents(str(path), path.read_bytes())
        if pattern.search(content)
    ]


def _basic(token: str) -> bytes:
    return base64.b64encode(f"oauth2accesstoken:{token}".encode())


def _contents(where: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The file itself and, for archives, everything in it with its name."""
    if content.startswith(GZIP_MAGIC):
        # One that is damaged is searched as it is.
        with contextlib.suppress(OSError, EOFError, zlib.error):
            content = gzip.decompress(content)
    archive = _open(io.BytesIO(content))
    if archive is None:
        yield where, content
        return
    with archive:
        for member in archive:
            inside = f"{where} → {member.name}"
            yield inside, f"{member.name} {member.linkname} {member.pax_headers}".encode()
            file = archive.extractfile(member) if member.isfile() else None
            if file:
                yield from _contents(inside, file.read())


def _open(file: IO[bytes]) -> tarfile.TarFile | None:
    try:
        return tarfile.open(fileobj=file, mode="r:")
    except tarfile.ReadError:
        return None
