"""The core metadata inside a distribution: METADATA of a wheel, PKG-INFO of an sdist.

Owns the fields that an index or pip uses. Google's checks are unknown. Many files on PyPI break newer rules
of the other fields, such as a license expression in version 2.3, and teams upload such files to their own
index. So only the fields that a page or a form repeats must be valid.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

# The limits are the sandbox's own. The description is most of the metadata; the fields before the
# description are parsed:
METADATA_BYTES = 2 * 1024**2
FIELDS_BYTES = 256 * 1024
FIELD_LINES = 3_000
# Fields that can occur once: the packaging library does not parse a field that occurs twice.
_SINGLE = ("metadata-version", "name", "version", "requires-python")
# The version 2.0 was never published, but the wheel project wrote it for years (pypi/warehouse 17174).
_UNPUBLISHED = {"2.0": "2.1"}
# Old setuptools wrote what today's rule of versions refuses: `>=3.6.*`. pip and uv accept it.
_OLD_SPECIFIERS = re.compile(r"\s*(?:(?:~=|[=!<>]=|===|<|>)\s*\d+(?:\.\d+)*(?:\.\*)?\s*(?:,|$)\s*)+")
# A dependency begins with a name. Old files have `y (>=1.*)` after it, or a marker without quotes.
_DEPENDENCY = re.compile(r"\s*[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:$|[\[(;@~=!<>\s])")


class BadDistribution(Exception):
    """A refused file; the message says what is wrong with it."""


class BadMetadata(BadDistribution):
    """A file whose own metadata is missing or invalid."""


@dataclass(frozen=True, kw_only=True)
class CoreMetadata:
    """The fields that an index uses."""

    metadata_version: str
    name: str
    version: Version
    requires_python: str | None


def parse_metadata(text: bytes) -> CoreMetadata:
    """Read METADATA or PKG-INFO.

    Raises:
        BadMetadata.
    """
    lines = list(itertools.takewhile(bool, text.splitlines()))
    if len(lines) > FIELD_LINES or sum(map(len, lines)) > FIELDS_BYTES:
        raise BadMetadata(
            f"The file's own metadata has more than {FIELD_LINES} lines or {FIELDS_BYTES} bytes of fields."
        )
    raw, unparsed = parse_email(text)
    for field in _SINGLE:
        if field in unparsed:
            raise BadMetadata(f"The file's own metadata has field {field!r} twice, or damaged.")
    written = raw.get("metadata_version", "")
    checked: RawMetadata = {"metadata_version": _UNPUBLISHED.get(written, written)}
    if "name" in raw:
        checked["name"] = raw["name"]
    if "version" in raw:
        checked["version"] = raw["version"]
    try:
        metadata = Metadata.from_raw(checked)
    # Another error than the library's: a version with too many digits for Python.
    except (ExceptionGroup, ValueError) as error:
        problems = error.exceptions if isinstance(error, ExceptionGroup) else [error]
        text_of = "; ".join(map(str, problems))
        raise BadMetadata(f"The file's own metadata is invalid: {text_of}.") from error
    for dependency in raw.get("requires_dist", []):
        if not _DEPENDENCY.match(dependency):
            raise BadMetadata(f"The file's own metadata is invalid: requires-dist {dependency!r}.")
    return CoreMetadata(
        metadata_version=written,
        name=metadata.name,
        version=metadata.version,
        requires_python=parse_requires_python(raw.get("requires_python", "")) or None,
    )


def is_metadata_version(text: str) -> bool:
    """Whether a form can have this version of core metadata."""
    version = _UNPUBLISHED.get(text, text)
    try:
        Metadata.from_raw({"metadata_version": version, "name": "any", "version": "0"})
    except ExceptionGroup:
        return False
    return True


def parse_requires_python(text: str) -> str:
    """The Python versions of a distribution, normalised if today's rule allows them.

    Raises:
        BadMetadata: the text is not a list of versions.
    """
    try:
        return str(SpecifierSet(text))
    # ValueError: a version with too many digits for Python.
    except ValueError as error:
        if isinstance(error, InvalidSpecifier) and _OLD_SPECIFIERS.fullmatch(text):
            return text.strip()
        raise BadMetadata(f"Field 'requires_python': {error}.") from error
