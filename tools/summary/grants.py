"""The grants in a preview, as sets: members by target and role, before and after.

Owns what a role allows, and when two members are the same. `access.py` and `warnings.py` decide what a
reviewer reads of it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from components.args import member_identity
from components.names import (
    ACCESS_MODE_ANCHOR,
    ADMIN,
    READER,
    TOKEN_CREATOR,
    WORKLOAD_IDENTITY_USER,
    WRITER,
)
from tools.summary.events import mapping_of
from tools.summary.markdown import code
from tools.summary.previews import RETAIN, UNKNOWN, Preview, Props, Step

REPOSITORY = "artifactregistry.Repository"
ACCOUNT = "serviceaccount.Account"
# The types that grant a role, with the property that names their target.
GRANTS = {
    "artifactregistry.RepositoryIamBinding": "repository",
    "artifactregistry.RepositoryIamMember": "repository",
    "serviceaccount.IAMBinding": "serviceAccountId",
    "serviceaccount.IAMMember": "serviceAccountId",
}
# The types that write the whole member list of a role.
BINDINGS = ("artifactregistry.RepositoryIamBinding", "serviceaccount.IAMBinding")
# Types that grant access in another way, all of them foreign to this program.
FOREIGN = re.compile(r"serviceaccount\.Key|.*[.:]\w*(?:Iam|IAM)\w*")
# Everything that a role allows, as words after "may". The main right is last. Artifact Registry's roles
# include each other, so a member who loses one role may also lose what it implied.
RIGHTS = {
    READER: ("install from",),
    WRITER: ("install from", "upload to"),
    ADMIN: ("install from", "upload to", "delete packages in"),
    TOKEN_CREATOR: ("act as",),
    WORKLOAD_IDENTITY_USER: ("act, with a federated login, as",),
}

# The properties that name the place of a repository, by their part of its full name.
PLACES = {"projects": "project", "locations": "location"}

# The full name of a target, a role or a right on it, and the IAM condition, empty if there is none.
Grant = tuple[str, str, str]
# The members of each grant, as they are written, by identity.
Grants = Mapping[Grant, Mapping[str, str]]


def grants_of(preview: Preview, side: str) -> Grants:
    """Return the members of every grant in the preview, `old` or `new`."""
    moved = _moved_targets(preview) if side == "old" else {}
    grants: dict[Grant, dict[str, str]] = {}
    for step in (*preview.unchanged, *preview.changes):
        if step.type in GRANTS and (side == "new" or step.op != "create"):
            props: Props = getattr(step, side)
            if props and not (side == "new" and step.op == "delete"):
                grants.setdefault(full_grant(step, props, moved), {}).update(members_of(props))
    return grants


def rights_of(grants: Grants) -> Grants:
    """Return the same members by right instead of by role. One right can come from several roles."""
    rights: dict[Grant, dict[str, str]] = {}
    for (target, role, condition), members in grants.items():
        for right in RIGHTS.get(role, (main_right(role),)):
            rights.setdefault((target, right, condition), {}).update(members)
    return rights


def grant_of(step: Step, props: Props) -> tuple[str, str]:
    """Return the target and the role that the step's properties name, the target only by its short name."""
    return _short(str(props.get(GRANTS[step.type], UNKNOWN))), str(props.get("role", UNKNOWN))


def full_grant(step: Step, props: Props, moved: Mapping[str, str] | None = None) -> Grant:
    """Return the target, by its full name, the role and the condition.

    Args:
        step: a step of a grant.
        props: its properties before or after.
        moved: the new names of replaced targets.
    """
    target = target_of(step, props)
    # A preview can repeat the old outputs, with a condition that the program removes.
    from_program = props is step.new and step.op != "refresh" and step.new_inputs
    condition = _condition((step.new_inputs if from_program else props).get("condition"))
    return (moved or {}).get(target, target), str(props.get("role", UNKNOWN)), condition


def _condition(value: Any) -> str:
    parts = mapping_of(value)
    return str(parts.get("expression") or parts.get("title") or value or "")


def format_condition(condition: str) -> str:
    """Return the words that follow a right, empty without a condition."""
    return f" if {code(condition)}" if condition else ""


