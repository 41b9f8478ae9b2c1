"""The sections "Policies", "Other events" and "Messages": what a preview says apart from its steps.

Owns the words for policies, diagnostics and unknown events. The warning, which `warnings.py` owns, also
names mandatory policies that are violated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tools.summary.differences import format_change, without_empty
from tools.summary.events import Message, Remediation, Violation
from tools.summary.markdown import Lines, block, code, codes
from tools.summary.previews import STACK, Preview
from tools.summary.wording import label_of, without_urns

# The order of the severities. Others come first.
SEVERITIES = ("error", "warning", "info#err", "info", "")
SEVERITY_WORDS = {
    "info#err": "standard error",
    "info": "information",
    "": "without a severity",
}


def policies_section(preview: Preview) -> Lines:
    """Return the section, empty if no policy pack ran."""
    notices = preview.notices
    violations = dict.fromkeys(notices.violations)
    # The same message for several resources is one entry.
    groups: dict[Violation, list[str]] = {}
    for violation in violations:
        key = Violation(**{**vars(violation), "urn": ""})
        groups.setdefault(key, []).append(violation.urn)
    lines: Lines = []
    for violation, urns in sorted(groups.items(), key=lambda item: _violation_order(item[0])):
        lines += _violation_lines(preview, violation, urns)
    for remediation in notices.remediations:
        lines += _remediation_lines(preview, remediation)
    reported = {(v.pack, v.policy) for v in (*notices.violations, *notices.remediations)}
    for name, pack in sorted(notices.packs.items()):
        unreported = sorted(policy for policy in pack.failed if (name, policy) not in reported)
        passed = len(pack.passed - pack.failed)
        result = f"{passed} {'policy' if passed == 1 else 'policies'} passed, {len(pack.failed)} failed"
        if not pack.passed and not pack.failed:
            result = "no policy of this pack ran"
        also = f", failed without a message: {codes(unreported)}" if unreported else ""
        lines.append(f"- Policy pack {code(name)}: {result}{also}")
    return ["", "**Policies**", "", *lines] if lines else []


def _violation_order(violation: Violation) -> tuple[bool, str, str, str]:
    return violation.level == "advisory", violation.pack, violation.policy, violation.text


def _violation_lines(preview: Preview, violation: Violation, urns: list[str]) -> Lines:
    level = violation.level or "no enforcement level"
    severity = f", severity {code(violation.severity)}" if violation.severity else ""
    resources = [label_of(preview, urn) for urn in urns if urn]
    where = f" on {', '.join(resources)}" if resources else ""
    subject = f"{code(violation.policy)} of {code(violation.pack)} ({code(level)}{severity})"
    return _with_text(f"- Violated: {subject}{where}", violation.text)


def _remediation_lines(preview: Preview, remediation: Remediation) -> Lines:
    before, after = remediation.before, remediation.after
    changes = [
        format_change(key, before, after)
        for key in sorted({*before, *after})
        if without_empty(before.get(key)) != without_empty(after.get(key))
    ]
    text = f"- Changed by the policy {code(remediation.policy)} of {code(remediation.pack)}: "
    return [f"{text}{label_of(preview, remediation.urn)}: {'; '.join(changes) or 'no property'}"]


def mandatory_violations(preview: Preview) -> list[str]:
    """Return the policies whose violation stops an update."""
    return sorted({v.policy for v in preview.notices.violations if v.level in ("mandatory", "remediate")})


def unknown_section(preview: Preview) -> Lines:
    """Return the events that this tool does not know or cannot read, each with its content."""
    notices = preview.notices
    lines: Lines = []
    for name, excerpts in sorted(notices.unknown.items()):
        counts = Counter(excerpts)
        for excerpt, count in counts.items():
            times = f" ({count} times)" if count > 1 else ""
            lines.append(f"- {code(name)}{times}: {code(excerpt)}")
    if not lines:
        return []
    return [
        *("", "**Other events**", ""),
        "This version of `tools summary` does not know these events, or cannot read them.",
        *("", *lines),
    ]


def messages_section(preview: Preview) -> Lines:
    """Return the diagnostics that are not errors, the most severe first."""
    messages = _joined(preview.notices.messages)
    lines: Lines = []
    for severity in sorted({m.severity for m in messages}, key=_severity_order):
        for message, count in Counter(m for m in messages if m.severity == severity).items():
            where = message_place(preview, message)
            times = f" ({count} times)" if count > 1 else ""
            word = SEVERITY_WORDS.get(severity) or (severity if severity == "warning" else code(severity))
            lines += _with_text(f"- {word[0].upper()}{word[1:]}{where}{times}", message.text)
    return ["", "**Messages**", "", *lines] if lines else []


def message_place(preview: Preview, message: Message) -> str:
    """Return the resource that a message is about, as words after it; empty for the stack."""
    if not message.urn or "::" + STACK + "::" in message.urn:
        return ""
    return f" on {label_of(preview, message.urn)}"


def _severity_order(severity: str) -> tuple[int, str]:
    return (SEVERITIES.index(severity) if severity in SEVERITIES else -1), severity


def _joined(messages: Iterable[Message]) -> list[Message]:
    """Join the lines of one output. The engine reports each line that a program prints separately."""
    joined: list[Message] = []
    for message in messages:
        last = joined[-1] if joined else None
        if last and message.severity == last.severity == "info#err" and message.urn == last.urn:
            text = f"{last.text}\n{message.text}".strip("\n")
            joined[-1] = Message(severity="info#err", urn=last.urn, text=text)
        else:
            joined.append(message)
    return joined


def _with_text(start: str, text: str) -> Lines:
    """Return a text after its start: on the same line if it is one line, otherwise as a code block."""
    text = without_urns(text)
    if not text:
        return [start]
    if "\n" not in text:
        return [f"{start}: {code(text)}"]
    return [f"{start}:", "", *block(text), ""]
