"""Files in a repository of the sandbox: put there as by an earlier client, and read with their hashes."""

from __future__ import annotations

import base64
import contextlib
import hashlib

from sandbox.cloud.artifact_registry.packages import add_file
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.store import Store
from sandbox.cloud.packaging.distributions import parse_filename
from sandbox.cloud.packaging.pages import SimpleLink
from sandbox.runtime.paths import SandboxFolder
from tests.support.distributions import pack_sdist, pack_wheel, sdist_members, wheel_members
from tests.support.sandbox import Sandbox

API = "https://artifactregistry.googleapis.com/v1"


def content_of(filename: str, about: bytes) -> bytes:
    """The bytes of a wheel or an sdist with that name and that METADATA or PKG-INFO."""
    name, version = filename.removesuffix(".tar.gz").removesuffix(".zip").split("-")[:2]
    if filename.endswith(".whl"):
        return pack_wheel(wheel_members(name, version, about))
    members = sdist_members(name, version, about)
    return pack_wheel(members) if filename.endswith(".zip") else pack_sdist(members)


def put_file(sandbox: Sandbox, repository: str, filename: str, content: bytes) -> None:
    """Put a file into a repository, by its full name. No check applies."""
    folder, parts = SandboxFolder(sandbox.folder), parse_filename(filename)
    digest = hashlib.sha256(content).hexdigest()
    link = SimpleLink(filename=filename, version=parts.version, sha256=digest, requires_python=None)
    blobs = Blobs(folder.blobs)
    with contextlib.closing(Store(folder.database)) as store, blobs.draft() as draft:
        draft.write(content)
        draft.flush()
        draft.sync()
        with store.transaction():
            add_file(store, repository, parts.package, link, len(content))
            blobs.keep(draft)


def stored_hashes(sandbox: Sandbox, repository: str) -> dict[str, str]:
    """The SHA-256 of each file of a repository, by its name, as Google lists them."""
    _, page = sandbox.ask("GET", f"{API}/{repository}/files?pageSize=1000")
    return {
        decode(file["name"]): base64.b64decode(file["hashes"][0]["value"]).hex()
        for file in page.get("files", [])
    }


def decode(resource: str) -> str:
    """The file name in the name of a resource."""
    escaped = resource.rpartition("/files/")[2].partition("%2F")[2]
    return escaped.replace("%2B", "+").replace("%5E", "^")
