"""What a registry is made from, and the ids that follow from it.

Plain values: checks belong to whoever reads them (`settings/`), resources to the other modules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from components.upstreams import PYPI, Upstream

Access = Literal["authoritative", "additive"]

INDEX_SUFFIX = "-index"
READER_SUFFIX, WRITER_SUFFIX = "-reader", "-writer"
GITHUB_PREFIX = "github-"


@dataclass(frozen=True, kw_only=True)
class Impersonators:
    """Who may mint short-lived tokens for the service accounts.

    Attributes:
        reader: IAM members who may act as the reader account.
        writer: IAM members who may act as the writer account.
    """

    reader: tuple[str, ...] = ()
    writer: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """Which GitHub workflows publish without a key; of `ref` and `environment` exactly one is set.

    Attributes:
        repositories: full names (`org/name`), spelt as GitHub spells them.
        owner_id: number of their owner, which a name that changes hands does not take along.
        ref: the one ref that publishes.
        environment: the one deployment environment that publishes.
    """

    repositories: tuple[str, ...]
    owner_id: str
    ref: str = ""
    environment: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """The claim that says where a workflow runs, and the value it must have."""
        return ("ref", self.ref) if self.ref else ("environment", self.environment)

    @property
    def condition(self) -> str:
        """The attribute condition (CEL): what a workflow's token must claim, all of it."""
        claim, value = self.place
        # JSON's texts are CEL's too, whatever is in them.
        repositories, owner_id, wanted = (
            json.dumps(part, ensure_ascii=False) for part in (self.repositories, self.owner_id, value)
        )
        return (
            f"assertion.repository_owner_id == {owner_id} && assertion.repository in {repositories} "
            f"&& assertion.{claim} == {wanted}"
        )


@dataclass(frozen=True, kw_only=True)
class PythonRegistryArgs:
    """What a registry is made from.

    Attributes:
        project: id of the Google Cloud project.
        location: region or multi-region of the repositories.
        repository: id of the repository that packages are uploaded to.
        pypi_proxy: whether clients read a virtual repository with PyPI behind the private one.
        private_packages: names of packages that must never come from PyPI.
        readers: IAM members who install.
        writers: IAM members who upload, and install.
        admins: IAM members who also delete packages.
        access: whether those lists are the whole truth (`authoritative`) or add to what others grant.
        service_accounts: whether a reader and a writer account are made.
        impersonators: who may act as those accounts.
        github: whose workflows may act as the writer account, without a key.
        labels: put on every repository.
        protect: whether the engine refuses to delete or replace the upload repository.
    """

    project: str
    location: str
    repository: str = "python"
    pypi_proxy: bool = True
    private_packages: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    access: Access = "authoritative"
    service_accounts: bool = True
    impersonators: Impersonators = Impersonators()
    github: GitHub | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    protect: bool = True

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """The sources behind the private repository; without any, there is no virtual repository."""
        return (PYPI,) if self.pypi_proxy else ()

    def upstream_repository(self, upstream: Upstream) -> str:
        """Id of the remote repository that caches an upstream."""
        return f"{self.repository}-{upstream.id}"

    @property
    def index_repository(self) -> str:
        """Id of the virtual repository that clients read."""
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
        """E-mail address of a service account of the project."""
        return f"{account}@{self.project}.iam.gserviceaccount.com"

    def repository_name(self, repository: str) -> str:
        """Full resource name of a repository of the registry."""
        return f"projects/{self.project}/locations/{self.location}/repositories/{repository}"


def member_identity(member: str) -> str:
    """A member in the one form that IAM knows it by: addresses are one in any case, but principals'
    subjects and attributes are not."""
    return member if member.startswith("principal") else member.lower()


def normalized_package(name: str) -> str:
    """A package's name in the one form that an index knows it by (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def deny_rule(package: str) -> str:
    """Id of the rule that keeps a package of that name from coming from PyPI."""
    return f"deny-{normalized_package(package)}"
