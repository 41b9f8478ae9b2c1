"""OAuth scopes: which APIs an access token may be used for.

Owns the scopes that each host accepts. Permissions are in `sandbox.cloud.iam.policies`.
"""

from __future__ import annotations

from sandbox.cloud.core.errors import ERROR_INFO, GoogleError
from sandbox.cloud.iam.members import Principal

# "OAuth 2.0 Scopes for Google APIs": the scope of every API, and those of single ones that are as good
# there, the second of each for reading alone. The limit of read_write on policies is not imitated; whether
# an index takes storage's, as Google's container registry does, is unknown: here it does not.
_SCOPES = "https://www.googleapis.com/auth/"
CLOUD_PLATFORM = f"{_SCOPES}cloud-platform"
_READ_ONLY = f"{CLOUD_PLATFORM}.read-only"
_STORAGE = tuple(f"{_SCOPES}devstorage.{what}" for what in ("full_control", "read_write"))
_OWN_SCOPES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "iam.googleapis.com": ((f"{_SCOPES}iam",), ()),
    "iamcredentials.googleapis.com": ((f"{_SCOPES}iam",), ()),
    "storage.googleapis.com": (_STORAGE, (f"{_SCOPES}devstorage.read_only",)),
}


def check_scope(caller: Principal, host: str, method: str) -> None:
    """Refuse a token that is not for that, whoever it stands for.

    Raises:
        GoogleError: PERMISSION_DENIED with reason ACCESS_TOKEN_SCOPE_INSUFFICIENT.
    """
    always, reading = _OWN_SCOPES.get(host, ((), ()))
    enough = {CLOUD_PLATFORM, *always, *((_READ_ONLY, *reading) if method in ("GET", "HEAD") else ())}
    if caller.member is not None and enough.isdisjoint(caller.scopes):
        reason = {"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "domain": "googleapis.com"}
        raise GoogleError(
            "PERMISSION_DENIED",
            "Request had insufficient authentication scopes.",
            {"@type": ERROR_INFO, **reason, "metadata": {"service": host}},
        )
