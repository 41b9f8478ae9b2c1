"""Any stream of events has a summary that leaves out nothing with a severity or an enforcement level."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.summary.recording import summarize_text
from tests.tools.summary.steps import BINDING, PROVIDER, REPOSITORY
from tools.summary.events import EVENTS
from tools.summary.markdown import COMMENT_LIMIT, fit

Json = Mapping[str, Any]

# Words that are not words of the summary itself, and that Markdown does not escape.
WORDS = st.integers(0, 10**6).map("word{}".format)
TEXTS = st.tuples(st.lists(WORDS, min_size=1, max_size=3), st.sampled_from([" ", "\n", "\n\n"])).map(
    lambda parts: parts[1].join(parts[0])
)
URNS = WORDS.map("urn:pulumi:dev::p::gcp:artifactregistry/repository:Repository::{}".format) | WORDS
SEVERITIES = st.sampled_from(["info", "info#err", "warning", "error"]) | WORDS
LEVELS = st.sampled_from(["advisory", "mandatory", "remediate", "disabled", "none"]) | WORDS
RESULTS = st.sampled_from(["succeeded", "failed", "canceled", ""]) | WORDS
ODD = st.sampled_from(
    [None, True, 0, 7, "", "x", [], [1], ["a"], [[]], [{}], {}, {"id": {}}, {"a": [None]}]
)
DIAGNOSTICS = st.fixed_dictionaries(
    {"severity": SEVERITIES, "message": TEXTS, "urn": URNS | st.just(""), "ephemeral": st.booleans()}
)
POLICIES = st.fixed_dictionaries(
    {
        **dict.fromkeys(("policyName", "policyPackName"), WORDS),
        "message": TEXTS,
        "enforcementLevel": LEVELS,
        "severity": SEVERITIES,
        "resourceUrn": URNS,
    }
)
UNKNOWN = st.fixed_dictionaries({"severity": WORDS, "enforcement": WORDS})
NAMED_EVENTS = (
    DIAGNOSTICS.map(lambda fields: {"diagnosticEvent": fields})
    | POLICIES.map(lambda fields: {"policyEvent": fields})
    | st.tuples(WORDS, UNKNOWN).map(lambda event: {f"{event[0]}Event": event[1]})
)
# Properties that the sections read.
PROPERTIES = (
    *("mode", "members", "member", "role", "repository", "repositoryId", "labels", "cleanupPolicies"),
    *("attributeCondition", "policyData", "virtualRepositoryConfig", "location", "effectiveLabels"),
)
STATES = ODD | st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("parent", "custom", "protect", "initErrors", "taint"), ODD),
        **dict.fromkeys(
            ("inputs", "outputs"), ODD | st.fixed_dictionaries({}, optional=dict.fromkeys(PROPERTIES, ODD))
        ),
    },
)
STEPS = ODD | st.fixed_dictionaries(
    {
        "op": ODD | st.sampled_from(["create", "update", "delete", "replace", "refresh", "same"]),
        "urn": ODD
        | st.sampled_from([REPOSITORY, BINDING, PROVIDER, "pulumi:pulumi:Stack", "a"]).map(
            "urn:pulumi:dev::p::{}::name".format
        ),
    },
    optional={
        **dict.fromkeys(("old", "new", "oldState", "newState"), STATES),
        **dict.fromkeys(("diffs", "keys", "detailedDiff", "replaceReasons"), ODD),
    },
)


def _fields(name: str) -> st.SearchStrategy[Any]:
    fields = {field: STEPS if field == "metadata" else ODD for field in EVENTS[name]}
    return ODD | st.fixed_dictionaries({}, optional=fields)


ODD_EVENTS = st.one_of(
    [_fields(name).map(lambda fields, name=name: {name: fields}) for name in sorted(EVENTS)]
)


def lines_of(*events: Any) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def words_of(event: Json) -> Iterator[str]:
    """The words that a reader must find in the summary of an event."""
    for name, fields in event.items():
        if name not in EVENTS:
            yield name
        for field, value in cast("Json", fields).items():
            # The severity of a diagnostic has its own words.
            if name != "diagnosticEvent" or field in ("message", "urn"):
                yield from value.rpartition("::")[2].split()


@settings(max_examples=50, deadline=None)
@given(events=st.lists(NAMED_EVENTS, min_size=1, max_size=8), result=RESULTS)
def test_no_event_with_a_severity_or_an_enforcement_level_vanishes(events: list[Json], result: str) -> None:
    text = summarize_text(lines_of({"preludeEvent": {}}, *events, {"summaryEvent": {"result": result}}))
    for event in events:
        for word in words_of(event):
            assert word in text, event
    assert len(fit(text)) <= COMMENT_LIMIT


@settings(max_examples=50, deadline=None)
@given(diagnostics=st.lists(DIAGNOSTICS, max_size=8))
def test_no_diagnostic_of_a_document_vanishes(diagnostics: list[Json]) -> None:
    text = summarize_text(json.dumps({"changeSummary": {}, "diagnostics": diagnostics}))
    for diagnostic in diagnostics:
        for word in words_of({"diagnosticEvent": diagnostic}):
            assert word in text, diagnostic


@settings(max_examples=100, deadline=None)
@given(events=st.lists(ODD_EVENTS, max_size=6), lines=st.lists(ODD, max_size=2))
def test_odd_fields_never_end_in_a_traceback(events: list[Json], lines: list[Any]) -> None:
    text = summarize_text(lines_of({"preludeEvent": {}}, *events, *lines))
    assert len(fit(text)) <= COMMENT_LIMIT


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(STEPS, max_size=6), counts=ODD, diagnostics=ODD)
def test_an_odd_document_never_ends_in_a_traceback(steps: list[Any], counts: Any, diagnostics: Any) -> None:
    document = {"changeSummary": counts, "diagnostics": diagnostics, "steps": steps}
    assert summarize_text(json.dumps(document)).startswith(("Stack", "### Stack"))


@pytest.mark.parametrize("text", ["`" * 70_000, "x" * 70_000, "`\n" * 40_000, "```\n" * 30_000])
@pytest.mark.parametrize("severity", ["error", "warning", "info#err"])
def test_a_very_long_message_fits_into_a_comment(severity: str, text: str) -> None:
    diagnostic = {"severity": severity, "message": text}
    stream = lines_of({"diagnosticEvent": diagnostic}, {"summaryEvent": {"result": "succeeded"}})
    comment = fit(summarize_text(stream))
    assert len(comment) <= COMMENT_LIMIT
    assert "The summary is cut off here" in comment
