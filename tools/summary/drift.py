"""The section about drift: what differs from the last update, and whether the next one restores it."""

from __future__ import annotations

from collections.abc import Mapping

from components.args import member_identity
from tools.summary.differences import format_change
from tools.summary.grants import GRANTS, grant_of, main_right, members_of
from tools.summary.markdown import Lines, code
from tools.summary.previews import Preview, Step
from tools.summary.wording import changed_keys, deleted_member, format_member, label


def drift_section(preview: Preview) -> Lines:
    """Return the section, empty if a refresh found no difference."""
    restored = {step.urn for step in preview.changes}
    missing = {str(step.old.get("repositoryId")) for step in preview.drift if not step.new}
    lines: Lines = []
    for step in preview.drift:
        # A deleted repository has no grants either. One line is enough.
        if step.type in GRANTS and not step.new and grant_of(step, step.old)[0] in missing:
            continue
        outcome = "this update reverts it" if step.urn in restored else "this update does not revert it"
        if not step.new:
            outcome = "this update creates it again" if step.urn in restored else outcome
            lines.append(f"- {label(step)} was deleted; {outcome}")
        elif step.type in GRANTS:
            lines += _member_lines(step, outcome)
        else:
            details = [format_change(key, step.old, step.new) for key in changed_keys(step.old, step.new)]
            if details:
                lines.append(f"- {label(step)}: {'; '.join(details)}; {outcome}")
    return ["", "**Changed outside this stack since the last update**", "", *lines] if lines else []


def _member_lines(step: Step, outcome: str) -> Lines:
    before, after = members_of(step.old), members_of(step.new)
    target, role = grant_of(step, step.new)
    right = f"{main_right(role)} {code(target)}"
    added = [after[key] for key in sorted(after.keys() - before.keys())]
    removed = [before[key] for key in sorted(before.keys() - after.keys())]
    # Google renames a member whose account was deleted. It did not gain or lose a right.
    deleted = {member: account for member in added if (account := deleted_member(member)) is not None}
    lines = [
        f"- The account of {format_member(account)} was deleted, so its right to {right} has no effect: "
        f"Google keeps the entry {code(member)}. {_advice(account, before)}; {outcome}"
        for member, account in deleted.items()
    ]
    renamed = {member_identity(account) for account in deleted.values()}
    return lines + [
        f"- {format_member(member)} {verb} the right to {right}; {outcome}"
        for verb, members in (("was granted", added), ("lost", removed))
        for member in members
        if member not in deleted and member_identity(member) not in renamed
    ]


def _advice(account: str, listed: Mapping[str, str]) -> str:
    if member_identity(account) in listed:
        return "A new account of this name has the right only after an update with `--refresh`"
    return "This member is not in the stack file"
