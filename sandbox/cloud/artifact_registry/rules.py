"""Download rules, which deny or allow downloads of a repository's packages.

Owns the rules of a repository, and their effect when a client downloads a file.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.artifact_registry.repositories import REPOSITORY_PATH, find_repository
from sandbox.cloud.core.errors import GoogleError, Json, invalid, not_found, read_object
from sandbox.cloud.core.messages import Shape, camel_case, read_message, read_parameter
from sandbox.cloud.core.store import Store

# "Restrict artifact downloads": the grammar of a rule's id, without percent-encoding.
RULE_ID = re.compile(r"[A-Za-z0-9._~:@+^-]{1,256}")
RULE_FIELDS = {"action": ("ALLOW", "DENY"), "operation": ("DOWNLOAD",)}
RULE_MUTABLE = (*RULE_FIELDS, "packageId", "condition")
RULE: Shape = {"name": str, **dict.fromkeys((*RULE_FIELDS, "packageId"), str), "condition": object}


def check_download(store: Store, repository: str, package: str) -> None:
    """Refuse a package that a repository's rules deny.

    A rule for the package overrides the rule for the whole repository: a public lab guide on remote
    repositories uses DENY for all and ALLOW for some. Google's status and text are unknown.

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


def _rules(request: Request, verb: str) -> tuple[Store, str]:
    """The rules of the repository that the request names, if the principal has `rules.VERB`."""
    store, repository = find_repository(request, f"artifactregistry.rules.{verb}")
    return store, f"{repository['name']}/rules"


def _rule(request: Request, verb: str) -> tuple[Store, Json]:
    store, rules = _rules(request, verb)
    rule = store.get(f"{rules}/{request.path_params['rule']}")
    if rule is None:
        raise not_found()
    return store, rule


def _put_rule(store: Store, rule: Json) -> Response:
    """Store a rule, if Google would accept it: one per package, and one for all packages."""
    if rule.get("condition"):
        raise invalid("The sandbox emulates rules for whole packages, without a condition.")
    for field, choices in RULE_FIELDS.items():
        if rule.get(field) not in choices:
            raise invalid(f"Invalid {field} {rule.get(field)!r}: must be {' or '.join(choices)}.")
    for other in store.children(rule["name"].rpartition("/")[0]):
        if other["name"] != rule["name"] and other.get("packageId") == rule.get("packageId"):
            raise GoogleError("ALREADY_EXISTS", f"{other['name']} is a rule of that package already.")
    store.put(rule["name"], rule)
    return JSONResponse(rule)


async def create_rule(request: Request) -> Response:
    store, rules = _rules(request, "create")
    rule_id = read_parameter(request, "ruleId")
    if not RULE_ID.fullmatch(rule_id):
        raise invalid(f"Invalid rule id {rule_id!r}: must match {RULE_ID.pattern}.")
    name = f"{rules}/{rule_id}"
    if store.get(name):
        raise GoogleError("ALREADY_EXISTS", "the rule already exists")
    body = read_message(await read_object(request), RULE, "rule")
    return _put_rule(store, {"name": name, **{key: body[key] for key in RULE_MUTABLE if body.get(key)}})


async def list_rules(request: Request) -> Response:
    store, rules = _rules(request, "list")
    return JSONResponse({"rules": store.children(rules)})


async def describe_rule(request: Request) -> Response:
    return JSONResponse(_rule(request, "get")[1])


async def update_rule(request: Request) -> Response:
    store, rule = _rule(request, "update")
    body = read_message(await read_object(request), RULE, "rule")
    # Without a mask, the fields of the body are the mask ("Standard methods: Update", AIP-134).
    mask = read_parameter(request, "updateMask") or ",".join(filter(RULE_MUTABLE.__contains__, body))
    for field in filter(None, map(camel_case, mask.split(","))):
        if field not in RULE_MUTABLE:
            raise invalid(f"Invalid update mask: {field!r} is not a field of a rule that can change.")
        rule.pop(field, None)
        if body.get(field):
            rule[field] = body[field]
    return _put_rule(store, rule)


async def delete_rule(request: Request) -> Response:
    store, rule = _rule(request, "delete")
    store.delete(rule["name"])
    return JSONResponse({})


_RULES = f"{REPOSITORY_PATH}/rules"
ROUTES = [
    Route(_RULES, create_rule, methods=["POST"]),
    Route(_RULES, list_rules),
    Route(f"{_RULES}/{{rule}}", describe_rule),
    Route(f"{_RULES}/{{rule}}", update_rule, methods=["PATCH"]),
    Route(f"{_RULES}/{{rule}}", delete_rule, methods=["DELETE"]),
]
