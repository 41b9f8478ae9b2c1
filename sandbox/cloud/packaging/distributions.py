"""Python distributions: the checks of a file's name, its archive and its own metadata.

Owns the checks of an uploaded file and the texts of the refusals. The fields of the metadata are in
`sandbox.cloud.packaging.metadata`. Does not own repositories or logins.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
from sandbox.cloud.packaging.metadata import (
    METADATA_BYTES,
    BadDistribution,
    BadMetadata,
    is_metadata_version,
    parse_metadata,
    parse_requires_python,
)

# Google's limits are unknown. The sandbox's own are far above the size of published files, and low enough
# that one upload cannot stop the process for others. The size of an unpacked archive:
UNPACKED_BYTES = 4 * 1024**3
# The number of its members, and the total size of its headers, which Python reads into memory:
MEMBERS = 50_000
HEADERS_BYTES = 32 * 1024**2
# A name in a folder of the usual file systems (NAME_MAX): pip cannot store a file with a longer name. The
# limit also bounds the combinations of a wheel's tags.
FILENAME_BYTES = 255
_PKG_INFO = "/PKG-INFO"
# Files that PyPI took before its rules of file names: other archives, eggs and installers, other versions.
_OLD_FILENAME = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*?)-(?P<version>\d[^-/]*)(?:[-.][^/]+)?"
    r"\.(?:tar\.gz|tgz|tar\.bz2|tar\.xz|tar\.Z|tar|zip|egg|exe|msi|rpm|deb|dmg|whl)"
)


@dataclass(frozen=True, kw_only=True)
class FileName:
    """The parts of a distribution's file name.

    Attributes:
        package: the package's normalised name (PEP 503).
        version: the normalised version.
        kind: the value of `filetype` in the upload form.
        key: equal for file names that differ only in spelling, such as `My_Pkg-1.0.tar.gz` and
            `my.pkg-1.0.0.tar.gz`.
    """

    package: str
    version: str
    kind: Literal["bdist_wheel", "sdist"]
    key: str


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A file that passed the checks."""

    filename: str
    package: str
    version: str
    requires_python: str | None
    metadata_version: str


