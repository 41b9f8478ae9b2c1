"""Download rules in the Artifact Registry API: one per package, and who can change them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cloud import Cloud

pytestmark = pytest.mark.sandbox


def deny(package: str) -> dict[str, str]:
    return {"action": "DENY", "operation": "DOWNLOAD", "packageId": package}


def test_a_rule_is_created_read_listed_updated_and_deleted(cloud: Cloud) -> None:
    cloud.make("python")
    rules = f"{cloud.repositories}/python/rules"
    name = f"{cloud.project}/locations/us/repositories/python/rules/deny-a"
    made = {"name": name, **deny("a")}
    assert cloud.ask("POST", f"{rules}?ruleId=deny-a", deny("a")) == (200, made)
    assert cloud.ask("GET", f"{rules}/deny-a") == (200, made)
    assert cloud.ask("GET", rules) == (200, {"rules": [made]})
    changed = {**made, "action": "ALLOW"}
    assert cloud.ask("PATCH", f"{rules}/deny-a?updateMask=action", {"action": "ALLOW"}) == (200, changed)
    assert cloud.ask("DELETE", f"{rules}/deny-a") == (200, {})
    assert cloud.ask("GET", f"{rules}/deny-a")[0] == 404


def test_each_package_has_one_rule_and_all_packages_have_one(cloud: Cloud) -> None:
    cloud.make("python")
    rules = f"{cloud.repositories}/python/rules"
    for rule_id, body in (("a", deny("a")), ("b", deny("b")), ("all", deny(""))):
        assert cloud.ask("POST", f"{rules}?ruleId={rule_id}", body)[0] == 200
        for again in (rule_id, "other"):
            status, answer = cloud.ask("POST", f"{rules}?ruleId={again}", body)
            assert (status, answer["error"]["status"]) == (409, "ALREADY_EXISTS")
    assert cloud.ask("PATCH", f"{rules}/b?updateMask=packageId", deny("a"))[0] == 409
    assert cloud.ask("PATCH", f"{rules}/b?updateMask=packageId", deny("c"))[0] == 200


@pytest.mark.parametrize(
    ("rule_id", "change"),
    [
        ("a", {"action": "MAYBE"}),
        ("a", {"operation": "UPLOAD"}),
        ("a", {"condition": {"expression": "true"}}),
        ("a", {"packageId": ["a"]}),
        ("a b", {}),
        ("a" * 257, {}),
        ("", {}),
    ],
)
def test_an_invalid_or_unsupported_rule_is_refused(
    cloud: Cloud, rule_id: str, change: dict[str, Any]
) -> None:
    cloud.make("python")
    url = f"{cloud.repositories}/python/rules?ruleId={rule_id}"
    assert cloud.ask("POST", url, {**deny("a"), **change})[0] == 400
    assert cloud.ask("GET", f"{cloud.repositories}/python/rules")[1] == {"rules": []}


def test_rules_are_deleted_with_their_repository(cloud: Cloud) -> None:
    cloud.make("python")
    rules = f"{cloud.repositories}/python/rules"
    cloud.ask("POST", f"{rules}?ruleId=a", deny("a"))
    cloud.ask("DELETE", f"{cloud.repositories}/python")
    assert cloud.ask("GET", rules)[0] == 404
    cloud.make("python")
    assert cloud.ask("GET", rules)[1] == {"rules": []}


def test_readers_read_rules_and_repository_admins_change_them(cloud: Cloud) -> None:
    cloud.make("python")
    roles = {"user:reader@example.com": "reader", "user:boss@example.com": "repoAdmin"}
    bindings = [{"role": f"roles/artifactregistry.{r}", "members": [m]} for m, r in roles.items()]
    cloud.ask("POST", f"{cloud.repositories}/python:setIamPolicy", {"policy": {"bindings": bindings}})
    rules = f"{cloud.repositories}/python/rules"
    assert cloud.ask("GET", rules, member="user:reader@example.com")[0] == 200
    assert cloud.ask("GET", rules, member="user:other@example.com")[0] == 403
    assert cloud.ask("POST", f"{rules}?ruleId=a", deny("a"), "user:reader@example.com")[0] == 403
    assert cloud.ask("POST", f"{rules}?ruleId=a", deny("a"), "user:boss@example.com")[0] == 200
    assert cloud.ask("DELETE", f"{rules}/a", None, "user:reader@example.com")[0] == 403
