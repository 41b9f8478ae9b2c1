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

# A shell can be open for a working day. Google's tokens last an hour, and clients renew them.
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
    """Create a token for a member in those principal sets. The store has only its hash."""
    token = f"ya29.sandbox-{secrets.token_urlsafe(32)}"
    document = {"member": member, "sets": sets, "scopes": scopes, "expires": time.time() + seconds}
    store.put(f"tokens:{fingerprint(token)}", document)
    return token


def delete_expired_tokens(store: Store) -> None:
    """Delete the expired tokens."""
    store.delete_older("tokens:", "expires", time.time())


def revoke_token(store: Store, token: str) -> bool:
    """Delete an access token before it expires; False if the token does not exist."""
    name = f"tokens:{fingerprint(token)}"
    exists = store.get(name) is not None
    store.delete(name)
    return exists


def identify(store: Store, authorization: str | None) -> Principal:
    """The principal that an Authorization header identifies.

    Raises:
        GoogleError: UNAUTHENTICATED for a token that is unknown or expired, or of a disabled account.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if not token:
        return Principal(member=None)
    document = store.get(f"tokens:{fingerprint(token)}") if scheme.lower() == "bearer" else None
    if document is None or document["expires"] < time.time():
        raise GoogleError("UNAUTHENTICATED", _INVALID_LOGIN)
    check_enabled(store, document["member"])
    pool = pool_name(document["member"])
    # WorkloadIdentityPool in the IAM reference: the tokens of a deleted or disabled pool grant nothing.
    if pool and not is_usable(store.get(pool)):
        return Principal(DELETED_PRINCIPAL, scopes=(CLOUD_PLATFORM,))
    scopes = tuple(document.get("scopes", (CLOUD_PLATFORM,)))
    return Principal(document["member"], tuple(document["sets"]), scopes)


def check_enabled(store: Store, member: str) -> None:
    """Refuse a member that is a disabled service account.

    Raises:
        GoogleError: UNAUTHENTICATED.
    """
    email = account_email(member)
    if email and (find_account(store, email) or {}).get("disabled"):
        # "Method: projects.serviceAccounts.disable": Google refuses its tokens until it is enabled. The
        # reason is from google.api.ErrorReason.
        reason = {"reason": "ACCOUNT_STATE_INVALID", "domain": "googleapis.com"}
        raise GoogleError("UNAUTHENTICATED", _INVALID_LOGIN, {"@type": ERROR_INFO, **reason})


def fingerprint(secret: str) -> str:
    """The hash that the store has instead of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
