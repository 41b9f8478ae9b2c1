"""IAM policies: the grants on a resource.

Owns the policy documents, their routes and the check of a permission. A grant on a project counts for
everything in it, as at Google. Roles are in `roles`, members in `members`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.cloud.core.errors import (
    GoogleError,
    Json,
    invalid,
    permission_denied,
    read_field,
    read_list,
    read_object,
)
from sandbox.cloud.core.faults import read_faults, strikes
from sandbox.cloud.core.messages import Shape, read_message
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import Principal, check_member, names_of, normalized
from sandbox.cloud.iam.organization_policies import check_domains
from sandbox.cloud.iam.roles import ROLES, includes_permission

# Policy in the IAM reference: the version of a policy that can have conditions, and the two that cannot.
CONDITIONAL, PLAIN = 3, (0, 1)
# The members with a basic role on a project; Google documents them for Cloud Storage and BigQuery.
_BASIC_ROLE = re.compile(r"project(?P<role>Owner|Editor|Viewer):(?P<project>\S+)")


def check_login(principal: Principal) -> None:
    """Refuse a request without a token.

    Raises:
        GoogleError: UNAUTHENTICATED.
    """
    if principal.member is None:
        raise GoogleError(
            "UNAUTHENTICATED",
            "Request is missing required authentication credential. Expected OAuth 2 access token, "
            "login cookie or other valid authentication credential. See "
            "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )


def check_permission(
    store: Store, principal: Principal, permission: str, host: str, *resources: str
) -> None:
    """Refuse a principal without the permission in any policy of the resources.

    Args:
        store: the store of the policies.
        principal: the sender of the request.
        permission: such as `artifactregistry.repositories.get`.
        host: the API's host, for the error text.
        resources: the resource and its ancestors, the resource itself first.

    Raises:
        GoogleError: UNAUTHENTICATED without a token, otherwise PERMISSION_DENIED.
    """
    if not has_permission(store, principal, permission, *resources):
        check_login(principal)
        raise permission_denied(permission, f"{host}/{resources[0]}")


def has_permission(store: Store, principal: Principal, permission: str, *resources: str) -> bool:
    """Whether a policy of the resources grants the principal the permission.

    The sandbox evaluates no conditions, so a grant with a condition never counts.
    """
    names = names_of(store, principal)
    return any(
        "condition" not in binding
        and includes_permission(binding["role"], permission)
        and _includes(store, binding["members"], names)
        for resource in resources
        for binding in get_policy(store, resource).get("bindings", [])
    )


def _includes(store: Store, members: list[str], names: frozenset[str]) -> bool:
    """Whether one of the members is one of the names, or a basic role that one of the names has."""
    if any(normalized(member) in names for member in members):
        return True
    return any(
        binding["role"] == f"roles/{basic['role'].lower()}"
        and any(normalized(name) in names for name in binding["members"])
        for basic in filter(None, map(_BASIC_ROLE.fullmatch, members))
        for binding in get_policy(store, f"projects/{basic['project']}").get("bindings", [])
    )


# SetIamPolicyRequest. An API refuses other fields: a misspelled `bindings` would revoke every grant.
_REQUEST: Shape = {
    "updateMask": str,
    "policy": {
        "version": int,
        "etag": str,
        "bindings": [
            {
                "role": str,
                "members": [str],
                "condition": dict.fromkeys(("title", "description", "expression", "location"), str),
            }
        ],
        "auditConfigs": [object],
    },
}


def get_policy(store: Store, resource: str) -> Json:
    """The policy on a resource; without any grant it has only an etag."""
    policy = store.get(f"policies:{resource}")
    return policy or {"etag": _etag(0)}


def read_policy(store: Store, resource: str, version: str) -> Json:
    """The policy in the version that the request specifies.

    A version below 3 has another role name instead of a condition ("Troubleshooting withcond in policies").
    """
    policy = get_policy(store, resource)
    if version == str(CONDITIONAL) or policy.get("version") != CONDITIONAL:
        return policy
    bindings: list[Json] = []
    for binding in policy["bindings"]:
        plain = dict(binding)
        if condition := plain.pop("condition", None):
            plain["role"] += f"_withcond_{_digest(condition)}"
        bindings.append(plain)
    return {**policy, "version": 1, "bindings": bindings}


def set_policy(store: Store, resource: str, desired: Json) -> Json:
    """Replace a resource's policy. Bindings of one role with different conditions stay separate.

    Raises:
        GoogleError: ABORTED for an etag that is not current. INVALID_ARGUMENT for a member or role that
            Google refuses, and for conditions in a version that cannot have them. FAILED_PRECONDITION for a
            member that the organization does not permit.
    """
    current = get_policy(store, resource)
    # An empty field equals a missing one in protobuf.
    desired = {field: value for field, value in desired.items() if (field, value) != ("etag", "")}
    stale = desired.get("etag") not in (None, current["etag"])
    if stale or strikes(read_faults(store).stale_etag):
        raise GoogleError(
            "ABORTED",
            "There were concurrent policy changes. Please retry the whole read-modify-write with "
            "exponential backoff.",
        )
    version = read_field(desired, "version", 0)
    if version not in (CONDITIONAL, *PLAIN):
        raise invalid(f"Invalid policy version: {version}.")
    # A request without an etag overwrites the policy, its conditions included.
    if version in PLAIN and "etag" in desired and current.get("version") == CONDITIONAL:
        raise invalid(
            f"Specified policy version ({version}) cannot be less than the existing policy version "
            f"({CONDITIONAL}). For more information, please refer to "
            "https://cloud.google.com/iam/docs/policies#versions."
        )
    bindings: dict[tuple[str, str], Json] = {}
    for binding in read_list(desired, "bindings", dict):
        role = read_field(binding, "role", "")
        if role not in ROLES:
            raise invalid(f"Role {role} is not supported for this resource.")
        condition = _read_condition(binding)
        # gcloud sends no version for a repository. By the documentation, Google refuses such a policy.
        # It is unknown whether Google does.
        if condition and version in PLAIN:
            raise invalid(f"A policy with a condition must have version {CONDITIONAL}, not {version}.")
        for member in read_list(binding, "members", str):
            check_member(store, member)
            # Google drops a role without members from the policy.
            key = (role, _as_text(condition))
            entry = bindings.setdefault(key, {"role": role, "members": [], **condition})
            if member not in entry["members"]:
                entry["members"].append(member)
    present = _members(current.get("bindings", []))
    added = sorted(_members(list(bindings.values())) - present)
    check_domains(read_faults(store).permitted_domains, resource, added)
    conditional = any("condition" in binding for binding in bindings.values())
    policy: Json = {"version": CONDITIONAL if conditional else 1, "etag": _next_etag(current)}
    if bindings:
        policy["bindings"] = [bindings[key] for key in sorted(bindings)]
    store.put(f"policies:{resource}", policy)
    return policy


def policy_routes(
    path: str, resource: Callable[[Request, str], str], *, read: str = "POST"
) -> list[BaseRoute]:
    """The two custom methods that every resource with a policy has.

    Args:
        path: the resource's path.
        resource: checks that the principal has the permission for that method, and returns the
            resource's name.
        read: the HTTP method of getIamPolicy, which differs between Google's APIs.
    """

    async def get(request: Request) -> Response:
        name = resource(request, "getIamPolicy")
        # Resource Manager reads the options from the body, the other APIs from the query.
        options = read_field(await read_object(request), "options", Json())
        default = str(options.get("requestedPolicyVersion"))
        version = request.query_params.get("options.requestedPolicyVersion", default)
        return JSONResponse(read_policy(request.app.state.store, name, version))

    async def set_(request: Request) -> Response:
        name = resource(request, "setIamPolicy")
        body = read_message(await read_object(request), _REQUEST, "request")
        if "policy" not in body:
            # An empty policy would revoke every grant.
            raise invalid("Invalid value at 'policy': it is missing.")
        return JSONResponse(set_policy(request.app.state.store, name, body["policy"]))

    return [
        Route(f"{path}:getIamPolicy", get, methods=[read]),
        Route(f"{path}:setIamPolicy", set_, methods=["POST"]),
    ]


def grant(store: Store, resource: str, role: str, member: str) -> None:
    """Create a resource's policy with one grant, as Google does for the creator of a project."""
    bindings = [{"role": role, "members": [member]}]
    store.put(f"policies:{resource}", {"version": 1, "etag": _etag(1), "bindings": bindings})


