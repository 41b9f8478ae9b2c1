"""The cleanup policies of each repository, from the setting.

Owns plain policies only. `repositories.py` sets them, and `tools/cleanup/` previews them. Google deletes a
version if a delete policy matches it and no keep policy does ("Cleanup policies overview").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .args import PythonRegistryArgs

DELETE_OLD, KEEP_RECENT = "delete-old", "keep-recent"
SECONDS = {"d": 24 * 60 * 60, "h": 60 * 60}


@dataclass(frozen=True, kw_only=True)
class CleanupPolicy:
    """A policy of a repository. Google refuses one with both an age and a number of versions."""

    id: str
    """Its id in the repository."""

    action: Literal["DELETE", "KEEP"]
    """Google deletes or keeps the versions that it matches."""

    older_than: str = ""
    """The age of the versions that it matches, in the API's form: `7776000s`."""

    packages: tuple[str, ...] = ()
    """The prefixes of the packages that it matches. Without any, it matches all packages."""

    keep_count: int = 0
    """The number of the most recent versions of each package that it matches."""


def upload_policies(args: PythonRegistryArgs) -> tuple[CleanupPolicy, ...]:
    """The policies of the upload repository."""
    cleanup = args.cleanup
    if cleanup is None or not cleanup.delete_older_than:
        return ()
    delete = CleanupPolicy(
        id=DELETE_OLD,
        action="DELETE",
        older_than=_in_seconds(cleanup.delete_older_than),
        packages=cleanup.packages,
    )
    if cleanup.keep_versions is None:
        return (delete,)
    # Without prefixes, it also protects the other packages from a policy that somebody adds by hand.
    return (delete, CleanupPolicy(id=KEEP_RECENT, action="KEEP", keep_count=cleanup.keep_versions))


def cache_policies(args: PythonRegistryArgs) -> tuple[CleanupPolicy, ...]:
    """The policies of a repository that caches an upstream."""
    if args.cleanup is None or not args.cleanup.cache_older_than:
        return ()
    age = _in_seconds(args.cleanup.cache_older_than)
    return (CleanupPolicy(id=DELETE_OLD, action="DELETE", older_than=age),)


def _in_seconds(age: str) -> str:
    """`90d` as `7776000s`: a refresh reads this form, so inputs in another one would seem to change."""
    return f"{int(age[:-1]) * SECONDS[age[-1]]}s"
