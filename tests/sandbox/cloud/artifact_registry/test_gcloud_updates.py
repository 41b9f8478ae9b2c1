"""The real gcloud changes repositories: each flag of `update` works, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import case_parameters
from tests.support.cloud import Cloud
from tests.support.repositories import create_repositories, read_fields

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
OLD = {"name": "old", "action": {"type": "Delete"}, "condition": {"olderThan": "30d", "tagState": "any"}}
RECENT = {"name": "recent", "action": {"type": "Keep"}, "mostRecentVersions": {"keepCount": 3}}


@pytest.mark.parametrize("case", case_parameters("api_rules", kind="gcloud"))
def test_gcloud_changes_a_repository_or_is_refused(
    cloud: Cloud, tmp_path: Path, case: dict[str, Any]
) -> None:
    collection = create_repositories(cloud)
    upstreams = [
        {"id": "x", "repository": f"{collection}/stranger", "priority": 99},
        {"id": "private", "repository": f"{collection}/python", "priority": 20},
    ]
    (tmp_path / "upstreams.json").write_text(json.dumps(upstreams))
    (tmp_path / "policies.json").write_text(json.dumps([OLD, RECENT]))
    words = [word.format(folder=tmp_path) for word in case["input"]]
    project = cloud.project.partition("/")[2]
    where = ["--project", project, "--location", "us", "--quiet"]
    done = cloud.sandbox.run("gcloud", "artifacts", "repositories", *words, *where, check=False)
    if isinstance(case["expected"], str):
        assert done.returncode == 1
        assert case["expected"] in done.stderr
        assert "Updated" not in done.stderr
        return
    assert done.returncode == 0, done.stderr
    expected = json.loads(json.dumps(case["expected"]).replace("{collection}", collection))
    assert read_fields(cloud, words[1], expected) == expected
