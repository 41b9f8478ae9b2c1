"""What of a preview a reviewer must not miss: what is lost, who gets in by an unusual way.

Owns the warning at the top of a summary; what is said below it is in `summary.py`.
"""

from __future__ import annotations

from collections import defaultdict

from tools.summary.grants import (
    ACCOUNT,
    BINDINGS,
    REPOSITORY,
    deleted,
    foreign_grants,
    grant_of,
    granted,
    granted_by_others,
    is_foreign,
    left_behind,
    main_right,
    rights_of,
)
from tools.summary.markdown import Lines, block, code, codes
from tools.summary.previews import RETAIN, Preview, Props, Step
from tools.summary.wording import (
    CONDITION,
    DONE,
    RULE,
    differing,
    member_called,
    sentence,
    shown,
    without_urns,
)

EVERYBODY = ("allUsers", "allAuthenticatedUsers")
# What a grant of any kind says beside what it is on.
ROLE_OF = ("role", "member", "members", "policyData", "condition")
LOST = {
    "STANDARD_REPOSITORY": "**Every package in it is lost**, unless it was copied before",
    "REMOTE_REPOSITORY": "It is a cache and fills again; versions that are gone upstream are lost",
    "VIRTUAL_REPOSITORY": "It is a view and holds no packages",
}
CONTRACT = "contract_version"


def warnings(preview: Preview) -> Lines:
    """The box at the top of a summary; nothing where nothing is dangerous."""
    found: list[Lines] = []
    if preview.failed:
        found.append(["**The preview failed**: nothing of this can be deployed as it is. It said:"])
        found += [block(without_urns(error)) for error in preview.errors]
    targets_lost = deleted(preview)
    # What cannot be had again comes first.
    for step in sorted(preview.changes, key=_is_no_upload):
        found += [[text] for text in _losses(step, targets_lost, refused=preview.failed)]
    found += [[text] for step in sorted(preview.drift, key=_is_no_upload) for text in _by_hand(step)]
    # The engine calls these the same: protection is nothing of the cloud's.
    found += [
        [f"{sentence(step)} is no longer protected: a later change may delete it."]
        for step in (*preview.unchanged, *preview.changes)
        if step.op in ("same", "update") and step.was_protected and not step.is_protected
    ]
    found += [[text] for text in (*_opened(preview), *_kept(preview), *_taken_over(preview))]
    after = preview.outputs_after
    if after is not None and not preview.failed:
        gone = [name for name in preview.outputs_before if name not in after]
        if gone:
            found.append([f"Outputs that other projects may read are gone: {codes(gone)}."])
        versions = preview.outputs_before.get(CONTRACT), after.get(CONTRACT)
        if None not in versions and versions[0] != versions[1]:
            change = f"{code(versions[0])} → {code(versions[1])}"
            found.append([f"The contract with other projects changes: {code(CONTRACT)} {change}."])
    if not found:
        return []
    lines = ["", "> [!WARNING]"]
    for number, paragraph in enumerate(found):
        lines += [">"] * bool(number) + [f"> {line}".rstrip() for line in paragraph]
    return lines


def _is_no_upload(step: Step) -> bool:
    return step.old.get("mode") != "STANDARD_REPOSITORY"


def _losses(step: Step, targets_lost: set[str], *, refused: bool) -> list[str]:
    """What cannot be had again once this step is done."""
    found: list[str] = []
    what = sentence(step)
    if step.op in ("replace", "delete") and step.type == REPOSITORY:
        verb = "replaced" if step.op == "replace" else "deleted"
        for_ = f" for its {codes(step.replaced_for)}" if step.replaced_for else ""
        text = f"{what} would be {verb}{for_}. " if refused else f"{what} is {verb}{for_}. "
        text += LOST.get(step.old.get("mode", ""), LOST["STANDARD_REPOSITORY"]) + "."
        if refused and (step.is_protected or (step.op == "delete" and step.was_protected)):
            text += " It is protected: the engine refuses."
        elif step.was_protected:
            text += " **Its protection is taken off by the same change.**"
        elif step.op == "delete":
            text += f" Clients that still use {code(step.old.get('repositoryId'))} are refused."
        found.append(text)
    elif step.op in ("replace", "delete") and step.type == ACCOUNT:
        found.append(
            f"{what} is {step.op}d: whatever acts as it stops, and one of that name made later is another."
        )
    elif step.op == "delete" and step.type == RULE:
        package, cache = step.old.get("packageId"), str(step.old.get("repositoryId"))
        if cache in targets_lost:
            found.append(
                f"{code(package)} is no longer kept apart: without {code(cache)}, pip asks PyPI itself, "
                "and may take a stranger's from there."
            )
        else:
            found.append(f"{code(package)} may be downloaded from {code(cache)} again.")
    return found


