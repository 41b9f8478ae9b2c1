"""The section "Changes": every resource that changes, one per line. Grants are in `access.py`."""

from __future__ import annotations

from tools.summary.differences import format_change
from tools.summary.grants import GRANTS, REPOSITORY
from tools.summary.markdown import Lines, code
from tools.summary.previews import RETAIN, Preview, Step
from tools.summary.wording import (
    CONDITION,
    INTERNAL,
    OPERATION_WORDS,
    RULE,
    change_reasons,
    changed_keys,
    label,
    provider_labels,
    secret_changes,
)

MODES = {
    "STANDARD_REPOSITORY": "for uploads",
    "REMOTE_REPOSITORY": "remote cache",
    "VIRTUAL_REPOSITORY": "virtual",
}


def changes_section(preview: Preview, *, access_changes: bool) -> Lines:
    """Return the section, empty if no resource changes.

    Args:
        preview: what would change.
        access_changes: whether the section "Access" reports the grants.
    """
    lines: Lines = []
    for op, word in OPERATION_WORDS.items():
        for step in preview.changes:
            if step.op == op and step.type not in GRANTS:
                text = _described(step) if op in ("create", "import") else label(step)
                details = "; ".join(_details(step))
                lines.append(f"- {word}: {text}{': ' if details else ''}{details}")
    grants = [step for step in preview.changes if step.type in GRANTS]
    if grants and not access_changes:
        # The engine counts these, so the summary names them. There is nothing to review in them.
        count = "1 grant is" if len(grants) == 1 else f"{len(grants)} grants are"
        lines.append(f"- {count} written again; no member in the stack file gains or loses access")
    return ["", "**Changes**", "", *lines] if lines else []


def other_operations_section(preview: Preview) -> Lines:
    """Return the steps that read or that change only the state, and those that this tool does not know."""
    lines = [f"- {code(step.op)}: {label(step)}" for step in preview.others]
    return ["", "**Other operations**", "", *lines] if lines else []


def _described(step: Step) -> str:
    """Return the label of a new resource, with its kind, location and protection."""
    details = [MODES.get(str(step.new.get("mode")), "")]
    details += [code(step.new["location"])] if step.type == REPOSITORY and "location" in step.new else []
    details += ["protected"] if step.is_protected else []
    if step.type == RULE:
        details.append(f"{code(step.new.get('action'))} {code(step.new.get('packageId'))}")
    text = ", ".join(filter(None, details))
    return label(step) + (f" ({text})" if text else "")


def _details(step: Step) -> list[str]:
    if step.op == "delete" and step.old.get("disableOnDestroy") is False:
        return ["it stays enabled, because others may use it"]
    if step.op == RETAIN:
        return ["it leaves the stack and stays at Google"]
    if step.op in ("create", "delete") or (step.op == "import" and not step.diffs):
        return []
    # Inputs show the change without what Google computes. If they are equal, the state shows it.
    keys = changed_keys(step.old_inputs, step.new_inputs, INTERNAL)
    if step.op == "import":
        # The inputs that the engine reads have some defaults, and the program has others.
        keys = [key for key in keys if key in step.diffs]
    details = [format_change(key, step.old_inputs, step.new_inputs) for key in keys if key != CONDITION]
    if not keys:
        in_state = set(step.diffs).intersection(changed_keys(step.old, step.new)) - {CONDITION}
        details = [format_change(key, step.old, step.new) for key in sorted(in_state)]
    details += [*secret_changes(step), *provider_labels(step)]
    if step.tainted:
        details.append("it is marked to be replaced")
    same_protection = step.was_protected == step.is_protected
    if not details and CONDITION not in (*keys, *step.diffs) and (step.diffs or same_protection):
        details = change_reasons(step)
    if step.was_protected != step.is_protected:
        details.append("protected" if step.is_protected else "no longer protected")
    return details
