"""The rules of cleanup policies: cases by hand, the sandbox's own copy, and the reasons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components import Cleanup, PythonRegistryArgs
from components.cleanup import upload_policies
from tests.support.cases import case_parameters
from tests.support.cleanup import NOW, Listed, doomed_by_the_sandbox, doomed_by_the_tools, in_days
from tools.cleanup.preview import as_api
from tools.cleanup.rules import Version, decide, describe_duration
from tools.errors import ToolError

# Few different values, so that conditions often match and ages are often equal to a limit.
HOURS = st.integers(0, 6)
PACKAGES = st.sampled_from(["a", "a-b", "ab", "b"])
VERSIONS = st.sampled_from(["0.1", "0.2", "1.0", "1.0+local", "10.0"])
PREFIXES = st.lists(st.sampled_from(["a", "a-", "b", "0.", "1.0", "1.0+"]), min_size=1, max_size=2)
DURATIONS = HOURS.map(lambda hours: f"{hours * 3600}s")
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "olderThan": DURATIONS,
        "newerThan": DURATIONS,
        "packageNamePrefixes": PREFIXES,
        "versionNamePrefixes": PREFIXES,
        "tagState": st.sampled_from(["ANY", "TAGGED", "UNTAGGED"]),
        "tagPrefixes": PREFIXES,
    },
)
CONDITIONAL = st.fixed_dictionaries(
    {"action": st.sampled_from(["DELETE", "KEEP"]), "condition": CONDITIONS}
)
MOST_RECENT = st.fixed_dictionaries(
    {
        "action": st.just("KEEP"),
        "mostRecentVersions": st.fixed_dictionaries(
            {"keepCount": st.integers(1, 3)}, optional={"packageNamePrefixes": PREFIXES}
        ),
    }
)
POLICIES = st.dictionaries(st.sampled_from("vwxyz"), CONDITIONAL | MOST_RECENT, max_size=5)
LISTED = st.dictionaries(
    st.tuples(PACKAGES, VERSIONS), HOURS.map(lambda hours: timedelta(hours=hours)), max_size=8
).map(lambda ages: [(package, version, age) for (package, version), age in ages.items()])


@pytest.mark.parametrize("case", case_parameters("cleanup"))
def test_the_preview_decides_as_google_does(case: dict[str, Any]) -> None:
    assert doomed_by_the_tools(case["policies"], in_days(case["versions"])) == case["expected"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(POLICIES, LISTED)
def test_the_preview_and_the_sandbox_decide_the_same(
    policies: dict[str, Any], versions: list[Listed]
) -> None:
    assert doomed_by_the_tools(policies, versions) == doomed_by_the_sandbox(policies, versions)


@settings(deadline=None)
@given(st.integers(1, 9), st.none() | st.integers(1, 3), st.lists(PACKAGES, max_size=2), LISTED)
def test_no_setting_deletes_a_recent_or_young_version(
    hours: int, keep: int | None, prefixes: list[str], versions: list[Listed]
) -> None:
    cleanup = Cleanup(delete_older_than=f"{hours}h", keep_versions=keep, packages=tuple(prefixes))
    args = PythonRegistryArgs(project="demo-proj", location="us", cleanup=cleanup)
    for name in doomed_by_the_tools(as_api(upload_policies(args)), versions):
        package, version = name.split(" ")
        age = next(age for p, v, age in versions if (p, v) == (package, version))
        younger = [v for p, v, other in versions if p == package and other <= age and v != version]
        assert age > timedelta(hours=hours)
        assert len(younger) >= (keep or 0)
        assert not prefixes or package.startswith(tuple(prefixes))


def test_each_version_has_the_reason_for_its_decision() -> None:
    policies = {
        "old": {"action": "DELETE", "condition": {"olderThan": "7776000s", "packageNamePrefixes": ["my-"]}},
        "recent": {"action": "KEEP", "mostRecentVersions": {"keepCount": 1}},
        "two": {"action": "KEEP", "condition": {"versionNamePrefixes": ["2."]}},
    }
    ages = {
        ("my-adder", "1.0"): 100,
        ("my-adder", "1.1"): 90,
        ("my-adder", "1.2"): 95,
        ("tool", "2.0"): 400,
    }
    ages |= {("my-tool", "1.0"): 91, ("my-old", "2.0"): 99, ("my-old", "3.0"): 91}
    versions = [Version(*ids, NOW - timedelta(days=days)) for ids, days in ages.items()]
    assert [(d.version.id, d.version.package, d.reason) for d in decide(policies, versions, NOW)] == [
        ("1.1", "my-adder", "old is for versions older than 90 days"),
        ("1.2", "my-adder", "old"),
        ("1.0", "my-adder", "old"),
        ("3.0", "my-old", "recent keeps the most recent version of each package"),
        ("2.0", "my-old", "two keeps it"),
        ("1.0", "my-tool", "recent keeps the most recent version of each package"),
        ("2.0", "tool", "old is for other packages"),
    ]


def test_an_unknown_condition_is_an_error_and_not_a_guess() -> None:
    policies = {"stale": {"action": "DELETE", "condition": {"moreStaleThan": "1s"}}}
    with pytest.raises(ToolError, match="The cleanup policy stale has the condition moreStaleThan"):
        decide(policies, [], NOW)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        ("7776000s", "90 days"),
        ("86400s", "1 day"),
        ("129600s", "36 hours"),
        ("3600s", "1 hour"),
        ("90s", "90s"),
        ("1.5s", "1.5s"),
        ("x", "x"),
    ],
)
def test_an_age_is_in_words(duration: str, words: str) -> None:
    assert describe_duration(duration) == words
