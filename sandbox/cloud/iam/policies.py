"""Who is asking, and what the policies let them do.

Owns access tokens, IAM policies and the roles this project grants; how a login becomes a token is in
`sandbox.cloud.auth.oauth2`. Google's own inheritance is kept as far
as it is used here: a grant on the project counts on everything in it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.cloud.core.errors import (
    ERROR_INFO,
    GoogleError,
    Json,
    invalid,
    permission_denied,
    read_field,
    read_list,
    read_object,
)
from sandbox.cloud.core.faults import read_faults, strikes
from sandbox.cloud.core.store import Store

# The person at the keyboard: an owner of every project, as whoever makes a project is.
OWNER = "user:owner@sandbox.example"
# Stands for a principal that no policy can name any more.
NOBODY = "deleted:principal"
# A shell stays open for a working day; Google's own tokens last an hour and are renewed by clients.
TOKEN_SECONDS = 12 * 60 * 60
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
# "Create short-lived credentials for a service account": not even owners hold it by being owners.
ACT_AS_ACCOUNT = "iam.serviceAccounts.getAccessToken"

_READ = {
    f"artifactregistry.{permission}"
    for permission in (
        "files.download files.get files.list locations.get locations.list packages.get packages.list "
        "pythonpackages.get pythonpackages.list repositories.downloadArtifacts repositories.get "
        "repositories.list repositories.readViaVirtualRepository rules.get rules.list tags.get tags.list "
        "versions.get versions.list"
    ).split()
}
_WRITE = _READ | {
    f"artifactregistry.{permission}"
    for permission in (
        "files.update files.upload packages.update repositories.uploadArtifacts tags.create tags.update"
    ).split()
}
_MANAGE = _WRITE | {
    f"artifactregistry.{permission}"
    for permission in (
        "files.delete packages.delete repositories.deleteArtifacts rules.create rules.delete rules.update "
        "tags.delete versions.delete versions.update"
    ).split()
}
# Predefined roles, as "IAM roles and permissions index" lists them, cut to what is asked of us here.
# `*` at the end of an entry stands for any rest, but never for `ACT_AS_ACCOUNT`.
ROLES: dict[str, set[str]] = {
    "roles/owner": {"*"},
    "roles/artifactregistry.reader": _READ,
    "roles/artifactregistry.writer": _WRITE,
    "roles/artifactregistry.repoAdmin": _MANAGE,
    "roles/artifactregistry.admin": {"artifactregistry.*"},
    "roles/serviceusage.serviceUsageAdmin": {"serviceusage.*"},
    "roles/serviceusage.serviceUsageViewer": {"serviceusage.services.get", "serviceusage.services.list"},
    "roles/iam.securityReviewer": {
        "artifactregistry.repositories.getIamPolicy",
        "iam.serviceAccounts.getIamPolicy",
        "iam.serviceAccounts.list",
    },
    "roles/iam.serviceAccountViewer": {"iam.serviceAccounts.get", "iam.serviceAccounts.list"},
    "roles/iam.serviceAccountAdmin": {"iam.serviceAccounts.*", "resourcemanager.projects.get"},
    "roles/iam.serviceAccountKeyAdmin": {"iam.serviceAccountKeys.*", "iam.serviceAccounts.get"},
    "roles/iam.serviceAccountTokenCreator": {ACT_AS_ACCOUNT, "iam.serviceAccounts.get"},
    "roles/storage.admin": {"storage.*"},
    "roles/storage.objectAdmin": {
        f"storage.objects.{verb}" for verb in ("create", "delete", "get", "list", "update")
    },
    "roles/storage.objectViewer": {"storage.objects.get", "storage.objects.list"},
    "roles/iam.workloadIdentityUser": {ACT_AS_ACCOUNT, "iam.serviceAccounts.get"},
    "roles/iam.workloadIdentityPoolAdmin": {
        *("iam.workloadIdentityPools.*", "iam.workloadIdentityPoolProviders.*"),
        "resourcemanager.projects.get",
    },
    "roles/iam.workloadIdentityPoolViewer": {
        f"iam.{what}.{verb}"
        for what in ("workloadIdentityPools", "workloadIdentityPoolProviders")
        for verb in ("get", "list")
    },
    "roles/browser": {"resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy"},
}
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


# Policy in the IAM reference: the one version of a policy that has conditions, and the two that have none.
CONDITIONAL, PLAIN = 3, (0, 1)

_INVALID_LOGIN = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
    "valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project."
)


@dataclass(frozen=True)
class Caller:
    """Whoever stands behind a request's token; `member` is None without one.

    `sets` are the principal sets that a federated principal is in, `scopes` what the token is for.
    """

    member: str | None
    sets: tuple[str, ...] = ()
    scopes: tuple[str, ...] = (CLOUD_PLATFORM,)


def is_usable(pool: Json | None) -> bool:
    """Whether a workload identity pool, or a provider in one, is there and neither deleted nor disabled."""
    return pool is not None and pool["state"] == "ACTIVE" and not pool.get("disabled")


def is_member(text: str) -> bool:
    """Whether Google takes that for an IAM member."""
    return _MEMBER.fullmatch(text) is not None


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


def identify(store: Store, authorization: str | None) -> Caller:
    """The caller behind an Authorization header.

    Raises:
        GoogleError: UNAUTHENTICATED for a token that is unknown or expired, or of a disabled account.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if not token:
        return Caller(member=None)
    known = store.get(f"tokens:{fingerprint(token)}") if scheme.lower() == "bearer" else None
    if known is None or known["expires"] < time.time():
        raise GoogleError("UNAUTHENTICATED", _INVALID_LOGIN)
    account = _ACCOUNT.fullmatch(known["member"])
    if account and (find_account(store, account["email"]) or {}).get("disabled"):
        # "Method: projects.serviceAccounts.disable": its tokens are refused until it is enabled. The reason
        # is that of google.api.ErrorReason.
        reason = {"reason": "ACCOUNT_STATE_INVALID", "domain": "googleapis.com"}
        raise GoogleError("UNAUTHENTICATED", _INVALID_LOGIN, {"@type": ERROR_INFO, **reason})
    pool = _POOL.fullmatch(known["member"])
    # WorkloadIdentityPool in the IAM reference: its tokens grant nothing while it is deleted or disabled.
    usable = pool is None or is_usable(store.get(pool["name"]))
    if not usable:
        return Caller(NOBODY)
    return Caller(known["member"], tuple(known["sets"]), tuple(known.get("scopes", (CLOUD_PLATFORM,))))


