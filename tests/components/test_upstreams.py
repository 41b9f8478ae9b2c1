"""A second upstream reaches every part of the registry.

A part that names PyPI's repository by hand passes every other test: a private name can then come from the
second upstream.
"""

from __future__ import annotations

import tomllib

import pytest

from components.args import PythonRegistryArgs
from components.upstreams import PRIVATE_PRIORITY, PYPI, Upstream
from tests.support.recorder import BINDING, MINIMAL, REPOSITORY, RULE, Recording, Run

SECOND = Upstream(id="second", title="Second", priority=PYPI.priority - 1)
REPOSITORY_ID = "python-second"


@pytest.fixture
def recording(run_program: Run, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """The program with two upstreams and two private packages."""
    monkeypatch.setattr(PythonRegistryArgs, "upstreams", (PYPI, SECOND))
    return run_program({**MINIMAL, "python-registry:privatePackages": ["my-adder", "other"]})


def test_each_upstream_has_a_remote_repository_that_waits_for_the_upload_repository(
    recording: Recording,
) -> None:
    assert list(recording.of(REPOSITORY)) == [
        "registry-upload",
        "registry-pypi",
        "registry-second",
        "registry-index",
    ]
    remote = recording["registry-second"]
    assert remote.inputs["repositoryId"] == REPOSITORY_ID
    assert remote.inputs["description"] == "Cache of Second"
    assert remote.dependencies == [recording["registry-upload"].urn]


def test_the_virtual_repository_reads_each_upstream_after_the_private_repository(
    recording: Recording,
) -> None:
    index = recording["registry-index"]
    assert [
        (policy["id"], policy["repository"].rpartition("/")[2], policy["priority"])
        for policy in index.inputs["virtualRepositoryConfig"]["upstreamPolicies"]
    ] == [
        ("private", "python", PRIVATE_PRIORITY),
        ("pypi", "python-pypi", PYPI.priority),
        ("second", REPOSITORY_ID, SECOND.priority),
    ]
    assert recording["registry-second"].urn in index.dependencies


def test_readers_of_the_index_read_each_upstream(recording: Recording) -> None:
    grants = recording.of(BINDING)
    assert grants["registry-second-readers"].inputs["repository"] == REPOSITORY_ID
    members = grants["registry-index-readers"].inputs["members"]
    assert grants["registry-second-readers"].inputs["members"] == members != []


def test_each_private_package_is_denied_on_each_upstream(recording: Recording) -> None:
    assert {
        (rule.inputs["repositoryId"], rule.inputs["ruleId"]) for rule in recording.of(RULE).values()
    } == {
        (repository, rule)
        for repository in ("python-pypi", REPOSITORY_ID)
        for rule in ("deny-my-adder", "deny-other")
    }


def test_uv_reads_each_upstream_after_the_private_index(recording: Recording) -> None:
    indexes = tomllib.loads(recording.outputs["uv_toml"])["index"]
    assert [index["name"] for index in indexes] == ["python", "python-pypi", REPOSITORY_ID]
    assert [index["name"] for index in indexes if index.get("default")] == ["python-pypi"]


def test_the_registry_lists_the_repository_of_each_upstream_as_its_own(recording: Recording) -> None:
    args = PythonRegistryArgs(project="demo-proj", location="us")
    ids = {resource.inputs["repositoryId"] for resource in recording.of(REPOSITORY).values()}
    assert set(args.repositories) == ids
