"""The section about drift: what differs from the last update, and whether the next one restores it."""

from __future__ import annotations

from tools.summary.grants import GRANTS, grant_of, main_right, members_of
from tools.summary.markdown import Lines, code
from tools.summary.previews import Preview, Step
from tools.summary.wording import changed_keys, format_change, format_member, label


def drift_section(preview: Preview) -> Lines:
    """Return the section, empty if a refresh found no difference."""
    restored = {step.urn for step in preview.changes}
    missing = {step.old.get("repositoryId") for step in preview.drift if not step.new}
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
    added = [after[key] for key in sorted(after.keys() - before.keys())]
    removed = [before[key] for key in sorted(before.keys() - after.keys())]
    return [
        f"- {format_member(member)} {verb} the right to {main_right(role)} {code(target)}; {outcome}"
        for verb, members in (("was granted", added), ("lost", removed))
        for member in members
    ]
