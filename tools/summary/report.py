"""The summary of a preview, as one pull-request comment.

Owns the heading and the order of the sections; each section has a module of its own. Reports facts only:
the reviewer decides whether a change is good.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from tools.scan_secrets import ANY_TOKEN
from tools.summary.access import access_section
from tools.summary.changes import changes_section, other_operations_section
from tools.summary.clients import clients_section
from tools.summary.drift import drift_section
from tools.summary.events import UNREADABLE_LINE
from tools.summary.grants import GRANTS
from tools.summary.notices import messages_section, policies_section, unknown_section
from tools.summary.previews import NEUTRAL, Preview
from tools.summary.warnings import warning_section
from tools.summary.wording import OPERATION_WORDS, without_passwords

SHORTENED = "**Long messages are shortened here. The run's log has all of them.**"


@dataclass(frozen=True)
class Summary:
    """A summary's text, of any length, and whether the preview found anything to report."""

    text: str
    has_changes: bool


def summarize(preview: Preview, heading: str) -> Summary:
    """Return the summary as Markdown. Without changes, its first line says so."""
    access = access_section(preview)
    changes = [
        *access,
        *clients_section(preview),
        *changes_section(preview, access_changes=bool(access)),
        *drift_section(preview),
    ]
    warning = warning_section(preview)
    # An unknown operation can be a change, and so can a line that is not readable.
    unclear = UNREADABLE_LINE in preview.notices.unknown or any(
        step.op not in NEUTRAL for step in preview.others
    )
    has_changes = bool(warning or changes) or unclear
    overview = _overview(preview, access_changes=bool(access))
    title = (
        f"### {heading}{': ' if overview else ''}{overview}" if has_changes else f"{heading}: No changes."
    )
    # A long summary is cut at its end, so no text of a policy or a program is before the changes.
    sections = [
        *(["", SHORTENED] if preview.notices.is_shortened else []),
        *warning,
        *changes,
        *policies_section(preview),
        *unknown_section(preview),
        *other_operations_section(preview),
        *messages_section(preview),
    ]
    text = without_passwords("\n".join([title, *sections]))
    return Summary(re.sub(ANY_TOKEN.decode(), "[token]", text).rstrip("\n") + "\n", has_changes=has_changes)


def _overview(preview: Preview, *, access_changes: bool) -> str:
    if preview.cli_too_old:
        return "the Pulumi CLI is too old"
    if preview.failed:
        return "the preview was canceled" if preview.notices.result == "canceled" else "the preview failed"
    counts = Counter(step.op for step in preview.changes if step.type not in GRANTS)
    parts = [f"{counts[op]} {word.lower()}" for op, word in OPERATION_WORDS.items() if counts[op]]
    return ", ".join([*parts, *(["access changes"] if access_changes else [])])
