"""The table of the engine's events, and the reader of every event that is not a step.

Owns which events and fields a reviewer is told about. `EVENTS` follows `EngineEvent` in the CLI's
sdk/go/common/apitype/events.go, which is the same file in 3.244 and in 3.259. docs/preview-events.md says
what each of them becomes in the summary. `previews.py` reads the steps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

Props = Mapping[str, Any]

_POLICY = ("color", "policyName", "policyPackName", "policyPackVersion", "policyPackVersionTag")
_PACK = ("policyPackName", "policyPackVersion", "policyPackVersionTag", "passed", "failed")
# Every event, with its fields.
EVENTS: Mapping[str, tuple[str, ...]] = {
    "cancelEvent": (),
    "stdoutEvent": ("message", "color"),
    "diagnosticEvent": ("urn", "prefix", "message", "color", "severity", "streamID", "ephemeral"),
    "preludeEvent": ("config",),
    "summaryEvent": (
        *("maybeCorrupt", "durationSeconds", "resourceChanges", "PolicyPacks", "isPreview", "result"),
    ),
    "resourcePreEvent": ("metadata", "planning"),
    "resOutputsEvent": ("metadata", "planning"),
    "resOpFailedEvent": ("metadata", "status", "steps"),
    "policyEvent": ("resourceUrn", "message", *_POLICY, "enforcementLevel", "severity"),
    "policyRemediationEvent": ("resourceUrn", *_POLICY, "before", "after"),
    "policyLoadEvent": (),
    "policyAnalyzeSummaryEvent": ("resourceUrn", *_PACK),
    "policyRemediateSummaryEvent": ("resourceUrn", *_PACK),
    "policyAnalyzeStackSummaryEvent": _PACK,
    "startDebuggingEvent": ("config",),
    "progressEvent": ("type", "id", "message", "received", "total", "done"),
    "errorEvent": ("error",),
}
# The fields of every event that are not its content.
ENVELOPE = ("sequence", "timestamp")
# Events that say nothing about what would change: the end of the stream, progress, and the configuration,
# which the pull request shows.
LEFT_OUT = ("cancelEvent", "preludeEvent", "policyLoadEvent", "progressEvent")
# Debug messages describe the engine's own work: about a hundred in each preview.
LEFT_OUT_SEVERITY = "debug"
# The engine's markup for colors.
COLOR = re.compile(r"<\{%[^%]*%\}>")
# sdk/go/common/resource/sig: the key of an object that is a secret or an asset. A summary shows none.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "[secret]"  # noqa: S105  # the engine writes secrets like this, too
# Properties of the Google provider that are credentials, whether or not they are secrets in the state.
CREDENTIALS = ("credentials", "accessToken")
# The longest excerpt of an event that is not known.
MAX_EXCERPT_LENGTH = 1000
# The name of a line that is not a JSON object, among the events that are not known. It can be a change.
UNREADABLE_LINE = "unreadable line"
MAX_LINE_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class Message:
    """A diagnostic, or a text that the engine printed."""

    severity: str
    text: str
    urn: str = ""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A policy that a resource violates."""

    policy: str
    pack: str
    level: str
    severity: str
    text: str
    urn: str


@dataclass(frozen=True, kw_only=True)
class Remediation:
    """A policy that changes the properties of a resource."""

    policy: str
    pack: str
    urn: str
    before: Props
    after: Props


@dataclass(kw_only=True)
class Pack:
    """The results of one pack's policies."""

    passed: set[str] = field(default_factory=set[str])
    failed: set[str] = field(default_factory=set[str])


@dataclass(kw_only=True)
class Notices:
    """Everything in a preview that is not a step.

    Attributes:
        messages: diagnostics of every severity except errors and `debug`, in their order.
        errors: diagnostics with the severity `error`, and internal errors of the CLI.
        violations: policies that resources violate.
        remediations: policies that change resources.
        packs: the policy packs that ran, by name and version.
        failed_steps: the operation and the URN of each step that failed.
        unknown: events and fields that this tool cannot read, with an excerpt of each.
        maybe_corrupt: whether the engine found resources in an invalid state.
        is_update: whether the events are those of an update.
        result: the preview's result, or None if the engine printed none.
        ended: whether the engine printed its summary.
        is_shortened: whether long texts and lists are shortened, for a comment.
    """

    messages: list[Message] = field(default_factory=list[Message])
    errors: list[Message] = field(default_factory=list[Message])
    violations: list[Violation] = field(default_factory=list[Violation])
    remediations: list[Remediation] = field(default_factory=list[Remediation])
    packs: dict[str, Pack] = field(default_factory=dict[str, Pack])
    failed_steps: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    unknown: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    maybe_corrupt: bool = False
    is_update: bool = False
    result: str | None = None
    ended: bool = False
    is_shortened: bool = False


def text_of(value: Any) -> str:
    """Return a field as text. A field that is missing or null is empty; any other type is JSON."""
    if isinstance(value, str):
        return COLOR.sub("", value)
    return "" if value is None else json.dumps(value, default=str)


def mapping_of(value: Any) -> Props:
    """Return a field as a mapping, empty if it is anything else."""
    return cast("Props", value) if isinstance(value, Mapping) else {}


def list_of(value: Any) -> list[Any]:
    """Return a field as a list. One value is a list of one."""
    if isinstance(value, list):
        return cast("list[Any]", value)
    return [] if value is None else [value]


def clean(values: Props) -> Props:
    """Return the values without secrets, and without a provider's credentials."""
    return {
        key: SECRET if key in CREDENTIALS and value else _without_secrets(value)
        for key, value in values.items()
    }


