"""Download rules: which packages of a repository nobody may download.

Owns what a rule means when a file is asked for; the rules themselves are documents of the repository.
"""

from __future__ import annotations

from sandbox.cloud.core.errors import GoogleError
from sandbox.cloud.core.store import Store


def check_download(store: Store, repository: str, package: str) -> None:
    """Refuse a package that a repository's rules deny.

    A rule for the package goes before the one for the whole repository: so a public lab guide on remote
    repositories uses them (DENY for all, ALLOW for some). Google's status and words are unknown.

    Raises:
        GoogleError: PERMISSION_DENIED, naming the rule.
    """
    rules = store.children(f"{repository}/rules")
    downloads = [rule for rule in rules if rule.get("operation") == "DOWNLOAD"]
    of_package = [rule for rule in downloads if rule.get("packageId") == package]
    of_all = [rule for rule in downloads if not rule.get("packageId")]
    for rule in of_package or of_all:
        if rule.get("action") == "DENY":
            raise GoogleError(
                "PERMISSION_DENIED", f"Download of package {package} is denied by rule {rule['name']}."
            )