def target_of(step: Step, props: Props) -> str:
    """Return the full name of the repository or account that a resource is, or that it is about.

    A repository of the same short name can exist in every project and location.
    """
    if step.type in GRANTS:
        name = str(props.get(GRANTS[step.type], UNKNOWN))
    else:
        name = str(props.get("repositoryId") or props.get("email") or props.get("accountId"))
    if step.type == ACCOUNT or GRANTS.get(step.type) == "serviceAccountId":
        # An account's address contains its project.
        return _short(name)
    if "/" in name or name == UNKNOWN:
        return name
    # The state has `projects/P/locations/L/repositories/R`, the program has `R`. A new state can leave out
    # what the provider sets, which stays the same unless the resource is replaced.
    known = props if step.op == "replace" else {**step.old, **props}
    parts = [f"{part}/{known[key]}" for part, key in PLACES.items() if known.get(key)]
    return "/".join([*parts, "repositories", name] if parts else [name])


def target_names(preview: Preview) -> Mapping[str, str]:
    """Return how a summary shows each target: by its short name, or in full if two have the same."""
    sides = [grants_of(preview, "old"), grants_of(preview, "new")]
    grants = [*sides, grants_left_behind(preview), grants_made_elsewhere(preview)]
    targets = {grant[0] for found in grants for grant in found} | deleted_targets(preview)
    count = Counter(map(_short, targets))
    return {
        target: target.replace(UNKNOWN, "(known after the update)")
        if count[_short(target)] > 1 and target != UNKNOWN
        else _short(target)
        for target in targets
    }


def _short(target: str) -> str:
    return target.rpartition("/")[2]


def _moved_targets(preview: Preview) -> Mapping[str, str]:
    """Return the new names of the repositories that are replaced. Their warning reports the move."""
    return {
        target_of(step, step.old): target_of(step, step.new)
        for step in preview.changes
        if step.op == "replace" and step.type == REPOSITORY and step.new
    }


def members_of(props: Props) -> dict[str, str]:
    """Return the members that the properties name, by identity."""
    members = props.get("members", props.get("member"))
    listed = members if isinstance(members, list) else [] if members is None else [members]
    return {member_identity(member): member for member in map(str, listed)}


def is_foreign(step: Step) -> bool:
    """Whether the step grants access in a way that this program does not use."""
    return step.type not in GRANTS and FOREIGN.fullmatch(step.type) is not None


def foreign_grants(props: Props) -> list[tuple[str, list[str]]]:
    """Return the roles and members of a foreign grant: one role, or every role of a whole policy."""
    try:
        bindings = json.loads(str(props.get("policyData")))["bindings"]
    except (ValueError, LookupError, TypeError):
        bindings = [props] if "role" in props else []
    return [(str(binding.get("role")), list(members_of(binding).values())) for binding in bindings]


def grants_made_elsewhere(preview: Preview) -> Grants:
    """Return the members that a refresh found in addition to those in the state."""
    moved = _moved_targets(preview)
    grants: dict[Grant, dict[str, str]] = {}
    for step in preview.drift:
        if step.type in GRANTS and step.new:
            known = members_of(step.old)
            added = {key: member for key, member in members_of(step.new).items() if key not in known}
            grants.setdefault(full_grant(step, step.new, moved), {}).update(added)
    return grants


def deleted_targets(preview: Preview) -> set[str]:
    """Return the repositories and accounts that are deleted, together with every grant on them."""
    return {
        target_of(step, step.old)
        for step in preview.changes
        if step.op == "delete" and step.type in (REPOSITORY, ACCOUNT)
    }


def grants_left_behind(preview: Preview) -> Grants:
    """Return the grants that leave the state and stay at Google.

    A grant stays if its access mode's anchor is deleted, or if it is retained. A new binding of the same
    role replaces it, because a binding writes the whole list.
    """
    anchors = {
        step.parent
        for step in preview.components
        if step.type == ACCESS_MODE_ANCHOR and step.op == "delete"
    }
    rewritten = {
        full_grant(step, step.new)
        for step in (*preview.unchanged, *preview.changes)
        if step.type in BINDINGS and step.new
    }
    deleted = deleted_targets(preview)
    moved = _moved_targets(preview)
    grants: dict[Grant, dict[str, str]] = {}
    for step in preview.changes:
        # The stream of events does not contain `deletedWith`. The anchor has the same parent.
        dropped = step.op == "delete" and step.parent in anchors
        if step.type in GRANTS and (dropped or step.op == RETAIN):
            grant = full_grant(step, step.old, moved)
            if grant not in rewritten and grant[0] not in deleted:
                grants.setdefault(grant, {}).update(members_of(step.old))
    return grants


def main_right(role: str) -> str:
    """Return the main right of a role, as words after "may"."""
    return RIGHTS[role][-1] if role in RIGHTS else f"use the role {code(role)} on"
