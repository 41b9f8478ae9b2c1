"""Reads what `pulumi preview --json` prints: the steps of an update, drift, errors and outputs.

Reads both of the engine's formats. The stream of events has the stack's future outputs
(PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true); the single document does not. Gives a step no meaning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.errors import ToolError

Props = Mapping[str, Any]

# UnknownStringValue in sdk/go/common/resource/plugin/rpc.go: a value that is known after the update.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
# sdk/go/common/resource/sig: the key of an object that is a secret or an asset. A summary shows none.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "[secret]"  # noqa: S105  # the engine writes secrets like this, too
STACK = "pulumi:pulumi:Stack"
# The engine calls this step a deletion. With `retainOnDelete`, the resource stays at Google.
RETAIN = "retain"
# The engine's steps that change a resource (pkg/resource/deploy/step.go), in fewer words.
OPERATIONS = {
    "create": "create",
    "import": "import",
    "update": "update",
    **dict.fromkeys(("replace", "create-replacement", "import-replacement", "delete-replaced"), "replace"),
    "delete": "delete",
    RETAIN: RETAIN,
}
# The path of a label in a detailed diff.
LABEL_PATH = re.compile(r'(?P<field>effectiveLabels|labels)(?:\.(?P<name>[^.\[]+)|\["(?P<quoted>.+)"\])')
# Messages that follow every failure and add nothing.
GENERIC_ERRORS = (
    "preview failed",
    "an unhandled error occurred: program exited with non-zero exit code: 1",
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One operation on one resource. `old` and `new` are empty if the resource does not exist."""

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
    provider_labels: Mapping[str, str]

    @property
    def type(self) -> str:
        """The type, named as in the Python library: `artifactregistry.Repository`."""
        token = self.urn.split("::")[2].rpartition("$")[2]
        # The module is part of the name, because five modules have an `IAMMember`.
        return re.sub(r"^gcp:([^:/]+)(?:/[^:]*)?:", r"\1.", token)

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[3]


