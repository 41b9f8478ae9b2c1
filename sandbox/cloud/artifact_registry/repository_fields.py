"""The fields of a repository: their rules, and how a request changes them.

Owns which fields a client can set and change, and what an update mask means. `repositories` has the
requests, the permissions and the store.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.cloud.core.errors import Json, invalid, read_field, read_list
from sandbox.cloud.core.messages import MapOf, Shape, camel_case, read_message

# "Requirements for labels" in Resource Manager's documentation.
LABEL = re.compile(r"[a-z0-9_-]{0,63}")
LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
LABEL_LIMIT = 64
# Repository.cleanupPolicies in the Artifact Registry reference; its ids are under 128 characters.
POLICY_ID_LENGTH = 127
# "Cleanup policies overview": the limit, and the modes. Google's text about a virtual one is unknown.
POLICY_LIMIT = 10
ACTIONS = ("DELETE", "KEEP")
SCANNING = ("INHERITED", "DISABLED")
MODES = ("STANDARD_REPOSITORY", "REMOTE_REPOSITORY", "VIRTUAL_REPOSITORY")
STANDARD, REMOTE, VIRTUAL = MODES
SCAN, SOURCE, UPSTREAMS = "vulnerabilityScanningConfig", "remoteRepositoryConfig", "virtualRepositoryConfig"

# Repository in the Artifact Registry reference. A mutable field has an empty value, and paths below it.
MUTABLE: dict[str, tuple[object, tuple[str, ...]]] = {
    "description": ("", ()),
    "labels": ({}, ()),
    "cleanupPolicies": ({}, ()),
    "cleanupPolicyDryRun": (False, ()),
    UPSTREAMS: ({}, ("upstreamPolicies",)),
    SCAN: ({}, ("enablementConfig",)),
}
# The parts of a remote repository's configuration that can change. No answer has the first ("Input only").
VALIDATION, CREDENTIALS = "disableUpstreamValidation", "upstreamCredentials"
IMMUTABLE = ("name", "format", "mode", "kmsKeyName", SOURCE)
OUTPUT_ONLY = ("createTime", "updateTime", "sizeBytes", "satisfiesPzi", "satisfiesPzs", "registryUri")
INPUT_ONLY = ("disallowUnspecifiedMode",)
OTHER_FORMATS = ("dockerConfig", "mavenConfig")
NOT_EMULATED = ("networkConfig", "sbomConfig")
KNOWN = {*MUTABLE, *IMMUTABLE, *OUTPUT_ONLY, *INPUT_ONLY, *OTHER_FORMATS, *NOT_EMULATED}
_PREFIXES: Shape = [str]
_URI: Shape = {"uri": str}
# The messages below Repository, as in the reference. `validate` has the rules of the other fields.
SHAPE: dict[str, Shape] = {
    **dict.fromkeys(KNOWN, object),
    "cleanupPolicies": MapOf(
        {
            "id": str,
            "action": str,
            "condition": {
                **dict.fromkeys(("tagState", "olderThan", "newerThan", "moreStaleThan"), str),
                **dict.fromkeys(("tagPrefixes", "versionNamePrefixes", "packageNamePrefixes"), _PREFIXES),
            },
            "mostRecentVersions": {"keepCount": int, "packageNamePrefixes": _PREFIXES},
        }
    ),
    UPSTREAMS: {"upstreamPolicies": [{"id": str, "repository": str, "priority": int}]},
    SCAN: dict.fromkeys(
        ("enablementConfig", "enablementState", "enablementStateReason", "lastEnableTime"), str
    ),
    SOURCE: {
        "description": str,
        VALIDATION: bool,
        CREDENTIALS: object,
        "pythonRepository": {"publicRepository": str, "customRepository": _URI},
        "commonRepository": _URI,
        **dict.fromkeys(
            ("aptRepository", "dockerRepository", "mavenRepository", "npmRepository", "yumRepository"),
            object,
        ),
    },
}
# Duration in "ProtoJSON Format". gcloud and the providers convert `30d` before they send it.
_DURATION = re.compile(r"[0-9]+(\.[0-9]{1,9})?s")
_REPOSITORY_NAME = re.compile(r"projects/[^/]+/locations/[^/]+/repositories/[^/]+")


def read_repository(body: Json) -> Json:
    """The fields of a request's body that a client can set.

    "Fields" (AIP-203): a server ignores the output-only fields of a request.

    Raises:
        GoogleError: INVALID_ARGUMENT for an unknown field, and for one that the sandbox does not emulate.
    """
    body = read_message(body, SHAPE, "repository")
    for field in body:
        if body[field] not in ({}, "", False):
            _check_emulated(field)
    dropped = (*OUTPUT_ONLY, *INPUT_ONLY, *OTHER_FORMATS, *NOT_EMULATED)
    fields = {field: value for field, value in body.items() if field not in dropped}
    if source := read_field(fields, SOURCE, Json()):
        if source.get(CREDENTIALS):
            _check_emulated(f"{SOURCE}.{CREDENTIALS}")
        fields[SOURCE] = {key: value for key, value in source.items() if key != VALIDATION}
    if "cleanupPolicies" in fields:
        policies = read_field(fields, "cleanupPolicies", Json())
        fields["cleanupPolicies"] = {key: _cleanup_policy(key, policies) for key in policies}
    return fields


def changed(repository: Json, body: Json, mask: str) -> Json:
    """The repository with the changes of a PATCH.

    Without a mask, the fields of the body are the mask ("Standard methods: Update", AIP-134). gcloud relies
    on it: `update --upstream-policy-file` and `delete-cleanup-policies` send no mask, so that the server
    replaces all policies. The mask `*` replaces every field that can change.

    Raises:
        GoogleError: INVALID_ARGUMENT for a path that does not exist or cannot change, and for a body that
            changes an immutable field.
    """
    desired = read_repository(body)
    result = dict(repository)
    if mask == "*":
        paths = list(MUTABLE)
    elif mask:
        paths = [camel_case(path.strip()) for path in mask.split(",")]
    else:
        paths = [field for field in desired if field in MUTABLE]
    if not mask or mask == "*":
        _check_unchanged(repository, desired)
    for path in paths:
        field, _, below = path.partition(".")
        if field == SOURCE and repository["mode"] != REMOTE:
            raise invalid(f"Only a repository of mode {REMOTE} has a {SOURCE}.")
        if path == f"{SOURCE}.{VALIDATION}":
            continue
        if field not in MUTABLE:
            _check_emulated(path)
            raise invalid(
                f"Field '{path}' of a repository is immutable."
                if field in KNOWN
                else f"Invalid update mask: a repository has no field '{path}'."
            )
        if below and below not in MUTABLE[field][1]:
            raise invalid(f"Invalid update mask: a repository has no field '{path}'.")
        if field == SCAN:
            result[SCAN] = _scanning(repository[SCAN], read_field(desired, SCAN, Json()))
        elif desired.get(field) in (None, MUTABLE[field][0]):
            result.pop(field, None)
        else:
            result[field] = desired[field]
    return result


def validate(repository: Json, find: Callable[[str], Json | None]) -> Json:
    """The repository, if Google would accept it.

    Args:
        repository: all its fields.
        find: reads the repository of that full name.

    Raises:
        GoogleError: INVALID_ARGUMENT.
    """
    for field, (empty, _) in MUTABLE.items():
        read_field(repository, field, empty)
    if repository.get(SOURCE) and repository["mode"] != REMOTE:
        raise invalid(f"Only a repository of mode {REMOTE} has a {SOURCE}.")
    labels: Json = repository.get("labels", {})
    for key, value in labels.items():
        if not (LABEL_KEY.fullmatch(key) and isinstance(value, str) and LABEL.fullmatch(value)):
            raise invalid(f"Invalid label {key!r}: {value!r}.")
    if len(labels) > LABEL_LIMIT:
        raise invalid(f"At most {LABEL_LIMIT} labels are allowed.")
    policies: Json = repository.get("cleanupPolicies", {})
    if len(policies) > POLICY_LIMIT:
        raise invalid(f"At most {POLICY_LIMIT} cleanup policies are allowed.")
    if policies and repository["mode"] == VIRTUAL:
        raise invalid(f"A repository of mode {VIRTUAL} has no cleanup policies.")
    for key in policies:
        _check_cleanup_policy(key, read_field(policies, key, Json()))
    scanning: Json = repository.get(SCAN, {})
    if scanning.get("enablementConfig", SCANNING[0]) not in SCANNING:
        raise invalid(f"Invalid enablementConfig: use {' or '.join(SCANNING)}.")
    _check_upstreams(repository, find)
    return repository


def _check_emulated(path: str) -> None:
    field = path.partition(".")[0]
    if path.startswith(f"{SOURCE}.{CREDENTIALS}"):
        raise invalid("The sandbox does not emulate upstream credentials: it has no Secret Manager.")
    if field in OTHER_FORMATS:
        raise invalid(f"Field '{field}' is for another format: the repository's format is PYTHON.")
    if field in NOT_EMULATED:
        raise invalid(f"The sandbox does not emulate the field '{field}' of a repository.")


def _check_unchanged(repository: Json, desired: Json) -> None:
    """gcloud sends all fields of a repository back. Refuse those that differ and cannot change."""
    for field in IMMUTABLE:
        value = desired.get(field, repository.get(field))
        if value not in (repository.get(field), "", {}):
            raise invalid(f"Field '{field}' of a repository is immutable.")


def _cleanup_policy(key: str, policies: Json) -> Json:
    """A cleanup policy as an answer has it. gcloud sends the words of the user's file, such as `Delete`."""
    policy = {"id": key, **read_field(policies, key, Json())}
    policy["action"] = read_field(policy, "action", "").upper()
    if condition := dict(read_field(policy, "condition", Json())):
        for field in ("tagState", "olderThan", "newerThan"):
            if text := read_field(condition, field, ""):
                # Duration in the JSON form of protobuf: gcloud sends `2592000.0s`.
                condition[field] = text.upper() if field == "tagState" else re.sub(r"\.0+s$", "s", text)
        policy["condition"] = condition
    return policy


