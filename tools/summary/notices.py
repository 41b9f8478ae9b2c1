"""The sections "Policies", "Other events" and "Messages": what a preview says apart from its steps.

Owns the words for policies, diagnostics and unknown events. The warning, which `warnings.py` owns, also
names mandatory policies that are violated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from tools.summary.differences import format_change, without_empty
from tools.summary.events import Message, Remediation, Violation
from tools.summary.markdown import Lines, block, code, codes, visible
from tools.summary.previews import STACK, Preview, Step
from tools.summary.wording import label_of, without_urns

# The order of the severities. Others come first.
SEVERITIES = ("error", "warning", "info#err", "info", "")
SEVERITY_WORDS = {
    "info#err": "standard error",
    "info": "information",
    "": "without a severity",
}
# A summary that is too long for a comment has only so much of each text and each list.
MAX_TEXT_LENGTH = 2000
MAX_ENTRIES = 20
MAX_LONG_TEXTS = 10


def shortened(preview: Preview) -> Preview:
    """Return the preview with shorter texts and lists, so that they leave space for the changes."""
    notices = preview.notices
    errors = preview.errors
    more = len(errors) - MAX_LONG_TEXTS
    rest = [Message(severity="error", text=f"and {more} more errors")] if more > 0 else []
    short = replace(
        notices,
        is_shortened=True,
        errors=[*map(_short_message, errors[:MAX_LONG_TEXTS]), *rest],
        messages=[_short_message(message) for message in _joined(notices.messages)],
        failed_steps=list(dict.fromkeys(notices.failed_steps))[:MAX_ENTRIES],
        violations=[replace(v, text=_short(v.text)) for v in notices.violations],
        unknown={name: _short_list(excerpts) for name, excerpts in notices.unknown.items()},
    )
    incomplete = [step.urn for step in (*preview.changes, *preview.unchanged) if step.init_errors]
    listed = {*incomplete[:MAX_LONG_TEXTS]}
    return replace(
        preview,
        notices=short,
        changes=[_short_step(step, listed) for step in preview.changes],
        unchanged=[_short_step(step, listed) for step in preview.unchanged],
    )


def _short(text: str) -> str:
    """Return the start and the end of a text: the end of a traceback says what failed."""
    text, half = visible(text), MAX_TEXT_LENGTH // 2
    left_out = len(text) - MAX_TEXT_LENGTH
    return text if left_out <= 0 else f"{text[:half]}\n… {left_out} characters …\n{text[-half:]}"


def _short_message(message: Message) -> Message:
    return replace(message, text=_short(message.text), urn=message.urn[:MAX_TEXT_LENGTH])


def _short_list(texts: Iterable[str]) -> list[str]:
    listed = list(dict.fromkeys(texts))
    more = len(listed) - MAX_ENTRIES
    return [*listed[:MAX_ENTRIES], *([f"and {more:,} more"] if more > 0 else [])]


def _short_step(step: Step, listed: set[str]) -> Step:
    errors = (_short("\n".join(step.init_errors)),) if step.init_errors and step.urn in listed else ()
    return replace(step, init_errors=errors)


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
    shown = urns[:MAX_ENTRIES] if preview.notices.is_shortened else urns
    resources = [label_of(preview, urn) for urn in shown if urn]
    if len(urns) > len(shown):
        resources.append(f"and {len(urns) - len(shown):,} more")
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
    notices = preview.notices
    policies = sorted({v.policy for v in notices.violations if v.level in ("mandatory", "remediate")})
    return _short_list(policies) if notices.is_shortened else policies


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
