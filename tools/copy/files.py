"""The files of a repository as Google lists them, and the selection of some by package and version."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from packaging.version import InvalidVersion, Version

from components.args import normalized_package
from tools.errors import ToolError

_WORD = re.compile(r"(?P<package>[A-Za-z0-9][\w.-]*)(?:==(?P<version>[^=\s]+))?", re.ASCII)
# The versions that an error names.
_SHOWN_VERSIONS = 10


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of a repository.

    Attributes:
        resource: the full name in the API, with its escapes.
        id: the package and the file name, such as `my-adder/my_adder-0.0.1.tar.gz`. Two repositories have
            the same id for the same file.
        package: the normalized name of the package.
        version: the version as Google spells it; empty if no version owns the file.
        size: bytes.
        sha256: the hash in hex; empty if Google does not give one.
    """

    resource: str
    id: str
    package: str
    version: str
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        """The name of the file."""
        return self.id.rpartition("/")[2]

    def equals(self, other: File) -> bool:
        """Return whether both have the same hash. Two unknown hashes are different."""
        return bool(self.sha256) and self.sha256 == other.sha256


def parse_file(document: Mapping[str, Any]) -> File:
    """Read a `File` of the API.

    The fields: https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories.files
    """
    resource = document["name"]
    file_id = unquote(resource.partition("/files/")[2])
    owner = document.get("owner", "").partition("/packages/")[2]
    package, _, version = owner.partition("/versions/")
    return File(
        resource=resource,
        id=file_id,
        package=normalized_package(unquote(package) or file_id.partition("/")[0]),
        version=unquote(version),
        size=int(document.get("sizeBytes", 0)),
        sha256=_read_sha256(document.get("hashes", [])),
    )


def _read_sha256(hashes: Iterable[Mapping[str, str]]) -> str:
    """Return the SHA-256 in hex. A bytes field in JSON can have either alphabet of Base64."""
    for entry in hashes:
        if entry.get("type") == "SHA256":
            return base64.b64decode(entry["value"].replace("-", "+").replace("_", "/")).hex()
    return ""


def select(files: Collection[File], words: Sequence[str], stack: str) -> list[File]:
    """Return the files that the words `name` or `name==version` select; all of them without a word.

    Raises:
        ToolError: a word has another form, or selects no file. One message names every such word.
    """
    chosen: set[str] = set()
    problems: list[str] = []
    for word in words:
        parts = _WORD.fullmatch(word)
        if parts is None:
            problems.append(f"{word}: write a package, such as my-adder, or one version: my-adder==0.0.1.")
            continue
        package, version = normalized_package(parts["package"]), parts["version"]
        found = [file for file in files if file.package == package]
        exact = [file for file in found if version is None or _same_version(file.version, version)]
        if not exact:
            problems.append(_missing(stack, word, found))
        chosen |= {file.id for file in exact}
    if problems:
        raise ToolError("\n".join(problems))
    return [file for file in files if not words or file.id in chosen]


def _missing(stack: str, word: str, found: Iterable[File]) -> str:
    versions = sorted({file.version for file in found})
    if not versions:
        return f"{stack} does not have {word}: it has no version of this package."
    more = ", …" if len(versions) > _SHOWN_VERSIONS else ""
    return f"{stack} does not have {word}. It has {', '.join(versions[:_SHOWN_VERSIONS])}{more}."


def _same_version(one: str, other: str) -> bool:
    """Compare two versions as installers do (PEP 440). Versions in an older form must be equal as text."""
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one.lower() == other.lower()
