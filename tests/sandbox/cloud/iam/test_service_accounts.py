"""Service accounts: create, read, update and delete."""

from __future__ import annotations

import pytest

from tests.support.cloud import Cloud

pytestmark = pytest.mark.sandbox


def test_accounts_are_created_read_updated_and_deleted(cloud: Cloud) -> None:
    status, made = cloud.ask(
        "POST", cloud.accounts, {"accountId": "python-reader", "serviceAccount": {"displayName": "one"}}
    )
    assert status == 200
    assert made["email"].startswith("python-reader@")
    assert len(made["uniqueId"]) == 21
    again = cloud.ask("POST", cloud.accounts, {"accountId": "python-reader"})
    assert again[0] == 409
    one = f"{cloud.accounts}/{made['email']}"
    change = {"serviceAccount": {"displayName": "two", "etag": made["etag"]}, "updateMask": "display_name"}
    assert cloud.ask("PATCH", one, change)[1]["displayName"] == "two"
    assert cloud.ask("PATCH", one, change)[0] == 409, "the etag is stale"
    assert cloud.ask("DELETE", one) == (200, {})
    assert cloud.ask("GET", one)[0] == 404


def test_a_grant_to_a_deleted_account_never_counts_for_its_successor(
    cloud: Cloud,
) -> None:
    cloud.make("python")
    policy_of = f"{cloud.repositories}/python"
    _, made = cloud.ask("POST", cloud.accounts, {"accountId": "short-lived"})
    member, role = f"serviceAccount:{made['email']}", "roles/artifactregistry.reader"
    desired = {"bindings": [{"role": role, "members": [member, "user:a@example.com"]}]}
    cloud.ask("POST", f"{policy_of}:setIamPolicy", {"policy": desired})
    assert cloud.ask("GET", policy_of, member=member)[0] == 200
    cloud.ask("DELETE", f"{cloud.accounts}/{made['email']}")
    _, policy = cloud.ask("GET", f"{policy_of}:getIamPolicy")
    gone = f"deleted:{member}?uid={made['uniqueId']}"
    assert policy["bindings"] == [{"role": role, "members": [gone, "user:a@example.com"]}]
    assert cloud.ask("POST", f"{policy_of}:setIamPolicy", {"policy": policy})[0] == 200
    assert cloud.ask("POST", cloud.accounts, {"accountId": "short-lived"})[0] == 200
    assert cloud.ask("GET", policy_of, member=member)[0] == 403