def _check_cleanup_policy(key: str, policy: Json) -> None:
    action = read_field(policy, "action", "")
    if not 0 < len(key) <= POLICY_ID_LENGTH or policy.get("id", key) != key:
        raise invalid(f"Invalid id of a cleanup policy: {key!r}.")
    if action not in ACTIONS:
        raise invalid(f"Invalid action {action!r} of the cleanup policy {key!r}.")
    if not ("condition" in policy) ^ ("mostRecentVersions" in policy):
        raise invalid(f"The cleanup policy {key!r} must have either a condition or mostRecentVersions.")
    if action == "DELETE" and "mostRecentVersions" in policy:
        # "May only be specified with a Keep action" (CleanupPolicy.mostRecentVersions).
        raise invalid(f"The cleanup policy {key!r} has mostRecentVersions, which needs the action KEEP.")
    condition: Json = policy.get("condition", {})
    if "moreStaleThan" in condition:
        raise invalid("The sandbox does not emulate 'moreStaleThan': it does not record downloads.")
    for field in ("olderThan", "newerThan"):
        if not _DURATION.fullmatch(condition.get(field, "0s")):
            raise invalid(
                f"Invalid {field} {condition[field]!r} of the cleanup policy {key!r}: "
                "use seconds, such as 2592000s."
            )


def _check_upstreams(repository: Json, find: Callable[[str], Json | None]) -> None:
    virtual: Json = repository.get(UPSTREAMS, {})
    policies = read_list(virtual, "upstreamPolicies", dict)
    if virtual and repository["mode"] != VIRTUAL:
        raise invalid(f"Only a repository of mode {VIRTUAL} has a virtualRepositoryConfig.")
    for policy in policies:
        name = read_field(policy, "repository", "")
        upstream = find(name) if _REPOSITORY_NAME.fullmatch(name) else None
        if upstream is None:
            raise invalid(f"Upstream repository {name} does not exist.")
        # "Virtual repositories overview". Google's text for this refusal is unknown.
        if upstream["mode"] == VIRTUAL:
            raise invalid(f"Upstream repository {name} is virtual: use a standard or remote repository.")


def _scanning(current: Json, desired: Json) -> Json:
    """A request changes the setting. The state of scanning is Google's own."""
    setting = desired.get("enablementConfig")
    state = {key: value for key, value in current.items() if key != "enablementConfig"}
    return {"enablementConfig": setting, **state} if setting else state
