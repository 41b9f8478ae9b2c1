"""What `pulumi preview --json` says, as steps: what would change, what was changed by hand.

Reads both forms that the engine prints. The stream of events has the outputs that the stack would have
(PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true); the one document has not. Knows nothing of what it all means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.errors import ToolError

Props = Mapping[str, Any]

# sdk/go/common/resource/plugin/rpc.go: UnknownStringValue, which stands for what only the `up` will know.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
# sdk/go/common/resource/sig: the key that marks an object as a secret, an asset …; none of them is shown.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "[secret]"  # noqa: S105  # how the engine writes one, too
STACK = "pulumi:pulumi:Stack"
# What the engine calls a deletion, too: with `retainOnDelete` it asks the cloud nothing.
RETAIN = "retain"
# The engine's steps (pkg/resource/deploy/step.go) in the words that matter; `read`, `same` are none.
OPERATIONS = {
    "create": "create",
    "import": "import",
    "update": "update",
    **dict.fromkeys(("replace", "create-replacement", "import-replacement", "delete-replaced"), "replace"),
    "delete": "delete",
    RETAIN: RETAIN,
}
# Printed beside every failure, with nothing in it that the other messages have not.
FOLLOWING = ("preview failed", "an unhandled error occurred: program exited with non-zero exit code: 1")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource: what would be done with it, and what it is before and after (empty: it is not)."""

    op: str
    urn: str
    parent: str
    old: Props
    new: Props
    old_inputs: Props
    new_inputs: Props
    was_protected: bool
    is_protected: bool
    diffs: tuple[str, ...]
    replaced_for: tuple[str, ...]

    @property
    def type(self) -> str:
        """Its type, as the Python library calls Google's: `artifactregistry.Repository`."""
        token = self.urn.split("::")[2].rpartition("$")[2]
        # Its last word alone is not enough: five modules have an `IAMMember`.
        return re.sub(r"^gcp:([^:/]+)(?:/[^:]*)?:", r"\1.", token)

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[3]


@dataclass(kw_only=True)
class Preview:
    """Everything that one preview said; `outputs_after` is None where it did not say.

    `partial` where it left out what stays the same, as the document does without `--show-sames`.
    """

    changes: list[Step] = field(default_factory=list[Step])
    unchanged: list[Step] = field(default_factory=list[Step])
    components: list[Step] = field(default_factory=list[Step])
    drift: list[Step] = field(default_factory=list[Step])
    errors: list[str] = field(default_factory=list[str])
    failed: bool = False
    partial: bool = False
    outputs_before: Props = field(default_factory=dict[str, Any])
    outputs_after: Props | None = None


def read_preview(text: str) -> Preview:
    """What a preview printed.

    Raises:
        ToolError: it printed nothing, or nothing that is a preview.
    """
    if not text.strip():
        raise ToolError(
            "There is no preview on standard input: `pulumi preview --json` printed nothing. It has said "
            "why on standard error."
        )
    document = _document(text)
    if document is not None:
        return _from_document(document)
    events = [event for line in text.splitlines() if isinstance(event := _json(line), dict)]
    if not any("resourcePreEvent" in event or "diagnosticEvent" in event for event in events):
        raise ToolError(
            "What is on standard input is no preview: pass it what `pulumi preview --json` prints."
        )
    return _from_events(events)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _document(text: str) -> dict[str, Any] | None:
    """The one object, with whatever the engine printed before it left out."""
    start = 0 if text.startswith("{") else text.find("\n{") + 1
    document = _json(text[start:])
    return document if isinstance(document, dict) and "changeSummary" in document else None


def _from_document(document: Props) -> Preview:
    diagnostics = [(d.get("severity"), d.get("message", "")) for d in document.get("diagnostics") or ()]
    preview = Preview(errors=_errors(diagnostics))
    preview.failed = bool(preview.errors)
    same = sum(step["op"] == "same" for step in document.get("steps") or ())
    preview.partial = document["changeSummary"].get("same", 0) > same
    # By name: the engine's order differs from run to run.
    steps = sorted(document.get("steps") or (), key=lambda step: step["urn"])
    states = {step["urn"]: step.get("oldState") for step in steps if step["op"] != "refresh"}
    for step in steps:
        # Of a refresh the document has what it began with; what it found is what the next step begins with.
        new = (
            states.get(step["urn"], step.get("newState"))
            if step["op"] == "refresh"
            else step.get("newState")
        )
        _note(preview, step, step.get("oldState"), new)
    return preview


