"""The stand-in takes every field as the real plugin does: what replaces, what updates, what is shown.

The facts are in `plugin_fields.yaml`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.provider.schema import Fields, Kind
from sandbox.provider.server import RESOURCE_TYPES
from tests.sandbox.provider.provider_fields import TABLE, Field, fields, observed
from tests.sandbox.provider.provider_process import Plugin, Props, running

# Nothing listens there, and nothing need: no question of these goes to Google.
ENVIRONMENT = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "GOOGLE_OAUTH_ACCESS_TOKEN": "x"}
STAND_IN = (sys.executable, "-m", "sandbox.provider")
REPOSITORY = "gcp:artifactregistry/repository:Repository"
FIELDS = list(fields())
REFUSED = [
    pytest.param(
        token,
        it["give"],
        it.get("stand_in", it["says"]),
        id=f"{token.rpartition(':')[2]}-{','.join(it['give'])}",
    )
    for token, about in TABLE.items()
    for it in about.get("refused", [])
]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Plugin]:
    with running(STAND_IN, ENVIRONMENT, {"project": "demo-proj"}) as plugin:
        yield plugin


@pytest.mark.parametrize("field", [f for f in FIELDS if f.is_imitated], ids=str)
def test_a_field_is_what_the_real_plugin_takes_it_for(stand_in: Plugin, field: Field) -> None:
    facts = field.facts
    if facts["unset"] == "made up":
        # The stand-in makes up no names.
        facts["unset"] = "required"
    assert observed(stand_in, field) == facts


@pytest.mark.parametrize("field", [f for f in FIELDS if not f.is_imitated], ids=str)
def test_a_field_of_another_format_is_refused(stand_in: Plugin, field: Field) -> None:
    problems = stand_in.check(field.token, field.given(field.row["to"] or field.before))[1]
    assert any("Invalid or unknown key" in problem for problem in problems)


@pytest.mark.parametrize(("token", "give", "says"), REFUSED)
def test_a_refusal_says_what_the_real_plugin_says_or_what_is_known_to_differ(
    stand_in: Plugin, token: str, give: Props, says: list[str]
) -> None:
    assert sorted(stand_in.check(token, {**TABLE[token]["given"], **give})[1]) == says


def test_the_table_has_every_field_that_the_stand_in_has(stand_in: Plugin) -> None:
    def paths(of: Fields, before: str = "") -> Iterator[str]:
        for name, field in of.items():
            yield before + name
            each = "[0]" if field.kind in (Kind.LIST, Kind.SET) else ""
            yield from paths(field.parts, f"{before}{name}{each}.")

    # The types of the examples alone are not in it.
    types = [kind for kind in RESOURCE_TYPES if kind.token in TABLE]
    known: Any = {kind.token: set(paths(kind.fields)) for kind in types}
    assert known == {
        token: {f.path for f in FIELDS if f.token == token and f.is_imitated} for token in TABLE
    }


def test_a_remote_repository_without_an_upstream_is_not_refused_as_the_real_plugin_would(
    stand_in: Plugin,
) -> None:
    news = {**TABLE[REPOSITORY]["given"], "remoteRepositoryConfig": {"description": "a"}}
    assert stand_in.check(REPOSITORY, news)[1] == []


def test_a_policy_that_changes_shows_as_a_whole_where_the_real_plugin_names_what_changed(
    stand_in: Plugin,
) -> None:
    given = TABLE[REPOSITORY]["given"]
    olds = {**given, **TABLE[REPOSITORY]["read"], "cleanupPolicies": [{"id": "old", "action": "DELETE"}]}
    news = {**given, "cleanupPolicies": [{"id": "old", "action": "KEEP"}]}
    # The real one: cleanupPolicies[0].action.
    assert list(stand_in.diff(REPOSITORY, olds, news).detailedDiff) == ["cleanupPolicies"]
