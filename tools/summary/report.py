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
from tools.summary.changes import changes_section
from tools.summary.clients import clients_section
from tools.summary.drift import drift_section
from tools.summary.grants import GRANTS
from tools.summary.previews import Preview
from tools.summary.warnings import warning_section
from tools.summary.wording import OPERATION_WORDS


@dataclass(frozen=True)
class Summary:
    """A summary's text, of any length, and whether the preview found anything to report."""

    text: str
    has_changes: bool


def summarize(preview: Preview, heading: str) -> Summary:
    """Return the summary as Markdown. Without changes, it is one line."""
    access = access_section(preview)
    sections = [
        *warning_section(preview),
        *access,
        *clients_section(preview),
        *changes_section(preview, access_changes=bool(access)),
        *drift_section(preview),
    ]
    if not sections:
        return Summary(f"{heading}: No changes.\n", has_changes=False)
    overview = _overview(preview, access_changes=bool(access))
    text = "\n".join([f"### {heading}{': ' if overview else ''}{overview}", *sections])
    return Summary(re.sub(ANY_TOKEN.decode(), "[token]", text) + "\n", has_changes=True)


def _overview(preview: Preview, *, access_changes: bool) -> str:
    if preview.failed:
        return "the preview failed"
    counts = Counter(step.op for step in preview.changes if step.type not in GRANTS)
    parts = [f"{counts[op]} {word.lower()}" for op, word in OPERATION_WORDS.items() if counts[op]]
    return ", ".join([*parts, *(["access changes"] if access_changes else [])])
