"""Who may do what, by everything that a preview mentions: roles as rights, and lists as sets.

Owns what a role means in words and when two members are one. What of it is news for a reviewer is in
`summary.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tools.summary.markdown import code
from tools.summary.previews import RETAIN, UNKNOWN, Preview, Props, Step

REPOSITORY = "artifactregistry.Repository"
ACCOUNT = "serviceaccount.Account"
# Every grant below the same parent is `deletedWith` it. The stream of events does not say `deletedWith`.
MARK = "python-registry:index:Access"
# Who may do what, by resource type: the property that names the thing it is about.
GRANTS = {
    "artifactregistry.RepositoryIamBinding": "repository",
    "artifactregistry.RepositoryIamMember": "repository",
    "serviceaccount.IAMBinding": "serviceAccountId",
    "serviceaccount.IAMMember": "serviceAccountId",
}
# Those that write a role's list whole.
BINDINGS = ("artifactregistry.RepositoryIamBinding", "serviceaccount.IAMBinding")
# Other ways to let somebody in, none of which the program has: whatever the plugin calls IAM something.
FOREIGN = re.compile(r"serviceaccount\.Key|.*[.:]\w*(?:Iam|IAM)\w*")
# All that a role lets its members do, said as "may …"; what it is given for comes last. Artifact Registry's
# roles hold one another ("Access control with IAM"), so that who loses one may lose what it implied.
RIGHTS = {
    "roles/artifactregistry.reader": ("install from",),
    "roles/artifactregistry.writer": ("install from", "upload to"),
    "roles/artifactregistry.repoAdmin": ("install from", "upload to", "delete packages in"),
    "roles/iam.serviceAccountTokenCreator": ("act as",),
    "roles/iam.workloadIdentityUser": ("act, by a login elsewhere, as",),
}

# What a role is on, and the role or the right that comes of it.
Grant = tuple[str, str]
# Members by their identity, by what they were granted.
Grants = Mapping[Grant, Mapping[str, str]]


def granted(preview: Preview, side: str) -> Grants:
    """Who has which role on what, by everything that the preview mentions."""
    found: dict[Grant, dict[str, str]] = {}
    for step in (*preview.unchanged, *preview.changes):
        if step.type in GRANTS and (side == "new" or step.op != "create"):
            props: Props = getattr(step, side)
            if props and not (side == "new" and step.op == "delete"):
                found.setdefault(grant_of(step, props), {}).update(members_of(props))
    return found


def rights_of(grants: Grants) -> Grants:
    """Who may do what, by words instead of roles, one role's members together with another's."""
    found: dict[Grant, dict[str, str]] = {}
    for (target, role), members in grants.items():
        for right in RIGHTS.get(role, (main_right(role),)):
            found.setdefault((target, right), {}).update(members)
    return found


def grant_of(step: Step, props: Props) -> Grant:
    """What the step's properties grant a role on, and the role."""
    # Short: `projects/P/locations/L/repositories/R` in the state is `R` in the program.
    return str(props.get(GRANTS[step.type], UNKNOWN)).rpartition("/")[2], str(props.get("role", UNKNOWN))


def members_of(props: Props) -> dict[str, str]:
    """The members by their identity: addresses are one in any case, federated principals are not."""
    members = props.get("members", props.get("member"))
    listed = members if isinstance(members, list) else [] if members is None else [members]
    return {
        member if member.startswith("principal") else member.lower(): member for member in map(str, listed)
    }


def is_foreign(step: Step) -> bool:
    """Whether it lets somebody in by another way than this program's."""
    return step.type not in GRANTS and FOREIGN.fullmatch(step.type) is not None


def foreign_grants(props: Props) -> list[tuple[str, list[str]]]:
    """The roles and their members that such a one's properties name: one, or those of a whole policy."""
    try:
        bindings = json.loads(str(props.get("policyData")))["bindings"]
    except (ValueError, LookupError, TypeError):
        bindings = [props] if "role" in props else []
    return [(str(binding.get("role")), list(members_of(binding).values())) for binding in bindings]


def granted_by_others(preview: Preview) -> Grants:
    """The members that a refresh found beside those that the state had."""
    found: dict[Grant, dict[str, str]] = {}
    for step in preview.drift:
        if step.type in GRANTS and step.new:
            old = members_of(step.old)
            new = {key: member for key, member in members_of(step.new).items() if key not in old}
            found.setdefault(grant_of(step, step.new), {}).update(new)
    return found


def deleted(preview: Preview) -> set[str]:
    """The repositories and accounts that go, and with them all that was granted on them."""
    return {
        str(step.old.get("repositoryId") or step.old.get("email"))
        for step in preview.changes
        if step.op == "delete" and step.type in (REPOSITORY, ACCOUNT)
    }


def left_behind(preview: Preview) -> Grants:
    """Who keeps at Google what leaves the stack: what goes with its mark, or is retained.

    Unless a binding comes in its stead, which writes the role's list whole.
    """
    marks = {step.parent for step in preview.components if step.type == MARK and step.op == "delete"}
    written = {
        grant_of(step, step.new)
        for step in (*preview.unchanged, *preview.changes)
        if step.type in BINDINGS and step.new
    }
    targets_lost = deleted(preview)
    found: dict[Grant, dict[str, str]] = {}
    for step in preview.changes:
        marked = step.op == "delete" and step.parent in marks
        if step.type in GRANTS and (marked or step.op == RETAIN):
            grant = grant_of(step, step.old)
            if grant not in written and grant[0] not in targets_lost:
                found.setdefault(grant, {}).update(members_of(step.old))
    return found


def main_right(role: str) -> str:
    """What a role is given for, said as "may …"."""
    return RIGHTS[role][-1] if role in RIGHTS else f"use the role {code(role)} on"