@dataclass(kw_only=True)
class Preview:
    """The content of one preview.

    Attributes:
        changes: steps that change a resource.
        unchanged: steps of resources that stay the same.
        components: steps of components, changed or not.
        drift: differences that a refresh found.
        errors: error messages, without those that add nothing.
        failed: whether the preview failed or was cut off.
        partial: whether unchanged resources are missing, as in a document without `--show-sames`.
        outputs_before: the stack's outputs after the last update.
        outputs_after: the stack's outputs after this update, or None if the preview does not contain them.
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
    """Parse the output of a preview.

    Raises:
        ToolError: the text is empty, or is not a preview.
    """
    if not text.strip():
        raise ToolError(
            "Standard input is empty: `pulumi preview --json` printed no preview. Its standard error gives "
            "the reason."
        )
    document = _document(text)
    if document is not None:
        return _from_document(document)
    events = [event for line in text.splitlines() if isinstance(event := _json(line), dict)]
    if not any("resourcePreEvent" in event or "diagnosticEvent" in event for event in events):
        raise ToolError(
            "Standard input is not a preview. Pipe the output of `pulumi preview --json` into this command."
        )
    return _from_events(events)


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
    diagnostics = [(d.get("severity"), d.get("message", "")) for d in document.get("diagnostics") or ()]
    preview = Preview(errors=_errors(diagnostics))
    preview.failed = bool(preview.errors)
    same = sum(step["op"] == "same" for step in document.get("steps") or ())
    preview.partial = document["changeSummary"].get("same", 0) > same
    # Sorted by name, because the engine's order differs between runs.
    steps = sorted(document.get("steps") or (), key=lambda step: step["urn"])
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


def _from_events(events: Iterable[Props]) -> Preview:
    preview = Preview()
    diagnostics: list[tuple[str | None, str]] = []
    # The later event of a step has more: the result of a refresh, or the outputs.
    steps: dict[tuple[str, bool], Props] = {}
    result = None
    for event in events:
        diagnostic = event.get("diagnosticEvent")
        if diagnostic:
            diagnostics.append((diagnostic.get("severity"), diagnostic.get("message", "")))
        result = (event.get("summaryEvent") or {}).get("result", result)
        resource_event = event.get("resourcePreEvent") or event.get("resOutputsEvent") or {}
        step = resource_event.get("metadata")
        if not step:
            continue
        # A replacement has three steps. The middle one has the old and the new state.
        if step["op"] != "delete-replaced":
            steps[step["urn"], step["op"] == "refresh"] = step
        if "::" + STACK + "::" in step["urn"] and step["op"] != "refresh" and "resOutputsEvent" in event:
            preview.outputs_after = (step.get("new") or {}).get("outputs") or {}
    # Sorted by name, because the engine's order differs between runs.
    for _, step in sorted(steps.items()):
        _add_step(preview, step, step.get("old"), step.get("new"))
    preview.errors = _errors(diagnostics)
    # A stream without a result was cut off.
    preview.failed = result != "succeeded"
    if result is None and not preview.errors:
        preview.errors.append("The preview ended before it was complete.")
    return preview


def _errors(diagnostics: Iterable[tuple[str | None, str]]) -> list[str]:
    errors = [
        message.strip().removeprefix("error: ") for severity, message in diagnostics if severity == "error"
    ]
    return [error for error in dict.fromkeys(errors) if error not in GENERIC_ERRORS] or errors[:1]


def _add_step(preview: Preview, metadata: Props, old: Props | None, new: Props | None) -> None:
    op: str = metadata["op"]
    urn: str = metadata["urn"]
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
        # A preview can repeat the old outputs. The inputs have what the program sets.
        new=_state(new, *(("inputs", "outputs") if op == "refresh" else ("outputs", "inputs"))),
        old_inputs=_state(old, "inputs"),
        new_inputs=_state(new, "inputs"),
        was_protected=bool((old or {}).get("protect")),
        is_protected=bool((new or {}).get("protect")),
        diffs=tuple(metadata.get("diffs") or metadata.get("diffReasons") or ()),
        replaced_for=_replacement_reasons(metadata),
        provider_labels=_provider_labels(metadata),
    )
    # The engine's own resources, such as providers.
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


def _replacement_reasons(metadata: Props) -> tuple[str, ...]:
    """Return the properties that force a replacement, without the others that change."""
    forcing = {
        path.partition("[")[0].partition(".")[0]
        for path, change in (metadata.get("detailedDiff") or {}).items()
        if str(change.get("diffKind") or change.get("kind")).endswith("-replace")
    }
    # If the provider gives no details, only the engine's keys are known.
    return tuple(sorted(forcing) or metadata.get("keys") or metadata.get("replaceReasons") or ())


def _provider_labels(metadata: Props) -> dict[str, str]:
    """Return the labels that change without the program's own ones, and how: add, update or delete.

    The provider keeps the values of all its labels secret, so only the paths of the change name them.
    """
    changes: dict[tuple[str, str], str] = {}
    for path, change in (metadata.get("detailedDiff") or {}).items():
        match = LABEL_PATH.fullmatch(path)
        if match:
            changes[match["field"], match["name"] or match["quoted"]] = str(
                change.get("diffKind") or change.get("kind")
            )
    return {
        name: verb
        for (field, name), verb in sorted(changes.items())
        if field == "effectiveLabels" and ("labels", name) not in changes
    }


def _state(state: Props | None, *parts: str) -> Props:
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= (state or {}).get(part) or {}
    return _clean(merged)


def _clean(values: Props) -> Props:
    return {key: _without_secrets(value) for key, value in values.items()}


def _without_secrets(value: Any) -> Any:
    """Return the value with every secret in it replaced."""
    if isinstance(value, dict):
        return SECRET if SIGNATURE in value else {key: _without_secrets(v) for key, v in value.items()}
    return [_without_secrets(v) for v in value] if isinstance(value, list) else value