def delete_policy(store: Store, resource: str) -> None:
    """Delete the policy of a deleted resource."""
    store.delete(f"policies:{resource}")


def replace_member(store: Store, member: str, replacement: str) -> None:
    """Replace a member in every policy that names it; each policy gets a new etag."""
    for name in store.names("policies:*"):
        policy = store.get(name)
        if policy and any(member in binding["members"] for binding in policy.get("bindings", [])):
            for binding in policy["bindings"]:
                binding["members"] = [replacement if m == member else m for m in binding["members"]]
            store.put(name, {**policy, "etag": _next_etag(policy)})


def _members(bindings: list[Json]) -> set[str]:
    return {member for binding in bindings for member in binding["members"]}


def _read_condition(binding: Json) -> Json:
    """A binding's condition under its key, or an empty object without one."""
    fields = read_field(binding, "condition", Json())
    if not fields:
        return {}
    texts = {key: read_field(fields, key, "") for key in ("title", "description", "expression")}
    if not texts["title"] or not texts["expression"]:
        raise invalid("A condition must have a title and an expression.")
    return {"condition": {key: text for key, text in texts.items() if text}}


def _as_text(condition: Json) -> str:
    return json.dumps(condition, sort_keys=True)


def _digest(condition: Json) -> str:
    return hashlib.sha256(_as_text(condition).encode()).hexdigest()[:20]


def _etag(revision: int) -> str:
    return base64.b64encode(revision.to_bytes(8)).decode()


def _next_etag(policy: Json) -> str:
    return _etag(int.from_bytes(base64.b64decode(policy["etag"])) + 1)
