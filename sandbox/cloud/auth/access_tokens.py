"""Access tokens: mint, identify and revoke.

Owns the tokens that the store knows, each as a hash. How a login becomes a token is in `oauth2`, `sts` and
`iam_credentials`.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence

from sandbox.cloud.auth.scopes import CLOUD_PLATFORM
from sandbox.cloud.core.errors import ERROR_INFO, GoogleError
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import (
    DELETED_PRINCIPAL,
    Principal,
    account_email,
    find_account,
    is_usable,
    pool_name,
)

# A shell stays open for a working day; Google's own tokens last an hour and are renewed by clients.
TOKEN_SECONDS = 12 * 60 * 60
_INVALID_LOGIN = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
    "valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project."
)


def mint_token(
    store: Store,
    member: str,
    seconds: float = TOKEN_SECONDS,
    sets: tuple[str, ...] = (),
    scopes: Sequence[str] = (CLOUD_PLATFORM,),
) -> str:
    """A new short-lived token for a member, in those principal sets. The store keeps its hash alone."""
    token = f"ya29.sandbox-{secrets.token_urlsafe(32)}"
    known = {"member": member, "sets": sets, "scopes": scopes, "expires": time.time() + seconds}
    store.put(f"tokens:{fingerprint(token)}", known)
    return token


def forget_expired_tokens(store: Store) -> None:
    """Remove the tokens that nobody can use any more."""
    store.delete_older("tokens:", "expires", time.time())


def revoke_token(store: Store, token: str) -> bool:
    """End an access token before its time; False if there is none such."""
    name = f"tokens:{fingerprint(token)}"
    known = store.get(name) is not None
    store.delete(name)
    return known


def identify(store: Store, authorization: str | None) -> Principal:
    """The caller behind an Authorization header.

    Raises:
        GoogleError: UNAUTHENTICATED for a token that is unknown or expired, or of a disabled account.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if not token:
        return Principal(member=None)
    known = store.get(f"tokens:{fingerprint(token)}") if scheme.lower() == "bearer" else None
    if known is None or known["expires"] < time.time():
        raise GoogleError("UNAUTHENTICATED", _INVALID_LOGIN)
    email = account_email(known["member"])
    if email and (find_account(store, email) or {}).get("disabled"):
        # "Method: projects.serviceAccounts.disable": its tokens are refused until it is enabled. The reason
        # is that of google.api.ErrorReason.
        reason = {"reason": "ACCOUNT_STATE_INVALID", "domain": "googleapis.com"}
        raise GoogleError("UNAUTHENTICATED", _INVALID_LOGIN, {"@type": ERROR_INFO, **reason})
    pool = pool_name(known["member"])
    # WorkloadIdentityPool in the IAM reference: its tokens grant nothing while it is deleted or disabled.
    if pool and not is_usable(store.get(pool)):
        return Principal(DELETED_PRINCIPAL, scopes=(CLOUD_PLATFORM,))
    return Principal(known["member"], tuple(known["sets"]), tuple(known.get("scopes", (CLOUD_PLATFORM,))))


def fingerprint(secret: str) -> str:
    """What the store keeps instead of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
