"""The files of a package that a repository offers, in any of its upstreams.

Owns the lists of files that virtual and remote repositories read from their upstreams, not the content.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from packaging.utils import canonicalize_version

from sandbox.cloud.artifact_registry.packages import list_links
from sandbox.cloud.core.errors import GoogleError, Json
from sandbox.cloud.packaging.pages import SimpleLink
from sandbox.cloud.pypi.files import RemoteFile, UnreachableError, unavailable
from sandbox.cloud.python_index.dependencies import Dependencies


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A file that a repository offers.

    Attributes:
        link: the file.
        source: the full name of the repository that has it: an upstream, or the repository itself.
    """

    link: SimpleLink
    source: str


async def list_candidates(cloud: Dependencies, repository: Json, package: str) -> list[Candidate]:
    """The files of a package that a repository offers."""
    name, mode = repository["name"], repository["mode"]
    if mode == "VIRTUAL_REPOSITORY":
        return await _list_virtual_candidates(cloud, repository, package)
    if mode == "REMOTE_REPOSITORY":
        links: list[SimpleLink] = list(await list_remote_files(cloud, name, package))
    else:
        with cloud.store.transaction():
            links = list_links(cloud.store, name, package)
    return [Candidate(link=link, source=name) for link in links]


async def _list_virtual_candidates(cloud: Dependencies, virtual: Json, package: str) -> list[Candidate]:
    """The versions of all upstreams; each version is from the first upstream by priority (uv 6104).

    At Google the virtual repository needs `repositories.readViaVirtualRepository` on each upstream
    ("Produced by the upstream repository when a virtual repository authenticates to it", the audit logging
    page). Here it always has that permission, as its service agent has by default.

    It is unknown what Google lists while the public index does not answer. The sandbox lists the files of
    the other upstreams, so that a private package installs without a network.
    """
    config = virtual.get("virtualRepositoryConfig") or {}
    policies: list[Json] = config.get("upstreamPolicies", [])
    candidates: dict[str, list[Candidate]] = {}
    failure: GoogleError | None = None
    for policy in sorted(policies, key=lambda policy: -policy.get("priority", 0)):
        with cloud.store.transaction():
            upstream = cloud.store.get(policy["repository"])
        # Upstreams are standard or remote ("Virtual repositories overview").
        if upstream is None or upstream["mode"] == "VIRTUAL_REPOSITORY":
            continue
        try:
            upstream_candidates = await list_candidates(cloud, upstream, package)
        except GoogleError as error:
            failure = error
            continue
        versions: dict[str, list[Candidate]] = {}
        for candidate in upstream_candidates:
            versions.setdefault(canonicalize_version(candidate.link.version), []).append(candidate)
        candidates = {**versions, **candidates}
    if failure and not candidates:
        raise failure
    return [candidate for version in candidates.values() for candidate in version]


async def list_remote_files(cloud: Dependencies, repository: str, package: str) -> list[RemoteFile]:
    """The files that a remote repository lists: the public index's page, or its last copy of the page."""
    name = f"{repository}/pages/{package}"
    try:
        published = await cloud.public_index.find(package)
    except UnreachableError as error:
        with cloud.store.transaction():
            page = cloud.store.get(name)
        if page is None:
            raise unavailable(error) from error
        return [RemoteFile(**file) for file in page["files"]]
    if published:
        with cloud.store.transaction():
            cloud.store.put(name, {"files": [asdict(file) for file in published]})
    return published
