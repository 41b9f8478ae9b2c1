"""Enabled and disabled APIs of a project."""

from __future__ import annotations

import pytest

from tests.support.cloud import MANAGER, USAGE, Cloud, message
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


def test_a_new_project_has_only_two_apis_enabled(sandbox: Sandbox) -> None:
    cloud = Cloud(sandbox)
    _, services = cloud.ask("GET", f"{USAGE}/{cloud.project}/services?filter=state:ENABLED")
    assert {service["config"]["name"] for service in services["services"]} == {
        "cloudresourcemanager.googleapis.com",
        "serviceusage.googleapis.com",
    }
    for url in (cloud.repositories, cloud.accounts):
        status, answer = cloud.ask("GET", url)
        assert status == 403
        assert answer["error"]["details"][0]["reason"] == "SERVICE_DISABLED"


def test_resource_manager_can_be_disabled(cloud: Cloud) -> None:
    assert cloud.ask("GET", f"{MANAGER}/{cloud.project}")[0] == 200
    cloud.ask("POST", f"{USAGE}/{cloud.project}/services/cloudresourcemanager.googleapis.com:disable", {})
    status, answer = cloud.ask("GET", f"{MANAGER}/{cloud.project}")
    assert status == 403
    assert answer["error"]["details"][0]["metadata"]["service"] == "cloudresourcemanager.googleapis.com"


def test_one_request_enables_several_apis(sandbox: Sandbox) -> None:
    cloud = Cloud(sandbox)
    names = ["artifactregistry.googleapis.com", "iam.googleapis.com"]
    status, _ = cloud.ask("POST", f"{USAGE}/{cloud.project}/services:batchEnable", {"serviceIds": names})
    assert status == 200
    assert cloud.ask("GET", cloud.repositories) == (200, {"repositories": []})


def test_an_unknown_api_cannot_be_enabled(cloud: Cloud) -> None:
    answer = cloud.ask("POST", f"{USAGE}/{cloud.project}/services/nonsense.googleapis.com:enable", {})
    assert answer[0] == 403
    assert "nonsense.googleapis.com" in message(answer)[1]
