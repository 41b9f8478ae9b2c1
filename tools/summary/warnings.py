"""The warning at the top of a summary: what a reviewer must not overlook.

Owns destructive changes, exposures, retained access, drift that no update restores, and failures. The
sections below the warning report everything else.
"""

from __future__ import annotations

from collections import defaultdict

from tools.summary.clients import CONTRACT
from tools.summary.grants import (
    ACCOUNT,
    BINDINGS,
    REPOSITORY,
    deleted_targets,
    foreign_grants,
    grant_of,
    grants_left_behind,
    grants_made_elsewhere,
    grants_of,
    is_foreign,
    main_right,
    rights_of,
)
from tools.summary.markdown import Lines, block, code, codes
from tools.summary.previews import RETAIN, Preview, Props, Step
from tools.summary.wording import (
    CONDITION,
    OPERATION_WORDS,
    RULE,
    capitalized_label,
    changed_keys,
    format_member,
    format_value,
    without_urns,
)

PUBLIC_MEMBERS = ("allUsers", "allAuthenticatedUsers")
# The properties of a grant that do not name its target.
GRANT_PROPERTIES = ("role", "member", "members", "policyData", "condition")
LOSSES = {
    "STANDARD_REPOSITORY": "**Every package in it is lost**, unless it was copied before",
    "REMOTE_REPOSITORY": "It is a cache and fills again; versions that are gone upstream are lost",
    "VIRTUAL_REPOSITORY": "It is a view and holds no packages",
}


def warning_section(preview: Preview) -> Lines:
    """Return the warning, empty if there is nothing to warn about."""
    paragraphs = [
        *_failure(preview),
        *(
            [text]
            for text in (
                *destructive_changes(preview),
                *drift(preview),
                *_protection_removals(preview),
                *exposures(preview),
                *retained_access(preview),
                *_takeovers(preview),
                *_contract_changes(preview),
            )
        ),
    ]
    if not paragraphs:
        return []
    lines = ["", "> [!WARNING]"]
    for number, paragraph in enumerate(paragraphs):
        lines += [">"] * bool(number) + [f"> {line}".rstrip() for line in paragraph]
    return lines


def _failure(preview: Preview) -> list[Lines]:
    if not preview.failed:
        return []
    return [
        ["**The preview failed**: nothing of this can be deployed as it is. It said:"],
        *(block(without_urns(error)) for error in preview.errors),
    ]


def destructive_changes(preview: Preview) -> list[str]:
    """Return what an update would delete for good, upload repositories first."""
    deleted = deleted_targets(preview)
    return [
        text
        for step in sorted(preview.changes, key=_is_no_upload_repository)
        for text in _destructive_change(step, deleted, refused=preview.failed)
    ]


def _is_no_upload_repository(step: Step) -> bool:
    return step.old.get("mode") != "STANDARD_REPOSITORY"


def _destructive_change(step: Step, deleted: set[str], *, refused: bool) -> list[str]:
    if step.op in ("replace", "delete") and step.type == REPOSITORY:
        return [_repository_loss(step, refused=refused)]
    if step.op in ("replace", "delete") and step.type == ACCOUNT:
        return [
            f"{capitalized_label(step)} is {step.op}d: whatever acts as it stops, and one of that name "
            "made later is another."
        ]
    if step.op == "delete" and step.type == RULE:
        package, cache = code(step.old.get("packageId")), str(step.old.get("repositoryId"))
        if cache in deleted:
            return [
                f"{package} is no longer kept apart: without {code(cache)}, pip asks PyPI itself, and may "
                "take a stranger's from there."
            ]
        return [f"{package} may be downloaded from {code(cache)} again."]
    return []


def _repository_loss(step: Step, *, refused: bool) -> str:
    verb = "replaced" if step.op == "replace" else "deleted"
    reason = f" for its {codes(step.replaced_for)}" if step.replaced_for else ""
    text = f"{capitalized_label(step)} {'would be' if refused else 'is'} {verb}{reason}. {_loss(step)}."
    if refused and (step.is_protected or (step.op == "delete" and step.was_protected)):
        return f"{text} It is protected: the engine refuses."
    if step.was_protected:
        return f"{text} **Its protection is taken off by the same change.**"
    if step.op == "delete":
        return f"{text} Clients that still use {code(step.old.get('repositoryId'))} are refused."
    return text


def _loss(step: Step) -> str:
    return LOSSES.get(step.old.get("mode", ""), LOSSES["STANDARD_REPOSITORY"])


def drift(preview: Preview) -> list[str]:
    """Return the drift that no update restores, upload repositories first."""
    return [
        text
        for step in sorted(preview.drift, key=_is_no_upload_repository)
        if (text := _permanent_drift(step))
    ]


