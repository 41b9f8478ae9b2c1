"""Requests with the names, types and parameters of `tests/cases/api_rules.yaml`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.cases import case_parameters
from tests.support.cloud import Cloud, message
from tests.support.repositories import create_repositories, read_fields

pytestmark = pytest.mark.sandbox
READER = {"role": "roles/artifactregistry.reader", "members": ["user:b@example.com"]}


@pytest.mark.parametrize("case", case_parameters("api_rules", kind="patch"))
def test_a_patch_changes_the_fields_of_its_mask_or_is_refused(cloud: Cloud, case: dict[str, Any]) -> None:
    collection = create_repositories(cloud)
    case = json.loads(json.dumps(case).replace("{collection}", collection))
    name = case["input"].get("repository", "python")
    url = f"{cloud.repositories}/{name}"
    _, before = cloud.ask("GET", url)
    mask = case["input"].get("mask")
    query = "" if mask is None else f"?updateMask={mask}"
    if "query" in case["input"]:
        query = f"?{case['input']['query']}"
    answer = cloud.ask("PATCH", url + query, case["input"]["body"])
    if isinstance(case["expected"], str):
        status, text = message(answer)
        assert status == 400
        assert case["expected"] in text
        assert cloud.ask("GET", url)[1] == before
    else:
        assert answer[0] == 200, answer
        assert read_fields(cloud, name, case["expected"]) == case["expected"]


@pytest.mark.parametrize("case", case_parameters("api_rules", kind="create"))
def test_a_repository_is_created_or_refused(cloud: Cloud, case: dict[str, Any]) -> None:
    collection = create_repositories(cloud)
    case = json.loads(json.dumps(case).replace("{collection}", collection))
    query, body = case["input"]["query"], case["input"]["body"]
    answer = cloud.ask("POST", f"{cloud.repositories}?{query}", {"format": "PYTHON", **body})
    if isinstance(case["expected"], str):
        status, text = message(answer)
        assert status == 400
        assert case["expected"] in text
        assert cloud.ask("GET", f"{cloud.repositories}/new")[0] == 404
    else:
        assert answer[0] == 200, answer
        assert read_fields(cloud, "new", case["expected"]) == case["expected"]


@pytest.mark.parametrize("case", case_parameters("api_rules", kind="policy"))
def test_a_policy_is_replaced_or_stays_as_it_was(cloud: Cloud, case: dict[str, Any]) -> None:
    assert cloud.make("python")[0] == 200
    url = f"{cloud.repositories}/python"
    assert cloud.ask("POST", f"{url}:setIamPolicy", {"policy": {"bindings": [READER]}})[0] == 200
    answer = cloud.ask("POST", f"{url}:setIamPolicy", case["input"])
    _, after = cloud.ask("GET", f"{url}:getIamPolicy")
    if isinstance(case["expected"], str):
        status, text = message(answer)
        assert status in (400, 409)
        assert case["expected"] in text
        assert after["bindings"] == [READER]
    else:
        assert answer[0] == 200, answer
        assert after.get("bindings") == case["expected"]


@pytest.mark.parametrize("case", case_parameters("api_rules", kind="rule"))
def test_a_rule_is_changed_or_stays_as_it_was(cloud: Cloud, case: dict[str, Any]) -> None:
    assert cloud.make("python")[0] == 200
    rules = f"{cloud.repositories}/python/rules"
    deny = {"action": "DENY", "operation": "DOWNLOAD"}
    assert cloud.ask("POST", f"{rules}?ruleId=all", deny)[0] == 200
    answer = cloud.ask("PATCH", f"{rules}/all{case['input']['query']}", case["input"]["body"])
    _, after = cloud.ask("GET", f"{rules}/all")
    if isinstance(case["expected"], str):
        status, text = message(answer)
        assert status == 400
        assert case["expected"] in text
        assert after["action"] == "DENY"
    else:
        assert answer[0] == 200, answer
        assert case["expected"].items() <= after.items()
