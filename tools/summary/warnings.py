"""The warning at the top of a summary: what a reviewer must not overlook.

Owns destructive changes, exposures, retained access, drift that no update restores, and failures. The
sections below the warning report everything else.
"""

from __future__ import annotations

from collections import defaultdict

from tools.summary.adoption import adoptions
from tools.summary.cleanup import cleanup_changes, delete_policies
from tools.summary.clients import CONTRACT
from tools.summary.differences import format_value
from tools.summary.events import Props, list_of, mapping_of
from tools.summary.grants import (
    ACCOUNT,
    BINDINGS,
    REPOSITORY,
    deleted_targets,
    foreign_grants,
    format_condition,
    full_grant,
    grants_left_behind,
    grants_made_elsewhere,
    grants_of,
    is_foreign,
    main_right,
    rights_of,
    target_names,
    target_of,
)
from tools.summary.markdown import Lines, block, code, codes
from tools.summary.notices import mandatory_violations, message_place
from tools.summary.previews import GENERIC_ERRORS, OLDEST_CLI, RETAIN, Preview, Step
from tools.summary.wording import (
    CONDITION,
    OPERATION_WORDS,
    RULE,
    capitalized_label,
    changed_keys,
    format_member,
    label,
    label_of,
    without_urns,
)

PUBLIC_MEMBERS = ("allUsers", "allAuthenticatedUsers")
# The properties of a grant that do not name its target.
GRANT_PROPERTIES = ("role", "member", "members", "policyData", "condition")
LOSSES = {
    "STANDARD_REPOSITORY": "**All packages in it are lost** unless you copy them first",
    "REMOTE_REPOSITORY": "It is a cache and fills again. Versions that are no longer upstream are lost",
    "VIRTUAL_REPOSITORY": "It contains no packages of its own",
}

ACCOUNT_LOSS = (
    "Jobs that act as this account fail. A new account of the same name is a different principal."
)

DOCUMENT_WITHOUT_POLICIES = (
    "The single document of `pulumi preview --json` does not contain policy violations. "
    "`PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true` adds them."
)


