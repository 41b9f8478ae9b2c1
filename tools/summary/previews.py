"""Reads what `pulumi preview --json` prints: the steps of an update, drift, errors and outputs.

Reads both of the engine's formats. The stream of events has the stack's future outputs
(PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true); the single document does not. Gives a step no meaning.
`events.py` reads every event that is not a step.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.errors import ToolError
from tools.summary.events import (
    EVENTS,
    UNREADABLE_LINE,
    Message,
    Notices,
    Props,
    clean,
    excerpt,
    line_excerpt,
    list_of,
    mapping_of,
    read_diagnostic,
    read_event,
    text_of,
)

# UnknownStringValue in sdk/go/common/resource/plugin/rpc.go: a value that is known after the update.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
STACK = "pulumi:pulumi:Stack"
PROVIDER = "pulumi:providers:"
# The engine calls this step a deletion. With `retainOnDelete`, the resource stays at Google.
RETAIN = "retain"
DELETE_REPLACED = "delete-replaced"
# The engine's steps that change a resource (pkg/resource/deploy/step.go), in fewer words.
OPERATIONS = {
    "create": "create",
    "import": "import",
    "update": "update",
    **dict.fromkeys(("replace", "create-replacement", "import-replacement", DELETE_REPLACED), "replace"),
    "delete": "delete",
    RETAIN: RETAIN,
}
# Steps that change nothing at Google: the engine reads a resource, or only updates its own state.
NEUTRAL = (
    *("read", "read-replacement", "discard", "discard-replaced", "remove-pending-replace", "diff"),
    "extend-parameterize",
)
# The oldest CLI for this program. `requiredPulumiVersion` in Pulumi.yaml names it, too.
OLDEST_CLI = "3.244.0"
# Messages that follow every failure and add nothing.
GENERIC_ERRORS = (
    "preview failed",
    "an unhandled error occurred: program exited with non-zero exit code: 1",
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One operation on one resource. `old` and `new` are empty if the resource does not exist.

    `diffs` names the properties that differ. `paths` has the path of each difference, and its kind.
    """

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
    paths: Mapping[str, str]
    replaced_for: tuple[str, ...]
    tainted: bool = False
    init_errors: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The type, named as in the Python library: `artifactregistry.Repository`."""
        token = _parts(self.urn)[2].rpartition("$")[2]
        # The module is part of the name, because five modules have an `IAMMember`.
        return re.sub(r"^gcp:([^:/]+)(?:/[^:]*)?:", r"\1.", token)

    @property
    def name(self) -> str:
        return _parts(self.urn)[3]


def _parts(urn: str) -> list[str]:
    """Return the four parts of a URN. A text that is not a URN is only a name."""
    parts = urn.split("::", 3)
    return parts if len(parts) == 4 else ["", "", "", urn]


@dataclass(kw_only=True)
class Preview:
    """The content of one preview.

    Attributes:
        changes: steps that change a resource.
        unchanged: steps of resources that stay the same.
        components: steps of components, changed or not.
        others: steps that read, that change only the state, or that this tool does not know.
        drift: differences that a refresh found.
        notices: everything that is not a step.
        is_document: whether the preview is the single document, which has no events.
        failed: whether the preview failed, was canceled or was cut off.
        cli_too_old: whether the CLI is too old to print a result.
        partial: whether unchanged resources are missing, as in a document without `--show-sames`.
        outputs_before: the stack's outputs after the last update.
        outputs_after: the stack's outputs after this update, or None if the preview does not contain them.
    """

    changes: list[Step] = field(default_factory=list[Step])
    unchanged: list[Step] = field(default_factory=list[Step])
    components: list[Step] = field(default_factory=list[Step])
    others: list[Step] = field(default_factory=list[Step])
    drift: list[Step] = field(default_factory=list[Step])
    notices: Notices = field(default_factory=Notices)
    is_document: bool = False
    failed: bool = False
    cli_too_old: bool = False
    partial: bool = False
    outputs_before: Props = field(default_factory=dict[str, Any])
    outputs_after: Props | None = None

    @property
    def errors(self) -> list[Message]:
        """The errors, without those that add nothing."""
        errors = list(dict.fromkeys(self.notices.errors))
        return [error for error in errors if error.text not in GENERIC_ERRORS] or errors[:1]


def read_preview(text: str) -> Preview:
    """Parse the output of a preview.

    Raises:
        ToolError: the text is empty, or is not a preview.
    """
    if not text.strip():
        raise ToolError(
            "Standard input is empty: `pulumi preview --json` printed no preview. Its standard error gives "
            "the reason."
        )
    text = text.removeprefix("\ufeff")
    document = _document(text)
    if document is not None:
        return _from_document(document)
    events: list[Props] = []
    unreadable: list[str] = []
    # Only a line feed ends an event: Go writes the other characters that Python splits at into strings.
    for line in filter(None, (line.strip(" \t\r") for line in text.split("\n"))):
        event = _json(line)
        if isinstance(event, dict):
            events.append(event)
        else:
            unreadable.append(line_excerpt(line))
    if not any(name in EVENTS for event in events for name in event):
        raise ToolError(
            "Standard input is not a preview. Pipe the output of `pulumi preview --json` into this command."
        )
    preview = _from_events(events)
    if unreadable:
        preview.notices.unknown[UNREADABLE_LINE] = unreadable
    return preview


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _document(text: str) -> dict[str, Any] | None:
    """Return the single JSON object, without any text that the engine printed before it."""
    start = 0 if text.startswith("{") else text.find("\n{") + 1
    document = _json(text[start:])
    return document if isinstance(document, dict) and "changeSummary" in document else None


def _from_document(document: Props) -> Preview:
    preview = Preview(is_document=True)
    for diagnostic in list_of(document.get("diagnostics")):
        read_diagnostic(preview.notices, mapping_of(diagnostic))
    preview.notices.maybe_corrupt = bool(document.get("maybeCorrupt"))
    preview.failed = bool(preview.notices.errors)
    listed = _steps(preview, list_of(document.get("steps")))
    counted = mapping_of(document.get("changeSummary")).get("same", 0)
    preview.partial = isinstance(counted, int) and counted > sum(step["op"] == "same" for step in listed)
    # Sorted by name, because the engine's order differs between runs.
    steps = sorted(_joined_imports(listed), key=lambda step: step["urn"])
    states = {step["urn"]: step.get("oldState") for step in steps if step["op"] != "refresh"}
    for step in steps:
        # The document has only the old state of a refresh. The next step's old state is its result.
        new = (
            states.get(step["urn"], step.get("newState"))
            if step["op"] == "refresh"
            else step.get("newState")
        )
        _add_step(preview, step, step.get("oldState"), new)
    return preview


def _steps(preview: Preview, values: Iterable[Any]) -> list[Props]:
    """Return the steps that have an operation and a URN. The others are unknown content."""
    steps: list[Props] = []
    for value in values:
        step = mapping_of(value)
        if isinstance(step.get("op"), str) and isinstance(step.get("urn"), str):
            steps.append(step)
        else:
            preview.notices.unknown.setdefault("step", []).append(excerpt(value))
    return steps


def _from_events(events: Iterable[Props]) -> Preview:
    preview = Preview()
    # The later event of a step has more: the result of a refresh, or the outputs.
    steps: dict[tuple[str, str], Props] = {}
    for event in events:
        read_event(preview.notices, event)
        resource_event = mapping_of(event.get("resourcePreEvent") or event.get("resOutputsEvent"))
        for step in _steps(preview, [resource_event.get("metadata")] if resource_event else []):
            kept = step["op"] if step["op"] in ("delete", DELETE_REPLACED, "refresh", "import") else ""
            # `same` never hides another step of its resource.
            if step["op"] != "same" or steps.get((step["urn"], kept), step)["op"] == "same":
                steps[step["urn"], kept] = step
            if (
                "::" + STACK + "::" in step["urn"]
                and step["op"] != "refresh"
                and "resOutputsEvent" in event
            ):
                preview.outputs_after = mapping_of(mapping_of(step.get("new")).get("outputs"))
    # Sorted by name, because the engine's order differs between runs.
    for step in _joined_imports([step for _, step in sorted(steps.items(), key=lambda item: item[0])]):
        if step["op"] == DELETE_REPLACED:
            # A replacement has three steps. The middle one has the old and the new state.
            if OPERATIONS.get(mapping_of(steps.get((step["urn"], ""))).get("op", "")) == "replace":
                continue
            # Without the others, an interrupted replacement left the old resource to be deleted.
            step = {**step, "op": "delete"}
        _add_step(preview, step, step.get("old"), step.get("new"))
    notices = preview.notices
    # A stream without a summary was cut off. A CLI before pulumi#22883 prints a summary without a result.
    preview.cli_too_old = notices.ended and notices.result is None
    preview.failed = notices.result != "succeeded"
    if not notices.ended and not notices.errors:
        notices.errors.append(Message(severity="error", text="The preview ended before it was complete."))
    return preview


def _joined_imports(steps: list[Props]) -> list[Props]:
    """Return one step for an imported resource that the same update changes, instead of two."""
    imported, updated = ({step["urn"] for step in steps if step["op"] == op} for op in ("import", "update"))
    both = imported & updated
    return [
        {**step, "op": "import"} if step["urn"] in both and step["op"] == "update" else step
        for step in steps
        if not (step["urn"] in both and step["op"] == "import")
    ]


def _add_step(preview: Preview, metadata: Props, before: Any, after: Any) -> None:
    op, urn = text_of(metadata["op"]), text_of(metadata["urn"])
    old, new = mapping_of(before), mapping_of(after)
    if "::" + STACK + "::" in urn:
        if op != "refresh":
            preview.outputs_before = clean(mapping_of(old.get("outputs")))
            if preview.outputs_after is not None:
                preview.outputs_after = clean(preview.outputs_after)
        return
    if op == "delete" and old.get("retainOnDelete"):
        op = RETAIN
    step = Step(
        op=OPERATIONS.get(op, op),
        urn=urn,
        parent=text_of((old or new).get("parent")),
        old=_state(old, "inputs", "outputs"),
        # A preview can repeat the old outputs. The inputs have what the program sets.
        new=_state(new, *(("inputs", "outputs") if op == "refresh" else ("outputs", "inputs"))),
        old_inputs=_state(old, "inputs"),
        new_inputs=_state(new, "inputs"),
        was_protected=bool(old.get("protect")),
        is_protected=bool(new.get("protect")),
        diffs=tuple(map(text_of, list_of(metadata.get("diffs") or metadata.get("diffReasons")))),
        paths=_paths(metadata),
        replaced_for=_replacement_reasons(metadata),
        tainted=bool(old.get("taint")),
        init_errors=tuple(map(text_of, list_of(old.get("initErrors")))),
    )
    kind = _parts(urn)[2].rpartition("$")[2]
    if kind.startswith(PROVIDER) and op not in ("update", "replace") and step.name.startswith("default"):
        # The engine creates and deletes default providers itself, as requirements.lock says.
        return
    if kind.startswith(PROVIDER):
        (preview.changes if op in OPERATIONS else preview.unchanged).append(step)
    elif op not in OPERATIONS and op not in ("same", "refresh"):
        preview.others.append(step)
    elif _is_component(old or new, kind):
        preview.components.append(step)
    elif op == "refresh":
        preview.drift.append(step)
    elif op == "same":
        preview.unchanged.append(step)
    else:
        preview.changes.append(step)


def _is_component(state: Props, kind: str) -> bool:
    """Return whether a state is a component's. In events, the engine leaves out `custom` if it is false."""
    if state.get("custom") is None:
        return not (state.get("id") or kind.startswith("gcp:"))
    return not state["custom"]


def _paths(metadata: Props) -> Mapping[str, str]:
    """Return the path of each difference, and its kind: `add`, `delete` or `update`."""
    return {
        path: text_of(mapping_of(change).get("diffKind") or mapping_of(change).get("kind"))
        for path, change in mapping_of(metadata.get("detailedDiff")).items()
    }


def _replacement_reasons(metadata: Props) -> tuple[str, ...]:
    """Return the properties that force a replacement, without the others that change."""
    forcing = {
        path.partition("[")[0].partition(".")[0]
        for path, kind in _paths(metadata).items()
        if kind.endswith("-replace")
    }
    # If the provider gives no details, only the engine's keys are known.
    keys = list_of(metadata.get("keys") or metadata.get("replaceReasons"))
    return tuple(sorted(forcing) or map(text_of, keys))


def _state(state: Props, *parts: str) -> Props:
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= mapping_of(state.get(part))
    return clean(merged)
