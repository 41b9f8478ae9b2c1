"""The inputs of a registry, and the ids derived from them.

Owns plain values only: no Pulumi, no checks (`settings/` and `components/validation/`), no resources.
The text below each field is its description in the documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .upstreams import PYPI, Upstream

if TYPE_CHECKING:
    import pulumi

Access = Literal["authoritative", "additive"]

# The fields of members that other resources of the same program decide. A stack file has no such settings.
NAMED_PREFIX = "named_"
NAMED_MEMBERS = (
    "named_readers",
    "named_writers",
    "named_admins",
    "named_reader_impersonators",
    "named_writer_impersonators",
)

INDEX_SUFFIX = "-index"
READER_SUFFIX, WRITER_SUFFIX = "-reader", "-writer"
GITHUB_PREFIX = "github-"


@dataclass(frozen=True, kw_only=True)
class Impersonators:
    """The members who can create short-lived tokens for the service accounts."""

    reader: tuple[str, ...] = ()
    """IAM members who can act as the reader account. At most 1500."""

    writer: tuple[str, ...] = ()
    """IAM members who can act as the writer account. At most 1500, repositories of `github` included."""


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """The GitHub workflows that publish without a key. Set either `ref` or `environment`."""

    repositories: tuple[str, ...]
    """Full names (`org/name`), spelled as on GitHub. All have the same owner."""

    owner_id: str
    """Number of the owner. Unlike the name, it never belongs to someone else later."""

    ref: str = ""
    """The branch or tag whose workflow runs publish, in full: `refs/heads/main`. Patterns are refused."""

    environment: str = ""
    """The deployment environment whose workflow runs publish."""

    @property
    def place(self) -> tuple[str, str]:
        """The claim that names the workflow's ref or environment, and its required value."""
        return ("ref", self.ref) if self.ref else ("environment", self.environment)

    @property
    def condition(self) -> str:
        """The attribute condition (CEL): every claim that a workflow's token must have."""
        claim, value = self.place
        # A JSON text is a CEL literal with the same value, whatever characters it has.
        repositories, owner_id, required = (
            json.dumps(part, ensure_ascii=False) for part in (self.repositories, self.owner_id, value)
        )
        return (
            f"assertion.repository_owner_id == {owner_id} && assertion.repository in {repositories} "
            f"&& assertion.{claim} == {required}"
        )


@dataclass(frozen=True, kw_only=True)
class Cleanup:
    """Deletes old versions. Set `deleteOlderThan`, `cacheOlderThan` or both."""

    delete_older_than: str = ""
    """Age of the versions that Google deletes from the upload repository, in days (`90d`) or hours (`36h`).
    The age starts at the first upload of the version."""

    keep_versions: int | None = None
    """Number of the most recent versions of each package that Google keeps, also if they are older."""

    packages: tuple[str, ...] = ()
    """Prefixes of normalized package names. Google deletes only versions of these packages."""

    cache_older_than: str = ""
    """Age of the versions that Google deletes from the cache of PyPI. The cache downloads them again if a
    client asks for them."""

    dry_run: bool = True
    """Google deletes nothing. It only writes to its log what it would delete."""