def _without_secrets(value: Any) -> Any:
    """Return the value with every secret in it replaced."""
    if isinstance(value, dict):
        values = cast("dict[str, Any]", value)
        return SECRET if SIGNATURE in values else clean(values)
    return [_without_secrets(v) for v in cast("list[Any]", value)] if isinstance(value, list) else value


def excerpt(payload: Any) -> str:
    """Return the start of an event's content, without secrets."""
    text = COLOR.sub("", json.dumps(_without_secrets(payload), ensure_ascii=False, default=str))
    return text if len(text) <= MAX_EXCERPT_LENGTH else f"{text[:MAX_EXCERPT_LENGTH]}…"


def line_excerpt(line: str) -> str:
    """Return the start of a line that is not a JSON object, or only its length if it has a secret."""
    if any(word in line for word in (SIGNATURE, *(f'"{key}"' for key in CREDENTIALS))):
        return f"{SECRET} in a line of {len(line)} characters"
    return line if len(line) <= MAX_LINE_LENGTH else f"{line[:MAX_LINE_LENGTH]}…"


def read_diagnostic(notices: Notices, payload: Props) -> None:
    """Add a diagnostic, in either format."""
    severity = text_of(payload.get("severity"))
    # An error's prefix repeats its severity. The document joins both.
    text = text_of(payload.get("message")).strip("\n").rstrip().removeprefix(f"{severity}: ")
    prefix = text_of(payload.get("prefix")).strip().removesuffix(":")
    if prefix and prefix not in (severity, ""):
        text = f"{prefix}: {text}"
    message = Message(severity=severity, text=text, urn=text_of(payload.get("urn")))
    if severity == "error":
        notices.errors.append(message)
    elif severity != LEFT_OUT_SEVERITY and (severity or text):
        notices.messages.append(message)


def read_event(notices: Notices, event: Props) -> None:
    """Add what an event says, if it is not about a step."""
    for name, payload in event.items():
        if name in ENVELOPE:
            continue
        if name not in EVENTS or not isinstance(payload, Mapping):
            notices.unknown.setdefault(name, []).append(excerpt(payload))
            continue
        fields = cast("Props", payload)
        for extra in fields.keys() - {*EVENTS[name]}:
            notices.unknown.setdefault(f"{name}.{extra}", []).append(excerpt(fields[extra]))
        if name in _READERS:
            _READERS[name](notices, fields)


def _pack_name(payload: Props) -> str:
    version = text_of(payload.get("policyPackVersionTag")) or text_of(payload.get("policyPackVersion"))
    return _with_version(text_of(payload.get("policyPackName")), version)


def _with_version(name: str, version: str) -> str:
    # A local pack has its folder in its name: `acme|local|/folder`.
    return " ".join(filter(None, (name.partition("|")[0], version.removeprefix("v"))))


def _stdout(notices: Notices, payload: Props) -> None:
    notices.messages.append(Message(severity="info", text=text_of(payload.get("message")).strip()))


def _summary(notices: Notices, payload: Props) -> None:
    # A second summary cannot turn a failure into a success.
    if not notices.ended or notices.result == "succeeded":
        notices.result = text_of(payload.get("result")) or None
    notices.ended = True
    notices.maybe_corrupt = notices.maybe_corrupt or bool(payload.get("maybeCorrupt"))
    notices.is_update = notices.is_update or payload.get("isPreview") is False
    for name, version in mapping_of(payload.get("PolicyPacks")).items():
        notices.packs.setdefault(_with_version(name, text_of(version)), Pack())


def _violation(notices: Notices, payload: Props) -> None:
    notices.violations.append(
        Violation(
            policy=text_of(payload.get("policyName")),
            pack=_pack_name(payload),
            level=text_of(payload.get("enforcementLevel")),
            severity=text_of(payload.get("severity")),
            text=text_of(payload.get("message")).strip(),
            urn=text_of(payload.get("resourceUrn")),
        )
    )


def _remediation(notices: Notices, payload: Props) -> None:
    notices.remediations.append(
        Remediation(
            policy=text_of(payload.get("policyName")),
            pack=_pack_name(payload),
            urn=text_of(payload.get("resourceUrn")),
            before=clean(mapping_of(payload.get("before"))),
            after=clean(mapping_of(payload.get("after"))),
        )
    )


def _pack_result(notices: Notices, payload: Props) -> None:
    pack = notices.packs.setdefault(_pack_name(payload), Pack())
    pack.passed.update(map(text_of, list_of(payload.get("passed"))))
    pack.failed.update(map(text_of, list_of(payload.get("failed"))))


def _failed_step(notices: Notices, payload: Props) -> None:
    metadata = mapping_of(payload.get("metadata"))
    notices.failed_steps.append((text_of(metadata.get("op")), text_of(metadata.get("urn"))))


def _debugging(notices: Notices, _: Props) -> None:
    notices.messages.append(Message(severity="info", text="The preview started a debugging session."))


def _internal_error(notices: Notices, payload: Props) -> None:
    text = f"internal error of the Pulumi CLI: {text_of(payload.get('error')).strip()}"
    notices.errors.append(Message(severity="error", text=text))


_READERS: Mapping[str, Callable[[Notices, Props], None]] = {
    "stdoutEvent": _stdout,
    "diagnosticEvent": read_diagnostic,
    "summaryEvent": _summary,
    "resOpFailedEvent": _failed_step,
    "policyEvent": _violation,
    "policyRemediationEvent": _remediation,
    "policyAnalyzeSummaryEvent": _pack_result,
    "policyRemediateSummaryEvent": _pack_result,
    "policyAnalyzeStackSummaryEvent": _pack_result,
    "startDebuggingEvent": _debugging,
    "errorEvent": _internal_error,
}
