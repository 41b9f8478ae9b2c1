"""Download rules of the fake provider: requests, diffs and ids are those of the real provider 9.35."""

from __future__ import annotations

import pytest

from tests.support.provider import (
    NAME,
    RULE,
    FakeEngine,
    FakeGoogle,
    Props,
    change_kinds,
    google_error,
    plain,
)

RULE_NAME = f"{NAME}/rules/deny-a"
INPUTS: Props = {
    "repositoryId": "python",
    "location": "us-central1",
    "ruleId": "deny-a",
    "action": "DENY",
    "operation": "DOWNLOAD",
    "packageId": "a",
}
BODY: Props = {"action": "DENY", "operation": "DOWNLOAD", "packageId": "a"}
FOUND: Props = {"name": RULE_NAME, **BODY}


def create(engine: FakeEngine, google: FakeGoogle) -> tuple[str, Props]:
    google.on(f"POST {NAME}/rules", (200, FOUND))
    google.on(f"GET {RULE_NAME}", (200, FOUND))
    return engine.create(RULE, INPUTS)


def test_create_sends_one_request_and_reads(engine: FakeEngine, google: FakeGoogle) -> None:
    resource_id, outputs = create(engine, google)
    assert resource_id == outputs["name"] == RULE_NAME
    assert google.requests[0].query["ruleId"] == "deny-a"
    assert google.bodies("POST") == [BODY]
    assert outputs["project"] == "demo-proj"
    assert change_kinds(engine.diff(RULE, outputs, INPUTS)) == {}


@pytest.mark.parametrize(
    ("change", "kind", "mask"),
    [
        ({"action": "ALLOW"}, {"action": "UPDATE"}, "action"),
        ({"packageId": "b"}, {"packageId": "UPDATE"}, "packageId"),
        ({"condition": {"expression": "true"}}, {"condition": "ADD"}, "condition"),
    ],
)
def test_update_sends_a_mask_with_the_changed_property(
    engine: FakeEngine, google: FakeGoogle, change: Props, kind: Props, mask: str
) -> None:
    resource_id, outputs = create(engine, google)
    news = {**INPUTS, **change}
    assert change_kinds(engine.diff(RULE, outputs, news)) == kind
    google.on(f"PATCH {RULE_NAME}", (200, FOUND))
    engine.update(RULE, resource_id, outputs, news)
    (patch,) = [request for request in google.requests if request.method == "PATCH"]
    assert patch.query["updateMask"] == mask
    assert patch.body == {**BODY, **change}


@pytest.mark.parametrize("field", ["repositoryId", "ruleId", "location", "project"])
def test_another_location_or_id_replaces_the_rule(
    engine: FakeEngine, google: FakeGoogle, field: str
) -> None:
    _, outputs = create(engine, google)
    changes = change_kinds(engine.diff(RULE, outputs, {**INPUTS, field: "other"}))
    assert changes == {field: "UPDATE_REPLACE"}


def test_a_missing_rule_has_no_id_and_delete_succeeds(engine: FakeEngine, google: FakeGoogle) -> None:
    resource_id, outputs = create(engine, google)
    google.on(f"GET {RULE_NAME}", (404, google_error(404, "gone")))
    assert engine.read(RULE, resource_id, outputs).id == ""
    engine.delete(RULE, resource_id, outputs)


@pytest.mark.parametrize(
    "import_id", [RULE_NAME, "demo-proj/us-central1/python/deny-a", "us-central1/python/deny-a"]
)
def test_import_accepts_every_form_of_the_id(
    engine: FakeEngine, google: FakeGoogle, import_id: str
) -> None:
    google.on(f"GET {RULE_NAME}", (200, FOUND))
    answer = engine.read(RULE, import_id)
    assert answer.id == RULE_NAME
    assert change_kinds(engine.diff(RULE, plain(answer.properties), INPUTS)) == {}
