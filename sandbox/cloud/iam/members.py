"""The members of IAM policies: their grammar, and the accounts and pools that they name.

Owns the forms of a member. `sandbox.cloud.iam.policies` decides what a member may do.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from sandbox.cloud.core.errors import Json, invalid
from sandbox.cloud.core.store import Store

# The user of the sandbox. At Google a project's creator is its owner, so this user owns every project.
OWNER = "user:owner@sandbox.example"
# A principal whose pool is deleted or disabled: no policy can name it.
DELETED_PRINCIPAL = "deleted:principal"
# "Policy" in the IAM reference lists the member types.
_MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers|domain:[^\s@:]+\.[^\s@:]+"
    r"|(user|group|serviceAccount):[^\s@]+@[^\s@]+\.[^\s@]+"
    r"|project(Owner|Editor|Viewer):\S+"
    r"|deleted:(user|group|serviceAccount):\S+\?uid=\d+"
    r"|principal(Set)?://iam\.googleapis\.com/\S+"
)
_POOL = re.compile(
    r"principal(?:Set)?://iam\.googleapis\.com/"
    r"(?P<name>projects/\d+/locations/global/workloadIdentityPools/[^/]+)/.+"
)
ACCOUNT_DOMAIN = ".iam.gserviceaccount.com"
_ACCOUNT = re.compile(rf"serviceAccount:(?P<email>.+@.+{re.escape(ACCOUNT_DOMAIN)})")


@dataclass(frozen=True)
class Principal:
    """The sender of a request, as its access token identifies it.

    Attributes:
        member: the principal as policies name it; None for a request without a token.
        sets: the principal sets that a federated principal is in.
        scopes: the OAuth scopes of the token.
    """

    member: str | None
    sets: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


def is_member(text: str) -> bool:
    """Whether the text has the grammar of an IAM member."""
    return _MEMBER.fullmatch(text) is not None


def check_member(store: Store, member: str) -> None:
    """Refuse a member that Google does not accept in a policy.

    Raises:
        GoogleError: INVALID_ARGUMENT for an unknown kind of member, and for a pool or service account that
            does not exist or cannot be granted a role yet.
    """
    if not is_member(member):
        raise invalid(
            f"The member {member} is of an unknown type. Please set a valid type prefix for the member."
        )
    pool = pool_name(member)
    if pool and store.get(pool) is None:
        # Google's text, as users report it (global-multiplayer-demo 39).
        raise invalid(
            f"Identity Pool does not exist ({pool}). Please check that you specified a valid "
            "resource name as returned in the `name` attribute in the configuration API."
        )
    if email := account_email(member):
        account = find_account(store, email)
        if account is None or time.time() < account["grantableAt"]:
            raise invalid(f"Service account {email} does not exist.")


def find_account(store: Store, email: str) -> Json | None:
    """The service account of that address, or None."""
    project = email.partition("@")[2].removesuffix(ACCOUNT_DOMAIN)
    return store.get(f"projects/{project}/serviceAccounts/{email}")


def account_email(member: str) -> str | None:
    """The e-mail address in a member that is a service account, otherwise None."""
    account = _ACCOUNT.fullmatch(member)
    return account["email"] if account else None


def pool_name(member: str) -> str | None:
    """The full name of the workload identity pool that a federated principal belongs to, otherwise None."""
    pool = _POOL.fullmatch(member)
    return pool["name"] if pool else None


def is_usable(pool: Json | None) -> bool:
    """Whether a workload identity pool or provider exists and is neither deleted nor disabled."""
    return pool is not None and pool["state"] == "ACTIVE" and not pool.get("disabled")
