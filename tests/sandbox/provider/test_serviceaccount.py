"""Service accounts of the fake provider: requests, diffs and waits are those of the real provider 9.35."""

from __future__ import annotations

import pytest

from sandbox.provider.values import UNKNOWN
from tests.support.provider import (
    ACCOUNT,
    ACCOUNT_NAME,
    EMAIL,
    CallError,
    FakeEngine,
    FakeGoogle,
    Props,
    change_kinds,
    google_error,
    plain,
)

STATE: Props = {
    "accountId": "python-reader",
    "displayName": "reader",
    "description": "",
    "disabled": False,
    "project": "demo-proj",
    "deletionPolicy": "DELETE",
    "email": EMAIL,
    "member": f"serviceAccount:{EMAIL}",
}
FOUND: Props = {
    "name": ACCOUNT_NAME,
    "projectId": "demo-proj",
    "uniqueId": "1",
    "email": EMAIL,
    "displayName": "reader",
    "etag": "e",
}


@pytest.mark.parametrize(
    ("change", "changes", "delete_first"),
    [
        ({"displayName": "x"}, {"displayName": "UPDATE"}, False),
        ({"description": "x"}, {"description": "UPDATE"}, False),
        ({"disabled": True}, {"disabled": "UPDATE"}, False),
        ({"project": "o"}, {"project": "UPDATE_REPLACE"}, True),
        (
            {"accountId": "other-reader"},
            {"accountId": "UPDATE_REPLACE", "email": "UPDATE", "member": "UPDATE"},
            True,
        ),
    ],
)
def test_a_replacement_deletes_the_old_account_first(
    engine: FakeEngine, change: Props, changes: Props, delete_first: bool
) -> None:
    given = {key: value for key, value in STATE.items() if key not in ("email", "member")}
    answer = engine.diff(ACCOUNT, STATE, {**given, **change})
    assert change_kinds(answer) == changes
    assert answer.deleteBeforeReplace is delete_first


def test_a_preview_has_the_address_if_the_account_id_is_known(engine: FakeEngine) -> None:
    _, outputs = engine.create(ACCOUNT, {"accountId": "python-reader"}, preview=True)
    assert outputs["email"] == EMAIL
    assert outputs["member"] == f"serviceAccount:{EMAIL}"
    assert outputs["uniqueId"] == UNKNOWN
    _, outputs = engine.create(ACCOUNT, {"accountId": UNKNOWN}, preview=True)
    assert outputs["email"] == UNKNOWN


def test_create_waits_until_three_reads_in_a_row_find_the_account(
    engine: FakeEngine, google: FakeGoogle
) -> None:
    google.on("POST projects/demo-proj/serviceAccounts", (200, FOUND))
    missing, found = (404, google_error(404, "no")), (200, FOUND)
    google.on(f"GET {ACCOUNT_NAME}", missing, found, missing, found)
    resource_id, outputs = engine.create(ACCOUNT, {"accountId": "python-reader", "displayName": "r"})
    assert resource_id == ACCOUNT_NAME
    assert outputs["member"] == f"serviceAccount:{EMAIL}"
    assert google.bodies("POST") == [{"accountId": "python-reader", "serviceAccount": {"displayName": "r"}}]
    assert [r.method for r in google.requests].count("GET") >= 6


def test_create_accepts_an_existing_account_only_if_the_program_allows_it(
    engine: FakeEngine, google: FakeGoogle
) -> None:
    google.on("POST projects/demo-proj/serviceAccounts", (409, google_error(409, "already exists")))
    google.on(f"GET {ACCOUNT_NAME}", (200, FOUND))
    news: Props = {"accountId": "python-reader"}
    with pytest.raises(CallError, match="Error creating service account: googleapi: Error 409"):
        engine.create(ACCOUNT, news)
    resource_id, _ = engine.create(ACCOUNT, {**news, "createIgnoreAlreadyExists": True})
    assert resource_id == ACCOUNT_NAME


def test_update_sends_the_etag_and_waits_until_the_change_shows(
    engine: FakeEngine, google: FakeGoogle
) -> None:
    changed = (200, {**FOUND, "displayName": "new"})
    google.on(f"GET {ACCOUNT_NAME}", (200, FOUND), (200, FOUND), changed)
    google.on(f"PATCH {ACCOUNT_NAME}", (200, {}))
    news = {"accountId": "python-reader", "displayName": "new"}
    outputs = engine.update(ACCOUNT, ACCOUNT_NAME, STATE, news)
    assert google.bodies("PATCH") == [
        {
            "serviceAccount": {"displayName": "new", "etag": "e"},
            "updateMask": "display_name",
        }
    ]
    assert outputs["displayName"] == "new"


def test_update_enables_and_disables_an_account_with_a_separate_request(
    engine: FakeEngine, google: FakeGoogle
) -> None:
    news: Props = {"accountId": "python-reader", "displayName": "reader"}
    disabled = {**STATE, "disabled": True}
    assert change_kinds(engine.diff(ACCOUNT, disabled, news)) == {"disabled": "UPDATE"}
    google.on(f"GET {ACCOUNT_NAME}", (200, FOUND))
    google.on(f"POST {ACCOUNT_NAME}:enable", (200, {}))
    assert engine.update(ACCOUNT, ACCOUNT_NAME, disabled, news)["disabled"] is False
    assert google.bodies("POST") == [{}]
    assert google.bodies("PATCH") == []
    google.on(f"POST {ACCOUNT_NAME}:disable", (200, {}))
    google.on(f"GET {ACCOUNT_NAME}", (200, {**FOUND, "disabled": True}))
    outputs = engine.update(ACCOUNT, ACCOUNT_NAME, STATE, {**news, "disabled": True})
    assert outputs["disabled"] is True


def test_import_accepts_the_address(engine: FakeEngine, google: FakeGoogle) -> None:
    google.on(f"GET {ACCOUNT_NAME}", (200, FOUND))
    answer = engine.read(ACCOUNT, EMAIL)
    assert answer.id == ACCOUNT_NAME
    assert plain(answer.inputs)["accountId"] == "python-reader"