def _from_events(events: Iterable[Props]) -> Preview:
    preview = Preview()
    diagnostics: list[tuple[str | None, str]] = []
    # The later event of a step knows more: what a refresh found, what outputs there would be.
    steps: dict[tuple[str, bool], Props] = {}
    result = None
    for event in events:
        said = event.get("diagnosticEvent")
        if said:
            diagnostics.append((said.get("severity"), said.get("message", "")))
        result = (event.get("summaryEvent") or {}).get("result", result)
        happened = event.get("resourcePreEvent") or event.get("resOutputsEvent") or {}
        step = happened.get("metadata")
        if not step:
            continue
        # A replacement is three steps; the middle one has both sides.
        if step["op"] != "delete-replaced":
            steps[step["urn"], step["op"] == "refresh"] = step
        if "::" + STACK + "::" in step["urn"] and step["op"] != "refresh" and "resOutputsEvent" in event:
            preview.outputs_after = (step.get("new") or {}).get("outputs") or {}
    # By name: the engine's order differs from run to run.
    for _, step in sorted(steps.items()):
        _note(preview, step, step.get("old"), step.get("new"))
    preview.errors = _errors(diagnostics)
    # Without a last word it was cut off.
    preview.failed = result != "succeeded"
    if result is None and not preview.errors:
        preview.errors.append("It ended before it was finished.")
    return preview


def _errors(diagnostics: Iterable[tuple[str | None, str]]) -> list[str]:
    errors = [
        message.strip().removeprefix("error: ") for severity, message in diagnostics if severity == "error"
    ]
    return [error for error in dict.fromkeys(errors) if error not in FOLLOWING] or errors[:1]


def _note(preview: Preview, said: Props, old: Props | None, new: Props | None) -> None:
    op: str = said["op"]
    urn: str = said["urn"]
    if "::" + STACK + "::" in urn:
        if op != "refresh":
            preview.outputs_before = _clean((old or {}).get("outputs") or {})
            if preview.outputs_after is not None:
                preview.outputs_after = _clean(preview.outputs_after)
        return
    if op == "delete" and (old or {}).get("retainOnDelete"):
        op = RETAIN
    step = Step(
        op=OPERATIONS.get(op, op),
        urn=urn,
        parent=(old or new or {}).get("parent") or "",
        old=_state(old, "inputs", "outputs"),
        # A preview's outputs may be what they were before; what the program asks for is in the inputs.
        new=_state(new, *(("inputs", "outputs") if op == "refresh" else ("outputs", "inputs"))),
        old_inputs=_state(old, "inputs"),
        new_inputs=_state(new, "inputs"),
        was_protected=bool((old or {}).get("protect")),
        is_protected=bool((new or {}).get("protect")),
        diffs=tuple(said.get("diffs") or said.get("diffReasons") or ()),
        replaced_for=_reasons(said),
    )
    # Components and providers are no things of the cloud.
    if urn.split("::")[2].startswith("pulumi:"):
        return
    if not (old or new or {}).get("custom"):
        preview.components.append(step)
    elif op == "refresh":
        preview.drift.append(step)
    elif op == "same":
        preview.unchanged.append(step)
    elif op in OPERATIONS:
        preview.changes.append(step)


def _reasons(said: Props) -> tuple[str, ...]:
    """The properties that force a replacement, without what else changes with it."""
    forcing = {
        path.partition("[")[0].partition(".")[0]
        for path, change in (said.get("detailedDiff") or {}).items()
        if str(change.get("diffKind") or change.get("kind")).endswith("-replace")
    }
    # Where the plugin gives no details, the engine's own keys are all there is.
    return tuple(sorted(forcing) or said.get("keys") or said.get("replaceReasons") or ())


def _state(state: Props | None, *parts: str) -> Props:
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= (state or {}).get(part) or {}
    return _clean(merged)


def _clean(values: Props) -> Props:
    return {key: _shown(value) for key, value in values.items()}


def _shown(value: Any) -> Any:
    """The value with every secret in it covered."""
    if isinstance(value, dict):
        return SECRET if SIGNATURE in value else {key: _shown(v) for key, v in value.items()}
    return [_shown(v) for v in value] if isinstance(value, list) else value
