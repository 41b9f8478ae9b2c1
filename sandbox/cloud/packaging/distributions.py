"""What makes a file a Python distribution: its name, its archive, its own metadata, and that all agree.

Owns the checks of an uploaded file and the words in which a bad one is refused. Knows nothing of
repositories, nor of who uploads.
"""

from __future__ import annotations

import gzip
import io
import itertools
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.metadata import Metadata, parse_email
from packaging.specifiers import SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    canonicalize_version,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from sandbox.cloud.core.blobs import CHUNK_BYTES, Draft

# Unknown at Google, all of these; the sandbox's own, far above what people publish and far below what
# would stop the process for others. What an archive unpacks to:
UNPACKED_BYTES = 4 * 1024**3
# How many members it has, and what its own headers have altogether: they are read into memory.
MEMBERS = 50_000
HEADERS_BYTES = 32 * 1024**2
# METADATA or PKG-INFO, of which the description is most, and the fields before that, which are parsed.
METADATA_BYTES = 2 * 1024**2
FIELDS_BYTES = 256 * 1024
FIELD_LINES = 3_000
# A name in a folder of the usual file systems (NAME_MAX): pip could not keep a file with a longer one. It
# bounds what a wheel's tags multiply to, too.
FILENAME_BYTES = 255
# Fields that may come once: a second one makes the packaging library set both aside as unparsed.
_PKG_INFO = "/PKG-INFO"
_SINGLE = ("metadata-version", "name", "version", "requires-python")


