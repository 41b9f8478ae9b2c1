"""The inputs of the package. Pulumi's analyzer reads them and infers the schema for every language.

Owns types, names and descriptions only. The library owns the fields and their defaults, and a test compares
both. The analyzer understands neither tuples and literals nor the defaults of a dataclass, and it reads no
annotations that are texts (`from __future__ import annotations`).
"""

from typing import NotRequired, TypedDict

import pulumi


class Impersonators(TypedDict):
    """The members who can create short-lived tokens for the service accounts."""

    reader: NotRequired[list[str]]
    """IAM members who can act as the reader account. At most 1500. Default: none."""

    writer: NotRequired[list[str]]
    """IAM members who can act as the writer account. At most 1500, repositories of `github` included.
    Default: none."""


class GitHub(TypedDict):
    """The GitHub workflows that publish without a key. Set either `ref` or `environment`."""

    repositories: list[str]
    """Full names (`org/name`), spelled as on GitHub. All have the same owner."""

    owner_id: str
    """Number of the owner. Unlike the name, it never belongs to someone else later."""

    ref: NotRequired[str]
    """The branch or tag whose workflow runs publish, in full: `refs/heads/main`. Patterns are refused.
    Default: none."""

    environment: NotRequired[str]
    """The deployment environment whose workflow runs publish. Default: none."""


class Cleanup(TypedDict):
    """Deletes old versions. Set `deleteOlderThan`, `cacheOlderThan` or both."""

    delete_older_than: NotRequired[str]
    """Age of the versions that Google deletes from the upload repository, in days (`90d`) or hours (`36h`).
    The age starts at the first upload of the version. Default: none."""

    keep_versions: NotRequired[int]
    """Number of the most recent versions of each package that Google keeps, also if they are older.
    Default: none."""

    packages: NotRequired[list[str]]
    """Prefixes of normalized package names. Google deletes only versions of these packages. Default:
    none."""

    cache_older_than: NotRequired[str]
    """Age of the versions that Google deletes from the cache of PyPI. The cache downloads them again if a
    client asks for them. Default: none."""

    dry_run: NotRequired[bool]
    """Google deletes nothing. It only writes to its log what it would delete. Default: `true`."""


class PythonRegistryInputs(TypedDict):
    """The inputs of a registry."""

    project: str
    """ID of the Google Cloud project."""

    location: str
    """Region (`europe-west1`) or multi-region (`us`, `europe`, `asia`) of the repositories."""

    repository: NotRequired[str]
    """ID of the upload repository. The ids of the other repositories and of the accounts start with it.
    It has at most 23 characters with `serviceAccounts`, otherwise 57 with `pypiProxy`, otherwise 63.
    Default: `python`."""

    pypi_proxy: NotRequired[bool]
    """Adds a cache of PyPI (`<repository>-pypi`) and a virtual repository (`<repository>-index`) from
    which clients install. If off, clients install from the upload repository. Default: `true`."""

    private_packages: NotRequired[list[str]]
    """Package names that must never come from PyPI. Each name gets a deny rule on the cache of PyPI.
    Google offers download rules as a preview. Default: none."""

    readers: NotRequired[list[str]]
    """IAM members who install from every repository of the registry. Default: none."""

    writers: NotRequired[list[str]]
    """IAM members who upload and install. Default: none."""

    admins: NotRequired[list[str]]
    """IAM members who delete packages, upload and install. All three lists together have at most 1500
    members, both service accounts included. Default: none."""

    named_readers: NotRequired[dict[str, pulumi.Input[str]]]
    """Further readers, by a name of your choice. A member can be an output of another resource. With
    `additive`, a new name for an entry revokes the member's role until the next `pulumi up --refresh`.
    Default: none."""

    named_writers: NotRequired[dict[str, pulumi.Input[str]]]
    """Further writers, by a name of your choice. Default: none."""

    named_admins: NotRequired[dict[str, pulumi.Input[str]]]
    """Further admins, by a name of your choice. Default: none."""

    access: NotRequired[str]
    """`authoritative`: the lists are complete. Pulumi revokes what others granted for the same role on
    the same repository. `additive`: Pulumi keeps what others granted. Neither affects grants on the
    project. Default: `authoritative`."""

    service_accounts: NotRequired[bool]
    """Creates `<repository>-reader` and `<repository>-writer`, without keys. Default: `true`."""

    impersonators: NotRequired[Impersonators]
    """IAM members who can act as the service accounts. By default nobody can, not even an owner of the
    project. Default: none."""

    named_reader_impersonators: NotRequired[dict[str, pulumi.Input[str]]]
    """Further members who can act as the reader account, by a name of your choice. Default: none."""

    named_writer_impersonators: NotRequired[dict[str, pulumi.Input[str]]]
    """Further members who can act as the writer account, by a name of your choice. Default: none."""

    github: NotRequired[GitHub]
    """GitHub workflows that act as the writer account, without a key. Default: none."""

    cleanup: NotRequired[Cleanup]
    """Deletes old versions from the upload repository, or from the cache of PyPI. Default: none."""

    labels: NotRequired[dict[str, str]]
    """Labels of every repository. At most 63. Default: none."""

    protect: NotRequired[bool]
    """Pulumi refuses to delete or replace the upload repository. The preview fails already. Default:
    `true`."""

    adopt: NotRequired[list[str]]
    """IDs of repositories that were made by hand. Pulumi takes them over with their packages. You can keep
    or remove the setting after the update. Default: none."""