@dataclass(frozen=True, kw_only=True)
class PythonRegistryArgs:
    """The inputs of a registry."""

    project: str
    """ID of the Google Cloud project."""

    location: str
    """Region (`europe-west1`) or multi-region (`us`, `europe`, `asia`) of the repositories."""

    repository: str = "python"
    """ID of the upload repository. The ids of the other repositories and of the accounts start with it. It
    has at most 23 characters with `serviceAccounts`, otherwise 57 with `pypiProxy`, otherwise 63."""

    pypi_proxy: bool = True
    """Adds a cache of PyPI (`<repository>-pypi`) and a virtual repository (`<repository>-index`) from which
    clients install. If off, clients install from the upload repository."""

    private_packages: tuple[str, ...] = ()
    """Package names that must never come from PyPI. Each name gets a deny rule on the cache of PyPI.
    Google offers download rules as a preview."""

    readers: tuple[str, ...] = ()
    """IAM members who install from every repository of the registry."""

    writers: tuple[str, ...] = ()
    """IAM members who upload and install."""

    admins: tuple[str, ...] = ()
    """IAM members who delete packages, upload and install. All three lists together have at most 1500
    members, both service accounts included."""

    named_readers: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, "pulumi.Input[str]"])
    """Further readers, by a name of your choice. A member can be an output of another resource. With
    `additive`, a new name for an entry revokes the member's role until the next `pulumi up --refresh`."""

    named_writers: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, "pulumi.Input[str]"])
    """Further writers, by a name of your choice."""

    named_admins: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, "pulumi.Input[str]"])
    """Further admins, by a name of your choice."""

    access: Access = "authoritative"
    """`authoritative`: the lists are complete. Pulumi revokes what others granted for the same role on the
    same repository. `additive`: Pulumi keeps what others granted. Neither affects grants on the project."""

    service_accounts: bool = True
    """Creates `<repository>-reader` and `<repository>-writer`, without keys."""

    impersonators: Impersonators = Impersonators()
    """IAM members who can act as the service accounts. By default nobody can, not even an owner of the
    project."""

    named_reader_impersonators: Mapping[str, pulumi.Input[str]] = field(
        default_factory=dict[str, "pulumi.Input[str]"]
    )
    """Further members who can act as the reader account, by a name of your choice."""

    named_writer_impersonators: Mapping[str, pulumi.Input[str]] = field(
        default_factory=dict[str, "pulumi.Input[str]"]
    )
    """Further members who can act as the writer account, by a name of your choice."""

    github: GitHub | None = None
    """GitHub workflows that act as the writer account, without a key."""

    cleanup: Cleanup | None = None
    """Deletes old versions from the upload repository, or from the cache of PyPI."""

    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Labels of every repository. At most 63."""

    protect: bool = True
    """Pulumi refuses to delete or replace the upload repository. The preview fails already."""

    adopt: tuple[str, ...] = ()
    """IDs of repositories that were made by hand. Pulumi takes them over with their packages. You can keep
    or remove the setting after the update."""

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """The sources behind the private repository. Without any, there is no virtual repository."""
        return (PYPI,) if self.pypi_proxy else ()

    def upstream_repository(self, upstream: Upstream) -> str:
        """Id of the remote repository that caches an upstream."""
        return f"{self.repository}-{upstream.id}"

    @property
    def index_repository(self) -> str:
        """Id of the virtual repository."""
        return f"{self.repository}{INDEX_SUFFIX}"

    @property
    def client_repository(self) -> str:
        """Id of the repository that clients install from."""
        return self.index_repository if self.upstreams else self.repository

    @property
    def repositories(self) -> tuple[str, ...]:
        """Ids of every repository of the registry, the upload repository first."""
        remote = tuple(map(self.upstream_repository, self.upstreams))
        return (self.repository, *remote, *((self.index_repository,) if self.upstreams else ()))

    @property
    def reader_account(self) -> str:
        """Id of the service account that installs."""
        return f"{self.repository}{READER_SUFFIX}"

    @property
    def writer_account(self) -> str:
        """Id of the service account that uploads."""
        return f"{self.repository}{WRITER_SUFFIX}"

    def account_email(self, account: str) -> str:
        """Email address of a service account of the project."""
        return f"{account}@{self.project}.iam.gserviceaccount.com"

    def repository_name(self, repository: str) -> str:
        """Full resource name of a repository of the registry."""
        return f"projects/{self.project}/locations/{self.location}/repositories/{repository}"


def member_identity(member: str) -> str:
    """The member as IAM compares it: case counts in a `principal…` member, and in no other."""
    return member if member.startswith("principal") else member.lower()


def normalized_package(name: str) -> str:
    """The package name as an index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def deny_rule(package: str) -> str:
    """Id of the deny rule of a private package."""
    return f"deny-{normalized_package(package)}"
