"""Repositories in the Artifact Registry API: what Google accepts, refuses and shows."""

from __future__ import annotations

import pytest

from tests.support.cloud import REGISTRY, STANDARD, Cloud, message

pytestmark = pytest.mark.sandbox


def test_a_create_is_answered_by_an_unfinished_operation(cloud: Cloud) -> None:
    status, operation = cloud.make("python")
    assert status == 200
    assert "done" not in operation
    status, finished = cloud.ask("GET", f"{REGISTRY}/{operation['name']}")
    assert finished["done"] is True
    assert finished["response"]["name"] == f"{cloud.project}/locations/us/repositories/python"
    assert cloud.ask("GET", f"{REGISTRY}/{cloud.project}/locations/us/operations/none")[0] == 404


def test_only_a_get_shows_the_registry_uri(cloud: Cloud) -> None:
    cloud.make("python")
    _, read = cloud.ask("GET", f"{cloud.repositories}/python")
    assert read["registryUri"] == f"us-python.pkg.dev/{cloud.project.partition('/')[2]}/python"
    _, patched = cloud.ask(
        "PATCH", f"{cloud.repositories}/python?updateMask=description", {"description": "x"}
    )
    assert patched["description"] == "x"
    assert "registryUri" not in patched


def test_a_repository_cannot_be_created_twice(cloud: Cloud) -> None:
    cloud.make("python")
    assert message(cloud.make("python")) == (409, "the repository already exists")


@pytest.mark.parametrize("field", ["format", "mode", "kmsKeyName", "name"])
def test_immutable_fields_cannot_be_updated(cloud: Cloud, field: str) -> None:
    cloud.make("python")
    answer = cloud.ask("PATCH", f"{cloud.repositories}/python?updateMask={field}", {field: "x"})
    assert message(answer) == (400, f"Field '{field}' of a repository is immutable.")


@pytest.mark.parametrize("repository", ["Python", "my_repo", "a" * 64, "python-"])
def test_an_invalid_repository_id_is_refused(cloud: Cloud, repository: str) -> None:
    assert cloud.make(repository)[0] == 400


@pytest.mark.parametrize("labels", [{"Team": "a"}, {"team": "A"}, {f"k{i}": "v" for i in range(65)}])
def test_invalid_labels_are_refused(cloud: Cloud, labels: dict[str, str]) -> None:
    assert cloud.make("python", labels=labels)[0] == 400


def test_an_unknown_location_is_refused(cloud: Cloud) -> None:
    url = f"{REGISTRY}/{cloud.project}/locations/us-centra1/repositories?repository_id=python"
    assert message(cloud.ask("POST", url, STANDARD)) == (
        403,
        "Location us-centra1 is not found or access is unauthorized.",
    )


def test_an_upstream_must_exist_and_cannot_be_deleted_while_in_use(cloud: Cloud) -> None:
    upstream = f"{cloud.project}/locations/us/repositories/python"
    policies = {"upstreamPolicies": [{"id": "private", "repository": upstream, "priority": 1}]}
    virtual = {"mode": "VIRTUAL_REPOSITORY", "virtualRepositoryConfig": policies}
    assert message(cloud.make("index", **virtual)) == (
        400,
        f"Upstream repository {upstream} does not exist.",
    )
    cloud.make("python")
    assert cloud.make("index", **virtual)[0] == 200
    assert cloud.ask("DELETE", f"{cloud.repositories}/python")[0] == 400
    assert cloud.ask("DELETE", f"{cloud.repositories}/index")[0] == 200
    assert cloud.ask("DELETE", f"{cloud.repositories}/python")[0] == 200
    assert cloud.ask("GET", f"{cloud.repositories}/python")[0] == 404