def parse_filename(filename: str) -> FileName:
    """Read a file name.

    Raises:
        BadDistribution: it is neither the name of a wheel nor of an sdist.
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
    """Open a distribution and compare its name with its own metadata.

    Raises:
        BadDistribution.
    """
    parts = parse_filename(filename)
    metadata = parse_metadata(_read_metadata(path, filename, parts))
    if canonicalize_name(metadata.name) != parts.package:
        raise BadDistribution(f"{filename} holds the metadata of {metadata.name!r}, another package.")
    if metadata.version != Version(parts.version):
        raise BadDistribution(f"{filename} holds the metadata of version {metadata.version}.")
    return Distribution(
        filename=filename,
        package=parts.package,
        version=parts.version,
        requires_python=metadata.requires_python,
        metadata_version=metadata.metadata_version,
    )


def read_published(path: Path, filename: str) -> Distribution:
    """Read a file as the public index has it: many are older than today's rules of names and metadata.

    Raises:
        BadDistribution: the archive is damaged, a wheel holds the metadata of another package or
            version, or the name has no version.
    """
    try:
        parts = parse_filename(filename)
    except BadDistribution:
        old = _OLD_FILENAME.fullmatch(filename)
        if old is None:
            raise
        package, version = canonicalize_name(old["name"]), old["version"]
        return Distribution(
            filename=filename, package=package, version=version, requires_python=None, metadata_version=""
        )
    try:
        if parts.kind == "bdist_wheel":
            return check_file(path, filename)
        metadata = parse_metadata(_read_metadata(path, filename, parts))
        requires, written = metadata.requires_python, metadata.metadata_version
    except BadMetadata:
        requires, written = None, ""
    return Distribution(
        filename=filename,
        package=parts.package,
        version=parts.version,
        requires_python=requires,
        metadata_version=written,
    )


def check_upload(form: Mapping[str, str], filename: str, content: Draft) -> Distribution:
    """Compare an upload form with its file.

    Args:
        form: the fields of the legacy upload API, sent by twine or uv.
        filename: the file's name, from the multipart header.
        content: the file's content, flushed.

    Raises:
        BadDistribution.
    """
    for field, only in {":action": "file_upload", "protocol_version": "1"}.items():
        if form.get(field) != only:
            raise BadDistribution(f"Field {field!r} must be {only!r}, not {form.get(field)!r}.")
    for field in ("name", "version", "filetype", "metadata_version"):
        if not form.get(field):
            raise BadDistribution(f"Field {field!r} is missing.")
    parts = parse_filename(filename)
    try:
        name, version = canonicalize_name(form["name"], validate=True), Version(form["version"])
    # ValueError: a version with more digits than Python converts to a number.
    except ValueError as error:
        raise BadDistribution(f"{error}.") from error
    for field, value, expected in (
        ("name", name, parts.package),
        ("version", version, Version(parts.version)),
        ("filetype", form["filetype"], parts.kind),
    ):
        if value != expected:
            raise BadDistribution(f"Field {field!r} is {form[field]!r}, but the file is {filename!r}.")
    _check_digests(form, content)
    distribution = check_file(content.path, filename)
    # The form can have another version than the file: flit 4.2 sends 2.3 with metadata of version 2.5.
    if not is_metadata_version(form["metadata_version"]):
        raise BadDistribution(
            f"Field 'metadata_version' has an unknown version: {form['metadata_version']!r}."
        )
    required = parse_requires_python(form.get("requires_python", ""))
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


def _read_metadata(path: Path, filename: str, parts: FileName) -> bytes:
    """The METADATA or PKG-INFO of a distribution, after a check that all of it can be unpacked."""
    try:
        if filename.endswith(".tar.gz"):
            return _read_tar(path)
        return _read_zip(path, parts)
    except BadDistribution:
        raise
    # For a damaged archive these libraries raise almost any error: their own, zlib's, struct's,
    # RuntimeError, NotImplementedError, OverflowError …
    except Exception as error:
        raise BadDistribution(f"{filename} is damaged: {error or type(error).__name__}.") from error


def _read_zip(path: Path, parts: FileName) -> bytes:
    with _Zip(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        if len(archive.infolist()) > MEMBERS:
            raise BadDistribution(f"The archive has more than {MEMBERS} members.")
        if sum(member.file_size for member in archive.infolist()) > UNPACKED_BYTES:
            raise BadDistribution(f"The archive unpacks to more than {UNPACKED_BYTES} bytes.")
        if damaged := archive.testzip():
            raise BadDistribution(f"The archive is damaged: {damaged} does not match its CRC.")
        names = archive.namelist()
        if parts.kind == "sdist":
            member = _find_member(names, _PKG_INFO)
        else:
            member = _find_member(names, ".dist-info/METADATA")
            folder = member.removesuffix("METADATA")
            for other in ("WHEEL", "RECORD"):
                if f"{folder}{other}" not in names:
                    raise BadDistribution(f"The wheel has no {folder}{other}.")
        with archive.open(member) as metadata:
            return _check_size(metadata.read(METADATA_BYTES + 1))


def _read_tar(path: Path) -> bytes:
    # First to the end, because gzip's checksum of the content is there.
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
        found = members[_find_member(list(members), _PKG_INFO)]
        # A link would give the content of another member, of any size.
        if not found.isreg():
            raise BadDistribution(f"{found.name} is not a regular file.")
        metadata = archive.extractfile(found)
        assert metadata  # noqa: S101  # never None for a regular file
        return _check_size(metadata.read(METADATA_BYTES + 1))


def _check_size(metadata: bytes) -> bytes:
    if len(metadata) > METADATA_BYTES:
        raise BadDistribution(f"The file's own metadata has more than {METADATA_BYTES} bytes.")
    return metadata


class _Zip(io.BufferedReader):
    """A zip file with a limit for its directory, which Python reads in one piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > HEADERS_BYTES:
            raise BadDistribution(f"The archive's headers have more than {HEADERS_BYTES} bytes.")
        return super().read(size)


class _Tar(gzip.GzipFile):
    """A tar file with a limit for its headers. Python skips contents instead of reading them."""

    _read = 0

    def read(self, size: int | None = -1) -> bytes:
        self._read += size or 0
        if self._read > HEADERS_BYTES:
            raise BadDistribution(f"The archive's headers have more than {HEADERS_BYTES} bytes.")
        return super().read(size)


def _find_member(names: list[str], end: str) -> str:
    """The only member `FOLDER/PKG-INFO` or `NAME.dist-info/METADATA` at the archive's top."""
    found = [name for name in names if name.count("/") == 1 and name.endswith(end)]
    if len(found) != 1:
        raise BadMetadata(f"The archive has {len(found)} files *{end} where one must be.")
    return found[0]