def _by_hand(step: Step) -> list[str]:
    """What a refresh found that no `up` brings back."""
    what = sentence(step)
    if step.type == REPOSITORY and not step.new:
        lost = LOST.get(step.old.get("mode", ""), LOST["STANDARD_REPOSITORY"])
        return [f"{what} was deleted outside this stack. {lost}."]
    if step.type == ACCOUNT and not step.new:
        return [
            f"{what} was deleted outside this stack: whatever acts as it stopped, and a new one is another."
        ]
    if step.new and CONDITION in differing(step.old, step.new):
        return [f"{what} lets in whom somebody chose outside this stack: {shown(step.new.get(CONDITION))}."]
    if (policies := _deleting(step.new)) and policies != _deleting(step.old):
        names = codes(policy.get("id") for policy in policies)
        return [f"{what} has cleanup policies from outside this stack, which delete packages: {names}."]
    return []


def _deleting(repository: Props) -> list[Props]:
    """Its cleanup policies that delete, if any of them does anything."""
    policies = () if repository.get("cleanupPolicyDryRun") else repository.get("cleanupPolicies")
    return [policy for policy in policies or () if policy.get("action") == "DELETE"]


def _opened(preview: Preview) -> list[str]:
    before, after = granted(preview, "old"), granted(preview, "new")
    return (
        [
            _let_in(step)
            for step in preview.changes
            if is_foreign(step) and step.op not in ("delete", RETAIN)
        ]
        + [
            f"{code(member)} is the whole world, and may now {main_right(role)} {code(target)}."
            for (target, role), members in after.items()
            for member in members.values()
            if member in EVERYBODY and member not in before.get((target, role), {}).values()
        ]
        + [
            f"{code(member)} is the whole world, and was granted by others to {main_right(role)} "
            f"{code(target)}."
            for (target, role), members in granted_by_others(preview).items()
            for member in members.values()
            if member in EVERYBODY
        ]
    )


def _let_in(step: Step) -> str:
    """A grant of another kind than the program's own: what it says of itself, no more is known of it."""
    on = [text for key, text in step.new_inputs.items() if key not in ROLE_OF and isinstance(text, str)]
    text = f"{sentence(step)} is {DONE[step.op].lower()}{' on ' if on else ''}{', '.join(map(shown, on))}"
    for role, members in foreign_grants(step.new):
        text += f", {code(role)} for {', '.join(map(member_called, members)) or 'nobody'}"
        if world := [member for member in members if member in EVERYBODY]:
            text += f" (**{codes(world)} is the whole world**)"
    return f"{text}. This program makes no {code(step.type)}: who gets in by it is said nowhere else here."


def _kept(preview: Preview) -> list[str]:
    """Who is in the stack's file no longer, and may go on all the same."""
    listed = rights_of(granted(preview, "new"))
    rights: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (target, may), members in sorted(rights_of(left_behind(preview)).items()):
        for key in members.keys() - listed.get((target, may), {}).keys():
            rights[members[key]][may].append(target)
    return [
        f"{member_called(member)} **may go on** to "
        + " and to ".join(f"{may} {codes(targets)}" for may, targets in found.items())
        + ": the grant leaves the stack, not Google. Take it away by hand."
        for member, found in sorted(rights.items())
    ]


def _taken_over(preview: Preview) -> list[str]:
    """What becomes the stack's alone to grant: a new binding empties the list that it finds."""
    made = {
        str(step.new.get("repositoryId") or step.new.get("accountId"))
        for step in preview.changes
        if step.op in ("create", "replace") and step.type in (REPOSITORY, ACCOUNT)
    }
    targets: dict[str, set[str]] = defaultdict(set)
    for step in preview.changes:
        if step.op == "create" and step.type in BINDINGS:
            target, role = grant_of(step, step.new)
            if target.partition("@")[0] not in made:
                targets[main_right(role)].add(target)
    if not targets:
        return []
    rights = "; ".join(f"{may} {codes(sorted(found))}" for may, found in sorted(targets.items()))
    return [
        f"From this `up` on the stack's file alone says who may {rights}. "
        "What others granted of that goes, and no preview shows it: look at the IAM policies."
    ]
