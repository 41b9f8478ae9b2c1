"""The section "Changes": every resource that changes, one per line. Grants are in `access.py`."""

from __future__ import annotations

from tools.summary.grants import GRANTS, REPOSITORY
from tools.summary.markdown import Lines, code
from tools.summary.previews import RETAIN, Preview, Step
from tools.summary.wording import CONDITION, OPERATION_WORDS, RULE, changed_keys, format_change, label

MODES = {
    "STANDARD_REPOSITORY": "for uploads",
    "REMOTE_REPOSITORY": "remote cache",
    "VIRTUAL_REPOSITORY": "virtual",
}
# Default labels and the provider's own label (`gcp:defaultLabels`, `gcp:addPulumiAttributionLabel`).
LABEL_WORDS = {"add": "added", "update": "changed", "delete": "removed"}


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


def _described(step: Step) -> str:
    """Return the label of a new resource, with its kind, location and protection."""
    details = [MODES.get(step.new.get("mode", ""), "")]
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
    if step.op in ("create", "import", "delete"):
        return []
    # Inputs show the change without what Google computes. If they are equal, the state shows it.
    keys = changed_keys(step.old_inputs, step.new_inputs)
    details = [format_change(key, step.old_inputs, step.new_inputs) for key in keys if key != CONDITION]
    if not keys:
        in_state = set(step.diffs).intersection(changed_keys(step.old, step.new)) - {CONDITION}
        details = [format_change(key, step.old, step.new) for key in sorted(in_state)]
    if step.provider_labels:
        labels = [
            f"{code(name)} {LABEL_WORDS.get(verb, verb)}" for name, verb in step.provider_labels.items()
        ]
        details.append(f"labels of the provider: {', '.join(labels)}")
    if step.was_protected != step.is_protected:
        details.append("protected" if step.is_protected else "no longer protected")
    return details
