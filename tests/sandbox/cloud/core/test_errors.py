"""Requests that every API of the cloud refuses."""

from __future__ import annotations

import pytest

from tests.support.cloud import MANAGER, REGISTRY, Cloud, message

pytestmark = pytest.mark.sandbox


def test_a_body_without_an_object_is_refused(cloud: Cloud) -> None:
    cloud.make("python")
    _, account = cloud.ask("POST", cloud.accounts, {"accountId": "python-reader"})
    for url in (
        f"{cloud.repositories}/python/rules?ruleId=a",
        f"{cloud.accounts}/{account['email']}/keys",
    ):
        status, answer = cloud.ask("POST", url, ["no object"])
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_a_missing_or_unknown_token_is_401(cloud: Cloud) -> None:
    url = f"{MANAGER}/{cloud.project}"
    code = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"]
    assert cloud.sandbox.run(*code, url).stdout == "401"
    assert cloud.sandbox.run(*code, "-H", "Authorization: Bearer ya29.invented", url).stdout == "401"


def test_a_body_without_json_is_an_invalid_argument(cloud: Cloud) -> None:
    script = 'curl -sS -H "Authorization: Bearer $GOOGLE_OAUTH_ACCESS_TOKEN" -d "{oops" "$1"'
    output = cloud.sandbox.run("sh", "-c", script, "sh", f"{cloud.repositories}?repository_id=a").stdout
    assert '"status":"INVALID_ARGUMENT"' in output


@pytest.mark.parametrize(
    "url",
    [
        "https://compute.googleapis.com/compute/v1/projects/p/regions",
        f"{REGISTRY}/projects/demo-project/locations/us/repositories/python/dockerImages",
    ],
)
def test_an_unsupported_request_is_refused_by_name(cloud: Cloud, url: str) -> None:
    status, text = message(cloud.ask("GET", url))
    assert status == 501
    assert text == f"The sandbox does not emulate GET {url.removeprefix('https://')}."
