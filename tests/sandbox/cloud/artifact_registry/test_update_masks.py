"""A PATCH of a repository: the fields that its mask names change, and the answer is a refusal otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.cases import case_parameters
from tests.support.cloud import Cloud, message
from tests.support.repositories import create_repositories, read_fields

pytestmark = pytest.mark.sandbox


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
