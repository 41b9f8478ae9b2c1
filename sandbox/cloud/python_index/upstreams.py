"""The files that a repository offers of a package, whichever repository has them.

Owns what virtual and remote repositories take from their upstreams: lists of files, not their content.
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
    """A file that a repository offers, and the repository that really has it."""

    link: SimpleLink
    source: str
    """Full name of the upstream, or of the repository itself."""


async def list_candidates(cloud: Dependencies, repository: Json, package: str) -> list[Candidate]:
    """The files that a repository offers of a package."""
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
    """All upstreams' versions; one that several have is the highest priority's alone (uv 6104).

    Google asks the virtual repository for `repositories.readViaVirtualRepository` on each ("Produced by
    the upstream repository when a virtual repository authenticates to it", the audit logging page);
    here it has that always, as its service agent has in a project that nobody took it from.

    Unknown at Google is what is listed while the public index does not answer; here, what the others
    have, so that a private package installs without a network.
    """
    config = virtual.get("virtualRepositoryConfig") or {}
    policies: list[Json] = config.get("upstreamPolicies", [])
    offers: dict[str, list[Candidate]] = {}
    silent: GoogleError | None = None
    for policy in sorted(policies, key=lambda policy: -policy.get("priority", 0)):
        with cloud.store.transaction():
            upstream = cloud.store.get(policy["repository"])
        # Upstreams are standard or remote ("Virtual repositories overview").
        if upstream is None or upstream["mode"] == "VIRTUAL_REPOSITORY":
            continue
        try:
            offered = await list_candidates(cloud, upstream, package)
        except GoogleError as error:
            silent = error
            continue
        versions: dict[str, list[Candidate]] = {}
        for offer in offered:
            versions.setdefault(canonicalize_version(offer.link.version), []).append(offer)
        offers = {**versions, **offers}
    if silent and not offers:
        raise silent
    return [offer for version in offers.values() for offer in version]


async def list_remote_files(cloud: Dependencies, repository: str, package: str) -> list[RemoteFile]:
    """What a remote repository lists: the public index's page, or the last one that it saw."""
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