def require_scope(caller: Caller, host: str, method: str) -> None:
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


def require_login(caller: Caller) -> None:
    """Refuse a caller without a token.

    Raises:
        GoogleError: UNAUTHENTICATED.
    """
    if caller.member is None:
        raise GoogleError(
            "UNAUTHENTICATED",
            "Request is missing required authentication credential. Expected OAuth 2 access token, "
            "login cookie or other valid authentication credential. See "
            "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )


def require(store: Store, caller: Caller, permission: str, host: str, *resources: str) -> None:
    """Refuse a caller whom none of the resources' policies gives the permission.

    Args:
        store: where the policies are.
        caller: who asks.
        permission: such as `artifactregistry.repositories.get`.
        host: the API's name, for the error text.
        resources: the resource and its ancestors, the resource itself first.

    Raises:
        GoogleError: UNAUTHENTICATED without a token, else PERMISSION_DENIED.
    """
    require_login(caller)
    if not holds(store, caller, permission, *resources):
        raise permission_denied(permission, f"{host}/{resources[0]}")


def holds(store: Store, caller: Caller, permission: str, *resources: str) -> bool:
    """Whether one of the resources' policies gives the caller the permission.

    No condition of a policy is evaluated here: what is granted with one is granted never.
    """
    identities = {caller.member, *caller.sets}
    return any(
        "condition" not in binding
        and not identities.isdisjoint(binding["members"])
        and _covers(ROLES.get(binding["role"], set()), permission)
        for resource in resources
        for binding in get_policy(store, resource).get("bindings", [])
    )


def get_policy(store: Store, resource: str) -> Json:
    """The policy on a resource; on one that nobody was granted anything on, an etag alone."""
    policy = store.get(f"policies:{resource}")
    return policy or {"etag": _etag(0)}


def shown_policy(store: Store, resource: str, version: str) -> Json:
    """The policy as a caller sees it who asks for that version.

    Any but 3 has a role of another name in a condition's stead ("Troubleshooting withcond in policies").
    """
    policy = get_policy(store, resource)
    if version == str(CONDITIONAL) or policy.get("version") != CONDITIONAL:
        return policy
    bindings: list[Json] = []
    for binding in policy["bindings"]:
        shown = dict(binding)
        if condition := shown.pop("condition", None):
            shown["role"] += f"_withcond_{fingerprint(_as_text(condition))[:20]}"
        bindings.append(shown)
    return {**policy, "version": 1, "bindings": bindings}


def set_policy(store: Store, resource: str, wanted: Json) -> Json:
    """Replace a resource's policy. Bindings of one role with different conditions are different ones.

    Raises:
        GoogleError: ABORTED for an etag that is no longer current; INVALID_ARGUMENT for a member or
            role that Google refuses, and for a version that has no conditions where there are some.
    """
    current = get_policy(store, resource)
    stale = wanted.get("etag") not in (None, current["etag"])
    if stale or strikes(read_faults(store).stale_etag):
        raise GoogleError(
            "ABORTED",
            "There were concurrent policy changes. Please retry the whole read-modify-write with "
            "exponential backoff.",
        )
    version = read_field(wanted, "version", 0)
    if version not in (CONDITIONAL, *PLAIN):
        raise invalid(f"Invalid policy version: {version}.")
    # Whoever sends no etag overwrites what is there, conditions and all.
    if version in PLAIN and "etag" in wanted and current.get("version") == CONDITIONAL:
        raise invalid(
            f"Specified policy version ({version}) cannot be less than the existing policy version "
            f"({CONDITIONAL}). For more information, please refer to "
            "https://cloud.google.com/iam/docs/policies#versions."
        )
    kept: dict[tuple[str, str], Json] = {}
    for binding in read_list(wanted, "bindings", dict):
        role = read_field(binding, "role", "")
        if role not in ROLES:
            raise invalid(f"Role {role} is not supported for this resource.")
        condition = _read_condition(binding)
        # gcloud sends none for a repository: as documented it must be refused; unknown whether Google does.
        if condition and version in PLAIN:
            raise invalid(f"A policy with a condition must have version {CONDITIONAL}, not {version}.")
        for member in read_list(binding, "members", str):
            _check_member(store, member)
            # A role that nobody holds is not kept: Google drops it from the policy.
            mine = kept.setdefault((role, _as_text(condition)), {"role": role, "members": [], **condition})
            if member not in mine["members"]:
                mine["members"].append(member)
    conditional = any("condition" in binding for binding in kept.values())
    policy: Json = {"version": CONDITIONAL if conditional else 1, "etag": _next_etag(current)}
    if kept:
        policy["bindings"] = [kept[key] for key in sorted(kept)]
    store.put(f"policies:{resource}", policy)
    return policy


def policy_routes(
    path: str, resource: Callable[[Request, str], str], *, read: str = "POST"
) -> list[BaseRoute]:
    """The two custom methods that every resource with a policy has.

    Args:
        path: the resource's path.
        resource: finds the resource's name, having checked that the caller may do that (the method's
            name) to it.
        read: the HTTP method of getIamPolicy, in which Google's APIs differ.
    """

    async def get(request: Request) -> Response:
        name = resource(request, "getIamPolicy")
        # Resource Manager has the options in the body, the others in the query.
        options = read_field(await read_object(request), "options", Json())
        asked = options.get("requestedPolicyVersion")
        version = request.query_params.get("options.requestedPolicyVersion", str(asked))
        return JSONResponse(shown_policy(request.app.state.store, name, version))

    async def set_(request: Request) -> Response:
        name = resource(request, "setIamPolicy")
        body = await read_object(request)
        if "policy" not in body:
            # Taken for an empty one, it would take everything from everybody.
            raise invalid("Invalid value at 'policy': it is missing.")
        wanted = read_field(body, "policy", Json())
        return JSONResponse(set_policy(request.app.state.store, name, wanted))

    return [
        Route(f"{path}:getIamPolicy", get, methods=[read]),
        Route(f"{path}:setIamPolicy", set_, methods=["POST"]),
    ]


def grant(store: Store, resource: str, role: str, member: str) -> None:
    """Begin a resource's policy with one grant, as Google does for whoever makes a project."""
    bindings = [{"role": role, "members": [member]}]
    store.put(f"policies:{resource}", {"version": 1, "etag": _etag(1), "bindings": bindings})


def delete_policy(store: Store, resource: str) -> None:
    """Forget the policy of a resource that is gone."""
    store.delete(f"policies:{resource}")


def retire_account(store: Store, email: str, unique_id: str) -> None:
    """Have policies name an account that is gone as Google does, which takes that back in a new policy and
    never means another account of the address by it ("Policy" in the IAM reference).
    """
    member, gone = f"serviceAccount:{email}", f"deleted:serviceAccount:{email}?uid={unique_id}"
    for name in store.names("policies:*"):
        policy = store.get(name)
        if policy and any(member in binding["members"] for binding in policy.get("bindings", [])):
            for binding in policy["bindings"]:
                binding["members"] = [gone if m == member else m for m in binding["members"]]
            store.put(name, {**policy, "etag": _next_etag(policy)})


def _read_condition(binding: Json) -> Json:
    """A binding's condition under its key, nothing where it has none."""
    said = read_field(binding, "condition", Json())
    if not said:
        return {}
    texts = {key: read_field(said, key, "") for key in ("title", "description", "expression")}
    if not texts["title"] or not texts["expression"]:
        raise invalid("A condition must have a title and an expression.")
    return {"condition": {key: text for key, text in texts.items() if text}}


def _as_text(condition: Json) -> str:
    return json.dumps(condition, sort_keys=True)


def _check_member(store: Store, member: str) -> None:
    if not is_member(member):
        raise invalid(
            f"The member {member} is of an unknown type. Please set a valid type prefix for the member."
        )
    pool = _POOL.fullmatch(member)
    if pool and store.get(pool["name"]) is None:
        # As users report it (global-multiplayer-demo 39).
        raise invalid(
            f"Identity Pool does not exist ({pool['name']}). Please check that you specified a valid "
            "resource name as returned in the `name` attribute in the configuration API."
        )
    if account := _ACCOUNT.fullmatch(member):
        known = find_account(store, account["email"])
        if known is None or time.time() < known["grantableAt"]:
            raise invalid(f"Service account {account['email']} does not exist.")


def find_account(store: Store, email: str) -> Json | None:
    """The service account of that address, or None."""
    project = email.partition("@")[2].removesuffix(ACCOUNT_DOMAIN)
    return store.get(f"projects/{project}/serviceAccounts/{email}")


def _covers(held: set[str], permission: str) -> bool:
    if permission in held or permission == ACT_AS_ACCOUNT:
        return permission in held
    return any(entry.endswith("*") and permission.startswith(entry[:-1]) for entry in held)


def _etag(revision: int) -> str:
    return base64.b64encode(revision.to_bytes(8)).decode()


def _next_etag(policy: Json) -> str:
    return _etag(int.from_bytes(base64.b64decode(policy["etag"])) + 1)


def fingerprint(secret: str) -> str:
    """What the store keeps instead of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
