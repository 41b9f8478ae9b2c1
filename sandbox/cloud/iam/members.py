"""The members of IAM policies: their grammar, and the accounts and pools that they name.

Owns the forms of a member, and which of them name a principal. `sandbox.cloud.iam.policies` decides what a
member may do.
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
DELETED = "deleted:"
PUBLIC, AUTHENTICATED = "allUsers", "allAuthenticatedUsers"

# "Principal identifiers for allow policies" in Google's documentation lists the forms below.
_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+(?:[a-zA-Z]{2,}|xn--[a-zA-Z0-9-]+)"
# The characters of an address before its @ (RFC 5322): accounts of Google can have addresses elsewhere.
_NAME = r"[\w.!#$%&'*+/=?^`{|}~-]+"
_ACCOUNT_HOST = r"(?:[\w-]+\.)*gserviceaccount\.com"
_KUBERNETES_POOL = r"[\w:.-]+\.(?:svc|hub)\.id\.goog"
_PROJECT = r"projects/[0-9]+"
_WORKLOAD_POOL = rf"iam\.googleapis\.com/{_PROJECT}/locations/global/workloadIdentityPools/[\w.:-]+"
_POOL = rf"(?:{_WORKLOAD_POOL}|iam\.googleapis\.com/locations/global/workforcePools/[\w.:-]+)"
# Control characters, line separators and surrogates.
_HIDDEN = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
# A value of an issuer can have spaces inside.
_VALUE = rf"(?!\s)[^{_HIDDEN}]+(?<!\s)"
_PART = rf"[^/\s{_HIDDEN}]+"
# The trust domains of agents and of managed workload identities.
_TRUST_DOMAIN = (
    r"(?:agents\.global\.(?:org|proj|project)-[0-9]+\.system"
    r"|[a-z0-9-]+\.global\.[0-9]+\.workload)\.id\.goog"
)
# "Resource types with built-in identities": a resource, and the sets of resources of a service. The
# only such resources of IAM are workload identity pools.
_SERVICE = rf"(?!(?:cloudresourcemanager|iam)\.)[a-z0-9-]+\.googleapis\.com/{_PROJECT}"
_POOL_TYPE = rf"iam\.googleapis\.com/{_PROJECT}"
_ANCESTOR = rf"ancestor\.(?:name|uid)/{_PART}/{_VALUE}"
_FORMS = (
    "allUsers|allAuthenticatedUsers",
    rf"(?:user|group):{_NAME}@{_DOMAIN}",
    rf"domain:{_DOMAIN}",
    rf"serviceAccount:[\w.-]+@{_ACCOUNT_HOST}",
    rf"serviceAccount:{_KUBERNETES_POOL}\[[\w-]+/[\w.-]+\]",
    rf"principal://{_POOL}/subject/{_VALUE}",
    rf"principal://{_WORKLOAD_POOL}/kubernetes\.serviceaccount\.uid/{_VALUE}",
    rf"principalSet://{_POOL}/(?:\*|(?:group|attribute\.\w+)/{_VALUE})",
    rf"principalSet://{_WORKLOAD_POOL}/(?:namespace|kubernetes\.cluster)/{_VALUE}",
    r"principalSet://cloudresourcemanager\.googleapis\.com/(?:projects|folders|organizations)/[0-9]+"
    r"/type/(?:ServiceAccount|ServiceAgent)",
    rf"principal://{_TRUST_DOMAIN}/{_VALUE}",
    rf"principalSet://{_TRUST_DOMAIN}/(?:\*|attribute\.\w+/{_VALUE})",
    rf"principal://{_SERVICE}/(?:name|uid)/{_VALUE}",
    rf"principal://{_POOL_TYPE}/name/locations/global/workloadIdentityPools/[\w.:-]+",
    rf"principalSet://{_SERVICE}/(?:\*|type/{_PART}/\*|(?:type/{_PART}/)?{_ANCESTOR})",
    rf"principalSet://{_POOL_TYPE}/(?:\*|type/WorkloadIdentityPool/\*)",
    # Cloud Storage and BigQuery have these: the members of a basic role on the project.
    rf"project(?:Owner|Editor|Viewer):[^\s{_HIDDEN}]+",
    # Policies have these for a principal that was deleted. Allow policies have the first two, the other
    # APIs of IAM have all.
    rf"deleted:(?:user|group|serviceAccount):{_NAME}@{_DOMAIN}\?uid=[0-9]+",
    rf"deleted:principal://{_POOL}/subject/{_VALUE}",
    rf"deleted:principal(?:Set)?://{_POOL}/{_VALUE}",
    rf"deleted:principal(?:Set)?://(?:goog|iam\.googleapis\.com/projects/-)/{_VALUE}\?uid=[0-9]+",
)
_MEMBER = re.compile("|".join(_FORMS), re.ASCII)
_ACCOUNT_AS_PERSON = re.compile(rf"(?:user|group):(.+@{_ACCOUNT_HOST})", re.ASCII | re.IGNORECASE)
_POOL_MEMBER = re.compile(
    r"principal(?:Set)?://iam\.googleapis\.com/"
    r"(?P<name>projects/\d+/locations/global/workloadIdentityPools/[^/]+)/.+"
)
ACCOUNT_DOMAIN = ".iam.gserviceaccount.com"
_ACCOUNT = re.compile(rf"serviceAccount:(?P<email>.+@.+{re.escape(ACCOUNT_DOMAIN)})", re.IGNORECASE)
# An account whose existence the sandbox knows: of a project that can be in it, and not of Google's.
_OWN_ACCOUNT = re.compile(
    rf"(?!(?:service|project)-(?:org-|folder-)?\d{{6,}}@)[^@]+"
    rf"@(?!gcp-sa-)[a-z][a-z0-9-]{{4,28}}[a-z0-9]{re.escape(ACCOUNT_DOMAIN)}"
)
_NUMBERED_ACCOUNT = re.compile(r"(\d+)(?:-compute)?@(?:developer|cloudservices|cloudbuild)\..+")


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
    return _MEMBER.fullmatch(text) is not None and not _ACCOUNT_AS_PERSON.fullmatch(text)


def check_member(store: Store, member: str) -> None:
    """Refuse a member that Google does not accept in a policy.

    Raises:
        GoogleError: INVALID_ARGUMENT for an unknown kind of member, and for a pool or service account that
            does not exist or cannot be granted a role yet.
    """
    if account := _ACCOUNT_AS_PERSON.fullmatch(member):
        right = f'"serviceAccount:{account[1]}"'
        raise invalid(
            f'Principal {account[1]} is of type "serviceAccount". The principal should appear as {right}.'
        )
    if not is_member(member):
        raise invalid(
            f"The member {member} is of an unknown type. Please set a valid type prefix for the member."
        )
    pool = pool_name(member)
    # The sandbox has no GKE, whose clusters and fleets create the pools of this form.
    if pool and not pool.endswith((".svc.id.goog", ".hub.id.goog")) and store.get(pool) is None:
        # Google's text, as users report it (global-multiplayer-demo 39).
        raise invalid(
            f"Identity Pool does not exist ({pool}). Please check that you specified a valid "
            "resource name as returned in the `name` attribute in the configuration API."
        )
    email = (account_email(member) or "").lower()
    if _OWN_ACCOUNT.fullmatch(email):
        found = find_account(store, email)
        if found is None or time.time() < found["grantableAt"]:
            raise invalid(f"Service account {email} does not exist.")


def normalized(member: str) -> str:
    """The member as IAM compares it: case counts in a principal and in its set, and in no other."""
    return member if member.startswith(("principal", "all", DELETED)) else member.lower()


def names_of(store: Store, principal: Principal) -> frozenset[str]:
    """The members that name a principal in a policy, in normalized form.

    The sandbox knows no groups: nobody is in `group:…`.
    """
    member = principal.member
    if member is None:
        return frozenset({PUBLIC})
    # A deleted principal keeps no grant: "Principal identifiers for allow policies".
    if member.startswith(DELETED):
        return frozenset()
    names = {normalized(member), *principal.sets, PUBLIC}
    kind, _, identity = normalized(member).partition(":")
    # "IAM principals": these are the accounts of Google, without federated identities.
    if kind in ("user", "serviceaccount"):
        names.add(AUTHENTICATED)
    if kind == "user":
        names.add(f"domain:{identity.partition('@')[2]}")
    if kind == "serviceaccount" and (number := _project_number(store, identity)):
        names.add(
            f"principalSet://cloudresourcemanager.googleapis.com/projects/{number}/type/ServiceAccount"
        )
    return frozenset(names)


def _project_number(store: Store, email: str) -> str | None:
    """The number of the project of a service account; None for an account of Google or of no project."""
    if numbered := _NUMBERED_ACCOUNT.fullmatch(email):
        return numbered[1]
    name, _, domain = email.partition("@")
    if domain == "appspot.gserviceaccount.com":
        project = store.get(f"projects/{name}")
    elif _OWN_ACCOUNT.fullmatch(email):
        project = store.get(f"projects/{domain.removesuffix(ACCOUNT_DOMAIN)}")
    else:
        project = None
    return project["projectNumber"] if project else None


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
    pool = _POOL_MEMBER.fullmatch(member)
    return pool["name"] if pool else None


def is_usable(pool: Json | None) -> bool:
    """Whether a workload identity pool or provider exists and is neither deleted nor disabled."""
    return pool is not None and pool["state"] == "ACTIVE" and not pool.get("disabled")
