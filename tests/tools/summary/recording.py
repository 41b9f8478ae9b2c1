"""Recorded previews: reads them, and reduces what the engine prints to what a summary reads.

Owns the form of the files in `recordings/`: one event, or one step of a document, per line. The
reduction keeps what `tools/summary/` reads, without the messages of programs: they name folders of the
machine that recorded them. `test_previews_live.py` proves that the rest of the summary stays the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from tools.summary.events import EVENTS
from tools.summary.previews import STACK, read_preview
from tools.summary.report import summarize
from tools.summary.wording import COMPUTED, INTERNAL

RECORDINGS = Path(__file__).parent / "recordings"
STATES = ("old", "new", "oldState", "newState")
POLICY_EVENTS = [name for name in EVENTS if name.startswith("policy") and EVENTS[name]]
# The fields of a step and of a state that the reader of previews uses.
STEP_FIELDS = (
    *("op", "urn", "diffs", "diffReasons", "keys", "replaceReasons", "detailedDiff"),
    *STATES,
)
STATE_FIELDS = ("parent", "custom", "protect", "retainOnDelete", "inputs", "outputs")

Json = Mapping[str, Any]


def recording_names() -> list[str]:
    """The recordings: `NAME.jsonl` is a stream of events, `NAME.json` is one document."""
    return sorted(path.name for path in RECORDINGS.glob("*.json*"))


def read_recording(name: str) -> str:
    return (RECORDINGS / name).read_text()


def summarize_text(text: str) -> str:
    """The summary of what a preview printed."""
    return summarize(read_preview(text), "Stack `dev`").text


def edit_document(
    name: str, change: Callable[[dict[str, Any]], None], urn: str = "registry-upload-readers"
) -> str:
    """A recorded document after a change to the step of one resource."""
    document = json.loads(read_recording(name))
    (step,) = (s for s in document["steps"] if s["urn"].endswith(f"::{urn}"))
    change(step)
    return json.dumps(document)


def reduce_preview(text: str) -> str:
    """A preview's text in the form of the recordings."""
    if text.startswith("{\n"):
        return _reduce_document(json.loads(text))
    events = [reduced for line in text.splitlines() if (reduced := _reduce_event(json.loads(line)))]
    return "".join(
        f"{json.dumps(event)}\n"
        for number, event in enumerate(events)
        if not _is_repeated(event, events[number + 1 :])
    )


def _is_repeated(event: Json, later: list[Json]) -> bool:
    """Whether a later event replaces this one without a difference that a summary reads.

    The engine prints a step twice: before its outputs are known, and afterwards.
    """
    if "resourcePreEvent" not in event:
        return False
    step = event["resourcePreEvent"]["metadata"]
    repeats = [e["resOutputsEvent"]["metadata"] for e in later if "resOutputsEvent" in e]
    # The stack's own first event stays: without any, the text is not a preview.
    unchanged = step["op"] == "same" and not _is_stack(step)
    return any(step == other or (unchanged and step["urn"] == other["urn"]) for other in repeats)


def _reduce_document(document: Json) -> str:
    lines = {
        "changeSummary": json.dumps(document["changeSummary"]),
        "diagnostics": _one_per_line(_errors(document.get("diagnostics") or [])),
        "steps": _one_per_line([_reduce_step(step) for step in document.get("steps") or []]),
    }
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {text}" for key, text in lines.items()) + "\n}\n"


def _one_per_line(values: list[Json]) -> str:
    return "[\n" + ",\n".join(json.dumps(value) for value in values) + "\n]" if values else "[]"


def without_messages(text: str) -> str:
    """A preview's text without its diagnostics, except errors."""
    if text.startswith("{\n"):
        document = json.loads(text)
        document["diagnostics"] = _errors(document.get("diagnostics") or [])
        return json.dumps(document, indent=4)
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not _is_message(json.loads(line)))


def _is_message(event: Json) -> bool:
    return "diagnosticEvent" in event and not _errors([event["diagnosticEvent"]])


def _errors(diagnostics: list[Json]) -> list[Json]:
    return [
        {key: diagnostic[key] for key in ("severity", "message", "urn") if key in diagnostic}
        for diagnostic in diagnostics
        if diagnostic.get("severity") == "error"
    ]


def _reduce_event(event: Json) -> Json | None:
    if "diagnosticEvent" in event:
        errors = _errors([event["diagnosticEvent"]])
        return {"diagnosticEvent": errors[0]} if errors else None
    if "summaryEvent" in event:
        summary = _filled({key: event["summaryEvent"].get(key) for key in ("result", "PolicyPacks")})
        if "PolicyPacks" in summary:
            # The name of a local pack contains its folder.
            packs = summary["PolicyPacks"].items()
            summary["PolicyPacks"] = {name.partition("|")[0]: version for name, version in packs}
        return {"summaryEvent": summary}
    for kind in POLICY_EVENTS:
        if kind in event:
            return {kind: {key: value for key, value in event[kind].items() if key != "color"}}
    for kind in ("resourcePreEvent", "resOutputsEvent"):
        step = event.get(kind, {}).get("metadata")
        if step and not (step["op"] == "refresh" and not _is_custom(step)):
            return {kind: {"metadata": _reduce_step(step)}}
    return None


def _is_stack(step: Json) -> bool:
    return f"::{STACK}::" in step["urn"]


def _is_custom(step: Json) -> bool:
    """Whether the step is about a resource of a provider, which a refresh can find changed."""
    return any((step.get(side) or {}).get("custom") for side in STATES)


def _reduce_step(step: Json) -> Json:
    reduced = _filled({key: step.get(key) for key in STEP_FIELDS})
    if "detailedDiff" in reduced:
        reduced["detailedDiff"] = {
            path: {key: change[key] for key in ("diffKind", "kind") if key in change}
            for path, change in reduced["detailedDiff"].items()
        }
    for side in STATES:
        if side in reduced:
            reduced[side] = _reduce_state(reduced[side], is_stack=_is_stack(step))
    return _filled(reduced)


def _reduce_state(state: Json, *, is_stack: bool) -> Json:
    reduced = {key: state.get(key) for key in STATE_FIELDS}
    if not reduced["custom"]:
        # A summary reads the outputs of the stack, and no properties of another component.
        return _filled({**reduced, "inputs": None, "outputs": reduced["outputs"] if is_stack else None})
    inputs = _shown(cast("Json", reduced["inputs"] or {}), INTERNAL)
    outputs = _shown(cast("Json", reduced["outputs"] or {}), COMPUTED)
    # A resource's outputs repeat most inputs, and list every field that is not set.
    reduced["outputs"] = {key: value for key, value in _filled(outputs).items() if inputs.get(key) != value}
    return _filled({**reduced, "inputs": inputs})


def _shown(properties: Json, computed: re.Pattern[str]) -> Json:
    """The properties that a summary may show: not those that Google and the provider compute."""
    return {key: value for key, value in properties.items() if not computed.fullmatch(key)}


def _filled(values: Json) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", False, {}, [], ())}