def _permanent_drift(step: Step) -> str:
    subject = capitalized_label(step)
    if step.type == REPOSITORY and not step.new:
        return f"{subject} was deleted outside this stack. {_loss(step)}."
    if step.type == ACCOUNT and not step.new:
        return (
            f"{subject} was deleted outside this stack: whatever acts as it stopped, and a new one is "
            "another."
        )
    if step.new and CONDITION in changed_keys(step.old, step.new):
        condition = format_value(step.new.get(CONDITION))
        return f"{subject} lets in whom somebody chose outside this stack: {condition}."
    policies = _delete_policies(step.new)
    if policies and policies != _delete_policies(step.old):
        names = codes(policy.get("id") for policy in policies)
        return f"{subject} has cleanup policies from outside this stack, which delete packages: {names}."
    return ""


def _delete_policies(repository: Props) -> list[Props]:
    """Return a repository's cleanup policies that delete packages, unless all of them only report."""
    policies = () if repository.get("cleanupPolicyDryRun") else repository.get("cleanupPolicies")
    return [policy for policy in policies or () if policy.get("action") == "DELETE"]


def _protection_removals(preview: Preview) -> list[str]:
    # The engine calls these steps `same`: Google does not know about protection.
    return [
        f"{capitalized_label(step)} is no longer protected: a later change may delete it."
        for step in (*preview.unchanged, *preview.changes)
        if step.op in ("same", "update") and step.was_protected and not step.is_protected
    ]


def exposures(preview: Preview) -> list[str]:
    """Return the grants to everybody, and the grants of a kind that this program does not use."""
    before, after = grants_of(preview, "old"), grants_of(preview, "new")
    foreign = [
        _foreign_grant(step)
        for step in preview.changes
        if is_foreign(step) and step.op not in ("delete", RETAIN)
    ]
    public = [
        f"{code(member)} is the whole world, and may now {main_right(role)} {code(target)}."
        for (target, role), members in after.items()
        for member in members.values()
        if member in PUBLIC_MEMBERS and member not in before.get((target, role), {}).values()
    ]
    public_elsewhere = [
        f"{code(member)} is the whole world, and was granted by others to {main_right(role)} "
        f"{code(target)}."
        for (target, role), members in grants_made_elsewhere(preview).items()
        for member in members.values()
        if member in PUBLIC_MEMBERS
    ]
    return [*foreign, *public, *public_elsewhere]


def _foreign_grant(step: Step) -> str:
    targets = [
        format_value(value)
        for key, value in step.new_inputs.items()
        if key not in GRANT_PROPERTIES and isinstance(value, str)
    ]
    text = f"{capitalized_label(step)} is {OPERATION_WORDS[step.op].lower()}"
    text += f" on {', '.join(targets)}" if targets else ""
    for role, members in foreign_grants(step.new):
        text += f", {code(role)} for {', '.join(map(format_member, members)) or 'nobody'}"
        if public := [member for member in members if member in PUBLIC_MEMBERS]:
            text += f" (**{codes(public)} is the whole world**)"
    return f"{text}. This program makes no {code(step.type)}: who gets in by it is said nowhere else here."


def retained_access(preview: Preview) -> list[str]:
    """Return the members who leave the stack file and keep their access."""
    listed = rights_of(grants_of(preview, "new"))
    targets: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (target, right), members in sorted(rights_of(grants_left_behind(preview)).items()):
        for key in members.keys() - listed.get((target, right), {}).keys():
            targets[members[key]][right].append(target)
    return [
        f"{format_member(member)} **may go on** to "
        + " and to ".join(f"{right} {codes(found)}" for right, found in rights.items())
        + ": the grant leaves the stack, not Google. Take it away by hand."
        for member, rights in sorted(targets.items())
    ]


def _takeovers(preview: Preview) -> list[str]:
    """Return the roles that a new binding writes as a whole, on targets that already exist."""
    created = {
        str(step.new.get("repositoryId") or step.new.get("accountId"))
        for step in preview.changes
        if step.op in ("create", "replace") and step.type in (REPOSITORY, ACCOUNT)
    }
    targets: dict[str, set[str]] = defaultdict(set)
    for step in preview.changes:
        if step.op == "create" and step.type in BINDINGS:
            target, role = grant_of(step, step.new)
            if target.partition("@")[0] not in created:
                targets[main_right(role)].add(target)
    if not targets:
        return []
    rights = "; ".join(f"{right} {codes(sorted(found))}" for right, found in sorted(targets.items()))
    return [
        f"From this `up` on the stack's file alone says who may {rights}. "
        "What others granted of that goes, and no preview shows it: look at the IAM policies."
    ]


def _contract_changes(preview: Preview) -> list[str]:
    """Return the outputs that other projects lose, and a new version of the contract."""
    before, after = preview.outputs_before, preview.outputs_after
    if after is None or preview.failed:
        return []
    texts: list[str] = []
    removed = [name for name in before if name not in after]
    if removed:
        texts.append(f"Outputs that other projects may read are gone: {codes(removed)}.")
    old, new = before.get(CONTRACT), after.get(CONTRACT)
    if None not in (old, new) and old != new:
        change = f"{code(old)} → {code(new)}"
        texts.append(f"The contract with other projects changes: {code(CONTRACT)} {change}.")
    return texts