def warning_section(preview: Preview) -> Lines:
    """Return the warning, empty if there is nothing to warn about."""
    paragraphs = [
        *_failure(preview),
        *(
            [text]
            for text in (
                *destructive_changes(preview),
                *cleanup_changes(preview),
                *drift(preview),
                *_protection_removals(preview),
                *adoptions(preview),
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
    notices = preview.notices
    paragraphs: list[Lines] = []
    if preview.cli_too_old:
        paragraphs.append([f"**{too_old_message()}**"])
    elif notices.result == "canceled":
        paragraphs.append(["**The preview was canceled.** It is not complete."])
    elif preview.failed:
        paragraphs.append(["**The preview failed.** These changes cannot be deployed."])
    violated = mandatory_violations(preview)
    if violated:
        paragraphs.append(
            [f"**Mandatory policies are violated**: {codes(violated)}. The section **Policies** says why."]
        )
    if notices.result not in (None, "succeeded", "failed", "canceled"):
        paragraphs.append([f"The preview ended with the result {code(notices.result)}."])
    for op, urn in dict.fromkeys(notices.failed_steps):
        paragraphs.append([f"The operation {code(op)} failed on {label_of(preview, urn)}."])
    # After a violation, the engine reports only that the preview failed.
    errors = [error for error in preview.errors if not (violated and error.text in GENERIC_ERRORS)]
    for error in errors:
        place = message_place(preview, error)
        paragraphs.append([f"The error{place}:", *block(without_urns(error.text))])
    if preview.is_document and preview.failed and all(error.text in GENERIC_ERRORS for error in errors):
        paragraphs.append([DOCUMENT_WITHOUT_POLICIES])
    if notices.is_update:
        paragraphs.append(["These are the events of an update, not of a preview."])
    if notices.maybe_corrupt:
        paragraphs.append(["The engine found resources in an invalid state. **The state may be corrupt.**"])
    paragraphs += [
        [
            f"The last update left {label(step)} incomplete:",
            *block(without_urns("\n".join(step.init_errors))),
        ]
        for step in (*preview.changes, *preview.unchanged)
        if step.init_errors
    ]
    return paragraphs


def too_old_message() -> str:
    """Return what to do about a CLI whose previews have no result."""
    return (
        f"This Pulumi CLI is too old: its preview does not say whether it succeeded. Install Pulumi "
        f"{OLDEST_CLI} or newer."
    )


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
        return [f"{capitalized_label(step)} is {step.op}d. {ACCOUNT_LOSS}"]
    if step.type == RULE and _unblocks(step):
        package, cache = code(step.old.get("packageId")), str(step.old.get("repositoryId"))
        if target_of(step, step.old) in deleted:
            return [
                f"{package} is no longer blocked: without {code(cache)}, pip asks PyPI directly, and can "
                "install another owner's package."
            ]
        return [f"{package} can be downloaded from {code(cache)} again."]
    return []


def _unblocks(step: Step) -> bool:
    """Whether a package that the rule denies is no longer denied, or only under another condition."""
    if step.op not in ("update", "replace"):
        return step.op == "delete"
    old, new = step.old, step.new
    if old.get("action") != "DENY":
        return False
    # Without a package, a rule denies all of them. Without a condition, it denies always.
    narrower = any(new.get(key) and new.get(key) != old.get(key) for key in ("packageId", "condition"))
    return narrower or any(new.get(key) != old.get(key) for key in ("action", "operation", "repositoryId"))


def _repository_loss(step: Step, *, refused: bool) -> str:
    verb = "replaced" if step.op == "replace" else "deleted"
    reason = f" because of a change to {codes(step.replaced_for)}" if step.replaced_for else ""
    text = f"{capitalized_label(step)} {'would be' if refused else 'is'} {verb}{reason}. {_loss(step)}."
    if refused and (step.is_protected or (step.op == "delete" and step.was_protected)):
        return f"{text} It is protected, so Pulumi refuses the change."
    if step.was_protected:
        return f"{text} **The same change removes its protection.**"
    if step.op == "delete":
        return f"{text} Clients that still use {code(step.old.get('repositoryId'))} fail."
    return text


def _loss(step: Step) -> str:
    return LOSSES.get(str(step.old.get("mode")), LOSSES["STANDARD_REPOSITORY"])


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
        return f"{subject} was deleted outside this stack. {ACCOUNT_LOSS}"
    if step.new and CONDITION in changed_keys(step.old, step.new):
        condition = format_value(step.new.get(CONDITION))
        return f"{subject} has a condition from outside this stack: {condition}."
    upstreams = _upstreams(step.new)
    if step.new and (added := {name: upstreams[name] for name in upstreams.keys() - _upstreams(step.old)}):
        return (
            f"{subject} has upstreams from outside this stack: {codes(sorted(added))}. Clients can have "
            "installed packages from there."
        )
    policies = delete_policies(step.new)
    if policies and policies != delete_policies(step.old):
        names = codes(policy.get("id") for policy in policies)
        return f"{subject} has cleanup policies from outside this stack that delete packages: {names}."
    return ""


def _upstreams(repository: Props) -> dict[str, Props]:
    """Return the upstream policies of a virtual repository by ID, repository and priority.

    Each of them decides whose packages clients install.
    """
    listed = list_of(mapping_of(repository.get("virtualRepositoryConfig")).get("upstreamPolicies"))
    policies = map(mapping_of, listed)
    return {
        f"{policy.get('id')}: {policy.get('repository')}, priority {policy.get('priority')}": policy
        for policy in policies
        if policy
    }


def _protection_removals(preview: Preview) -> list[str]:
    # The engine calls these steps `same`: Google does not know about protection.
    return [
        f"{capitalized_label(step)} is no longer protected. A later change can delete it."
        for step in (*preview.unchanged, *preview.changes)
        if step.op in ("same", "update") and step.was_protected and not step.is_protected
    ]


def exposures(preview: Preview) -> list[str]:
    """Return the grants to everybody, and the grants of a kind that this program does not use."""
    before, after = grants_of(preview, "old"), grants_of(preview, "new")
    names = target_names(preview)
    foreign = [
        _foreign_grant(step)
        for step in preview.changes
        if is_foreign(step) and step.op not in ("delete", RETAIN)
    ]
    public = [
        f"**Public access**: {code(member)} may now {main_right(role)} {code(names[target])}"
        f"{format_condition(condition)}."
        for (target, role, condition), members in after.items()
        for member in members.values()
        if member in PUBLIC_MEMBERS and member not in before.get((target, role, condition), {}).values()
    ]
    public_elsewhere = [
        f"**Public access**: {code(member)} was granted the right to {main_right(role)} "
        f"{code(names[target])}{format_condition(condition)} outside this stack."
        for (target, role, condition), members in grants_made_elsewhere(preview).items()
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
        if set(members).intersection(PUBLIC_MEMBERS):
            text += " (**public access**)"
    return f"{text}. This program creates no {code(step.type)}, so no other section shows its members."


def retained_access(preview: Preview) -> list[str]:
    """Return the members who leave the stack file and keep their access."""
    listed = rights_of(grants_of(preview, "new"))
    names = target_names(preview)
    targets: dict[str, dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for (target, right, condition), members in sorted(rights_of(grants_left_behind(preview)).items()):
        for key in members.keys() - listed.get((target, right, condition), {}).keys():
            targets[members[key]][right, condition].append(names[target])
    return [
        f"{format_member(member)} **keeps the right** to "
        + " and to ".join(
            f"{right} {codes(found)}{format_condition(condition)}"
            for (right, condition), found in rights.items()
        )
        + ": the grant leaves the stack and stays at Google. Revoke it by hand."
        for member, rights in sorted(targets.items())
    ]


def _takeovers(preview: Preview) -> list[str]:
    """Return the roles that a new binding writes as a whole, on targets that already exist."""
    created = {
        target_of(step, step.new)
        for step in preview.changes
        if step.op in ("create", "replace") and step.type in (REPOSITORY, ACCOUNT)
    }
    names = target_names(preview)
    targets: dict[tuple[str, str], set[str]] = defaultdict(set)
    for step in preview.changes:
        if step.op == "create" and step.type in BINDINGS:
            target, role, condition = full_grant(step, step.new)
            # The address of a new account can be unknown.
            if created.isdisjoint((target, target.partition("@")[0])):
                targets[main_right(role), condition].add(names.get(target, target))
    if not targets:
        return []
    rights = "; ".join(
        f"{right} {codes(sorted(found))}{format_condition(condition)}"
        for (right, condition), found in sorted(targets.items())
    )
    return [
        f"After this update, only the stack file controls who may {rights}. "
        "The update revokes such grants from outside this stack, and no preview shows them: check the IAM "
        "policies."
    ]


def _contract_changes(preview: Preview) -> list[str]:
    """Return the outputs that other projects lose, and a new version of the contract."""
    before, after = preview.outputs_before, preview.outputs_after
    if after is None or preview.failed:
        return []
    texts: list[str] = []
    removed = [name for name in before if name not in after]
    if removed:
        texts.append(f"Outputs that other projects can read are removed: {codes(removed)}.")
    old, new = before.get(CONTRACT), after.get(CONTRACT)
    if None not in (old, new) and old != new:
        change = f"{code(old)} → {code(new)}"
        texts.append(f"The contract with other projects changes: {code(CONTRACT)} {change}.")
    return texts