class BadDistribution(Exception):
    """A file that is refused; the message says what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class FileName:
    """What a distribution's file name says."""

    package: str
    """The package's normalised name (PEP 503)."""
    version: str
    """The normalised version."""
    kind: Literal["bdist_wheel", "sdist"]
    """In the words of the upload form."""
    key: str
    """The same for file names that differ in spelling alone: `My_Pkg-1.0.tar.gz`, `my.pkg-1.0.0.tar.gz`."""


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A file that passed."""

    filename: str
    package: str
    version: str
    requires_python: str | None
    metadata_version: str


def parse_filename(filename: str) -> FileName:
    """Read a file name.

    Raises:
        BadDistribution: it is none of a wheel or sdist.
    """
    if len(filename.encode(errors="replace")) > FILENAME_BYTES:
        raise BadDistribution(f"The file name has more than {FILENAME_BYTES} bytes.")
    try:
        if filename.endswith(".whl"):
            name, version, build, _ = parse_wheel_filename(filename)
            tags = (
                ".".join(sorted(set(part.split(".")))) for part in filename[:-4].lower().split("-")[-3:]
            )
            key = f"{name}-{canonicalize_version(version)}-{build}-{'-'.join(tags)}.whl"
            return FileName(package=name, version=str(version), kind="bdist_wheel", key=key)
        name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion) as error:
        raise BadDistribution(f"{filename!r} is not the file name of a distribution: {error}.") from error
    if not name or canonicalize_name(name) != name or "/" in filename:
        raise BadDistribution(f"{filename!r} is not the file name of a distribution.")
    key = f"{name}-{canonicalize_version(version)}.{'zip' if filename.endswith('.zip') else 'tar.gz'}"
    return FileName(package=name, version=str(version), kind="sdist", key=key)


def check_file(path: Path, filename: str) -> Distribution:
    """Open a distribution and hold its name and its own metadata against each other.

    Raises:
        BadDistribution.
    """
    said = parse_filename(filename)
    metadata = _parse(_read_metadata(path, filename, said))
    if canonicalize_name(metadata.name) != said.package:
        raise BadDistribution(f"{filename} holds the metadata of {metadata.name!r}, another package.")
    if metadata.version != Version(said.version):
        raise BadDistribution(f"{filename} holds the metadata of version {metadata.version}.")
    requires = str(metadata.requires_python) if metadata.requires_python else None
    return Distribution(
        filename=filename,
        package=said.package,
        version=said.version,
        requires_python=requires,
        metadata_version=metadata.metadata_version,
    )


def check_upload(form: Mapping[str, str], filename: str, content: Draft) -> Distribution:
    """Hold an upload form against the file that came with it.

    Args:
        form: the fields of the legacy upload API, as twine and uv send them.
        filename: the file's name, from the multipart header.
        content: what came, flushed.

    Raises:
        BadDistribution.
    """
    for field, only in {":action": "file_upload", "protocol_version": "1"}.items():
        if form.get(field) != only:
            raise BadDistribution(f"Field {field!r} must be {only!r}, not {form.get(field)!r}.")
    for field in ("name", "version", "filetype", "metadata_version"):
        if not form.get(field):
            raise BadDistribution(f"Field {field!r} is missing.")
    said = parse_filename(filename)
    try:
        name, version = canonicalize_name(form["name"], validate=True), Version(form["version"])
    # ValueError: a version with more digits than Python makes a number of.
    except ValueError as error:
        raise BadDistribution(f"{error}.") from error
    for field, value, expected in (
        ("name", name, said.package),
        ("version", version, Version(said.version)),
        ("filetype", form["filetype"], said.kind),
    ):
        if value != expected:
            raise BadDistribution(f"Field {field!r} is {form[field]!r}, but the file is {filename!r}.")
    _check_digests(form, content)
    distribution = check_file(content.path, filename)
    if distribution.metadata_version != form["metadata_version"]:
        raise BadDistribution(
            f"Field 'metadata_version' is {form['metadata_version']!r}, but the file's own metadata "
            f"says {distribution.metadata_version!r}."
        )
    try:
        required = str(SpecifierSet(form.get("requires_python", "")))
    except ValueError as error:
        raise BadDistribution(f"Field 'requires_python': {error}.") from error
    if required and required != distribution.requires_python:
        raise BadDistribution(
            f"Field 'requires_python' is {required!r}, but the file's own metadata says "
            f"{distribution.requires_python!r}."
        )
    return distribution


def _check_digests(form: Mapping[str, str], content: Draft) -> None:
    given = {kind: form[f"{kind}_digest"] for kind in content.digests if form.get(f"{kind}_digest")}
    if not given:
        fields = ", ".join(f"'{kind}_digest'" for kind in content.digests)
        raise BadDistribution(f"At least one of the fields {fields} is needed.")
    for kind, value in given.items():
        found = content.digests[kind].hexdigest()
        if value.lower() != found:
            raise BadDistribution(f"The file arrived with {kind} {found}, not {value!r}: it is damaged.")


def _parse(text: bytes) -> Metadata:
    lines = list(itertools.takewhile(bool, text.splitlines()))
    if len(lines) > FIELD_LINES or sum(map(len, lines)) > FIELDS_BYTES:
        raise BadDistribution(
            f"The file's own metadata has more than {FIELD_LINES} lines or {FIELDS_BYTES} bytes of fields."
        )
    raw, unparsed = parse_email(text)
    for field in _SINGLE:
        if field in unparsed:
            raise BadDistribution(f"The file's own metadata has field {field!r} twice, or damaged.")
    if raw.get("metadata_version", "") < "2.4":
        # setuptools before 77 writes these before their time.
        raw.pop("license_files", None)
        raw.pop("license_expression", None)
    try:
        return Metadata.from_raw(raw)
    # Of whatever kind: numbers too long for Python, markers nested without end.
    except (ExceptionGroup, ValueError, RecursionError) as error:
        problems = error.exceptions if isinstance(error, ExceptionGroup) else [error]
        text_of = "; ".join(map(str, problems))
        raise BadDistribution(f"The file's own metadata is invalid: {text_of}.") from error


def _read_metadata(path: Path, filename: str, said: FileName) -> bytes:
    """The METADATA or PKG-INFO of a distribution whose every byte could be unpacked."""
    try:
        if filename.endswith(".tar.gz"):
            return _read_tar(path)
        return _read_zip(path, said)
    except BadDistribution:
        raise
    # A damaged archive makes these libraries raise nearly anything: their own errors, zlib's, struct's,
    # RuntimeError, NotImplementedError, OverflowError …
    except Exception as error:
        raise BadDistribution(f"{filename} is damaged: {error or type(error).__name__}.") from error


def _read_zip(path: Path, said: FileName) -> bytes:
    with _Zip(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        if len(archive.infolist()) > MEMBERS:
            raise BadDistribution(f"The archive has more than {MEMBERS} members.")
        if sum(member.file_size for member in archive.infolist()) > UNPACKED_BYTES:
            raise BadDistribution(f"The archive unpacks to more than {UNPACKED_BYTES} bytes.")
        if damaged := archive.testzip():
            raise BadDistribution(f"The archive is damaged: {damaged} does not match its CRC.")
        names = archive.namelist()
        if said.kind == "sdist":
            wanted = _only(names, _PKG_INFO)
        else:
            wanted = _only(names, ".dist-info/METADATA")
            folder = wanted.removesuffix("METADATA")
            for other in ("WHEEL", "RECORD"):
                if f"{folder}{other}" not in names:
                    raise BadDistribution(f"The wheel has no {folder}{other}.")
        with archive.open(wanted) as metadata:
            return _bounded(metadata.read(METADATA_BYTES + 1))


def _read_tar(path: Path) -> bytes:
    # To the end first: that is where gzip's own check of the content stands.
    unpacked = 0
    with gzip.open(path) as content:
        while chunk := content.read(CHUNK_BYTES):
            unpacked += len(chunk)
            if unpacked > UNPACKED_BYTES:
                raise BadDistribution(f"The archive unpacks to more than {UNPACKED_BYTES} bytes.")
    with _Tar(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
        members: dict[str, tarfile.TarInfo] = {}
        for count, member in enumerate(archive, 1):
            if count > MEMBERS:
                raise BadDistribution(f"The archive has more than {MEMBERS} members.")
            if member.name.endswith(_PKG_INFO):
                members[member.name] = member
        wanted = members[_only(list(members), _PKG_INFO)]
        # A link's content would be that of another member, of any size.
        if not wanted.isreg():
            raise BadDistribution(f"{wanted.name} is no regular file.")
        metadata = archive.extractfile(wanted)
        assert metadata  # noqa: S101  # as of every regular file
        return _bounded(metadata.read(METADATA_BYTES + 1))


def _bounded(metadata: bytes) -> bytes:
    if len(metadata) > METADATA_BYTES:
        raise BadDistribution(f"The file's own metadata has more than {METADATA_BYTES} bytes.")
    return metadata


class _Zip(io.BufferedReader):
    """A zip file whose directory, which is read in one piece, has a size that memory can bear."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > HEADERS_BYTES:
            raise BadDistribution(f"The archive's headers have more than {HEADERS_BYTES} bytes.")
        return super().read(size)


class _Tar(gzip.GzipFile):
    """A tar file whose headers have a size that memory can bear; contents are skipped, not read."""

    _read = 0

    def read(self, size: int | None = -1) -> bytes:
        self._read += size or 0
        if self._read > HEADERS_BYTES:
            raise BadDistribution(f"The archive's headers have more than {HEADERS_BYTES} bytes.")
        return super().read(size)


def _only(names: list[str], end: str) -> str:
    """The one member `FOLDER/PKG-INFO` or `NAME.dist-info/METADATA` at the archive's top."""
    found = [name for name in names if name.count("/") == 1 and name.endswith(end)]
    if len(found) != 1:
        raise BadDistribution(f"The archive has {len(found)} files *{end} where one must be.")
    return found[0]
