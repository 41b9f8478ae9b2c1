"""OAuth scopes: the APIs that an access token can be used for.

Owns the scopes that each host accepts. Permissions are in `sandbox.cloud.iam.policies`.
"""

from __future__ import annotations

from sandbox.cloud.core.errors import ERROR_INFO, GoogleError
from sandbox.cloud.iam.members import Principal

# "OAuth 2.0 Scopes for Google APIs": one scope for every API, and the scopes of single APIs. The second
# list of each API is only for reading. The sandbox does not emulate the limit of read_write on policies.
# Google's container registry accepts storage's scopes; for an index this is unknown, and here it does not.
_SCOPES = "https://www.googleapis.com/auth/"
CLOUD_PLATFORM = f"{_SCOPES}cloud-platform"
_READ_ONLY = f"{CLOUD_PLATFORM}.read-only"
_STORAGE = tuple(f"{_SCOPES}devstorage.{what}" for what in ("full_control", "read_write"))
_OWN_SCOPES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "iam.googleapis.com": ((f"{_SCOPES}iam",), ()),
    "iamcredentials.googleapis.com": ((f"{_SCOPES}iam",), ()),
    "storage.googleapis.com": (_STORAGE, (f"{_SCOPES}devstorage.read_only",)),
}


def check_scope(principal: Principal, host: str, method: str) -> None:
    """Refuse a token whose scopes do not cover the request.

    Raises:
        GoogleError: PERMISSION_DENIED with reason ACCESS_TOKEN_SCOPE_INSUFFICIENT.
    """
    full, read_only = _OWN_SCOPES.get(host, ((), ()))
    sufficient = {CLOUD_PLATFORM, *full, *((_READ_ONLY, *read_only) if method in ("GET", "HEAD") else ())}
    if principal.member is not None and sufficient.isdisjoint(principal.scopes):
        reason = {"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "domain": "googleapis.com"}
        raise GoogleError(
            "PERMISSION_DENIED",
            "Request had insufficient authentication scopes.",
            {"@type": ERROR_INFO, **reason, "metadata": {"service": host}},
        )
