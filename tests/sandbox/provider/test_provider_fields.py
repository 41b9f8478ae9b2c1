"""The fake provider treats all fields as the real provider does: replace, update, default, message.

The facts are in `provider_fields.yaml`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.provider.resource_types import RESOURCE_TYPES
from sandbox.provider.schema import Fields, Kind, top
from tests.sandbox.provider.provider_fields import TABLE, Field, change, fields, observed
from tests.sandbox.provider.provider_process import Props, ProviderClient, running
from tests.support.provider import REPOSITORY, change_kinds

# Nothing listens at this address: none of these questions leads to a request to Google.
ENVIRONMENT = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "GOOGLE_OAUTH_ACCESS_TOKEN": "x"}
FAKE_PROVIDER = (sys.executable, "-m", "sandbox.provider")
FIELDS = list(fields())
SUPPORTED = [field for field in FIELDS if field.is_supported]
REFUSED = [
    pytest.param(
        token,
        row["give"],
        row.get("fake", row["says"]),
        id=f"{token.rpartition(':')[2]}-{','.join(row['give'])}",
    )
    for token, about in TABLE.items()
    for row in about.get("refused", [])
]


@pytest.fixture(scope="module")
def fake() -> Iterator[ProviderClient]:
    with running(FAKE_PROVIDER, ENVIRONMENT, {"project": "demo-proj"}) as client:
        yield client


@pytest.mark.parametrize("field", SUPPORTED, ids=str)
def test_a_field_has_the_facts_of_the_real_provider(fake: ProviderClient, field: Field) -> None:
    facts = field.facts
    if facts["unset"] == "generated":
        # The fake provider generates no names.
        facts["unset"] = "required"
    assert observed(fake, field) == facts


@pytest.mark.parametrize("field", [f for f in SUPPORTED if f.row["is"] != "computed"], ids=str)
def test_the_detailed_diff_of_a_field_agrees_with_its_fact(fake: ProviderClient, field: Field) -> None:
    kinds = [kind for path, kind in change_kinds(change(fake, field)).items() if top(path) == field.top]
    assert any(kind.endswith("_REPLACE") for kind in kinds) == (field.row["is"] == "replace")


@pytest.mark.parametrize("field", [f for f in FIELDS if not f.is_supported], ids=str)
def test_a_field_of_another_format_is_rejected(fake: ProviderClient, field: Field) -> None:
    failures = fake.check(field.token, field.given(field.row["to"] or field.before))[1]
    assert any("Invalid or unknown key" in failure for failure in failures)


@pytest.mark.parametrize(("token", "give", "messages"), REFUSED)
def test_check_has_the_messages_of_the_real_provider_or_known_others(
    fake: ProviderClient, token: str, give: Props, messages: list[str]
) -> None:
    assert sorted(fake.check(token, {**TABLE[token]["given"], **give})[1]) == messages


def test_the_table_has_all_fields_of_the_fake_provider() -> None:
    def paths(members: Fields, before: str = "") -> Iterator[str]:
        for name, field in members.items():
            yield before + name
            index = "[0]" if field.kind in (Kind.LIST, Kind.SET) else ""
            yield from paths(field.parts, f"{before}{name}{index}.")

    # The table does not have the types that only the examples use.
    types = [kind for kind in RESOURCE_TYPES if kind.token in TABLE]
    known: Any = {kind.token: set(paths(kind.fields)) for kind in types}
    assert known == {token: {f.path for f in SUPPORTED if f.token == token} for token in TABLE}


def test_check_accepts_a_remote_repository_without_an_upstream_unlike_the_real_provider(
    fake: ProviderClient,
) -> None:
    news = {**TABLE[REPOSITORY]["given"], "remoteRepositoryConfig": {"description": "a"}}
    assert fake.check(REPOSITORY, news)[1] == []


def test_the_diff_shows_a_changed_policy_as_a_whole_unlike_the_real_provider(
    fake: ProviderClient,
) -> None:
    given = TABLE[REPOSITORY]["given"]
    olds = {**given, **TABLE[REPOSITORY]["read"], "cleanupPolicies": [{"id": "old", "action": "DELETE"}]}
    news = {**given, "cleanupPolicies": [{"id": "old", "action": "KEEP"}]}
    # The real provider shows cleanupPolicies[0].action.
    assert list(fake.diff(REPOSITORY, olds, news).detailedDiff) == ["cleanupPolicies"]
