"""Distributions made in memory, and the form in which twine uploads them."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from dataclasses import dataclass, field, replace

from sandbox.cloud.packaging.metadata import METADATA_BYTES

# A fixed date, so that an archive has the same bytes each time.
_DATE = (2026, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Upload:
    """An upload: the form's fields and the file."""

    filename: str
    content: bytes
    fields: dict[str, str] = field(default_factory=dict[str, str])

    def with_content(self, content: bytes) -> Upload:
        """A copy with other content and matching digests."""
        digests = {"md5_digest": hashlib.md5(content, usedforsecurity=False).hexdigest()}
        digests["sha256_digest"] = hashlib.sha256(content).hexdigest()
        digests["blake2_256_digest"] = hashlib.blake2b(content, digest_size=32).hexdigest()
        return replace(self, content=content, fields={**self.fields, **digests})

    def with_fields(self, **fields: str | None) -> Upload:
        """A copy with other fields; None removes a field."""
        merged = {**self.fields, **fields}
        return replace(self, fields={key: value for key, value in merged.items() if value is not None})


def metadata(name: str, version: str, requires_python: str | None = ">=3.8", more: str = "") -> bytes:
    """METADATA or PKG-INFO."""
    requires = f"Requires-Python: {requires_python}\n" if requires_python else ""
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}{more}\nA test.\n".encode()


def pack_wheel(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def pack_sdist(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(file.getvalue(), mtime=0)


def wheel_members(name: str, version: str, about: bytes, payload: bytes = b"") -> dict[str, bytes]:
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    members = {f"{module}.py": f"VERSION = {version!r}\n".encode()}
    if payload:
        members[f"{module}_data.py"] = payload
    members[f"{info}/METADATA"] = about
    members[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{member},,\n" for member in [*members, f"{info}/RECORD"])
    return {**members, f"{info}/RECORD": record.encode()}


def sdist_members(name: str, version: str, about: bytes) -> dict[str, bytes]:
    top = f"{name.replace('-', '_')}-{version}"
    return {f"{top}/PKG-INFO": about, f"{top}/pyproject.toml": b"", f"{top}/module.py": b"x = 1\n" * 50}


def _upload(
    filename: str, content: bytes, kind: str, name: str, version: str, requires: str | None
) -> Upload:
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "name": name,
        "version": version,
        "filetype": kind,
        "pyversion": "py3" if kind == "bdist_wheel" else "source",
        "metadata_version": "2.1",
        **({"requires_python": requires} if requires else {}),
    }
    return Upload(filename, b"", fields).with_content(content)


def wheel(
    name: str, version: str, *, requires_python: str | None = ">=3.8", payload: bytes = b""
) -> Upload:
    """A wheel with one module that knows its version."""
    about = metadata(name, version, requires_python)
    content = pack_wheel(wheel_members(name, version, about, payload))
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return _upload(filename, content, "bdist_wheel", name, version, requires_python)


def sdist(name: str, version: str, *, requires_python: str | None = ">=3.8") -> Upload:
    """A source archive that cannot be built."""
    content = pack_sdist(sdist_members(name, version, metadata(name, version, requires_python)))
    filename = f"{name.replace('-', '_')}-{version}.tar.gz"
    return _upload(filename, content, "sdist", name, version, requires_python)


def linked_metadata(kind: bytes) -> Upload:
    """An sdist whose PKG-INFO is a link to a member that is larger than the limit for metadata."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        large = tarfile.TarInfo("my_adder-1.0/large")
        large.size = METADATA_BYTES + 1
        archive.addfile(large, io.BytesIO(metadata("my-adder", "1.0").ljust(large.size)))
        link = tarfile.TarInfo("my_adder-1.0/PKG-INFO")
        link.type, link.linkname = kind, large.name
        archive.addfile(link)
    return sdist("my-adder", "1.0").with_content(gzip.compress(file.getvalue()))


def with_metadata(about: bytes) -> list[Upload]:
    name = ("my-adder", "1.0", about)
    return [
        wheel("my-adder", "1.0").with_content(pack_wheel(wheel_members(*name))),
        sdist("my-adder", "1.0").with_content(pack_sdist(sdist_members(*name))),
    ]
