"""The component as a whole: parents, order, retries and outputs."""

from __future__ import annotations

import pulumi
import pytest

from components import registry as registry_module
from components.args import PythonRegistryArgs
from components.registry import OUTPUTS, PythonRegistry
from tests.support.recorder import (
    ACCOUNT,
    MINIMAL,
    REGISTRY,
    REPOSITORY,
    RULE,
    SERVICE,
    Recording,
    Run,
)

EVERYTHING = {
    **MINIMAL,
    "python-registry:impersonators": {"writer": ["user:ci@example.com"]},
    "python-registry:github": {"repositories": ["acme/tool"], "ownerId": 1, "ref": "refs/heads/main"},
    "python-registry:privatePackages": ["a"],
}


def test_the_component_is_the_parent_of_every_resource(run_program: Run) -> None:
    recording = run_program(EVERYTHING)
    assert list(recording.of(REGISTRY)) == ["registry"]
    for resource in recording.resources:
        if resource.type != REGISTRY:
            assert resource.parent == recording["registry"].urn, resource.name


def test_the_component_accepts_resource_options(run_program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def aliased(name: str, args: PythonRegistryArgs, opts: pulumi.ResourceOptions) -> PythonRegistry:
        alias = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="packages")])
        return PythonRegistry(name, args, pulumi.ResourceOptions.merge(opts, alias))

    monkeypatch.setattr(registry_module, "PythonRegistry", aliased)
    registry = run_program(MINIMAL)["registry"]
    assert [alias.rpartition("::")[2] for alias in registry.aliases] == ["packages"]


def test_no_update_disables_an_api(run_program: Run) -> None:
    services = run_program(EVERYTHING).of(SERVICE).values()
    assert len(services) == 4
    assert all(service.inputs["disableOnDestroy"] is False for service in services)


def test_only_service_accounts_need_the_iam_apis(run_program: Run) -> None:
    recording = run_program({**MINIMAL, "python-registry:serviceAccounts": False})
    assert [service.inputs["service"] for service in recording.of(SERVICE).values()] == [
        "artifactregistry.googleapis.com"
    ]
    assert not recording.of(ACCOUNT)


def prerequisites(recording: Recording, name: str) -> set[str]:
    """The names of all resources that Pulumi creates before this one."""
    direct = {urn.rpartition("::")[2] for urn in recording[name].dependencies}
    return direct.union(*(prerequisites(recording, other) for other in direct))


def test_every_repository_and_account_waits_for_its_api(run_program: Run) -> None:
    recording = run_program(MINIMAL)
    for repository in recording.of(REPOSITORY):
        assert "registry-artifactregistry-api" in prerequisites(recording, repository)
    for account in recording.of(ACCOUNT):
        assert "registry-iam-api" in prerequisites(recording, account)


def test_only_apis_and_the_pool_do_not_wait_for_the_upload_repository(run_program: Run) -> None:
    recording = run_program(EVERYTHING)
    independent = {
        resource.name
        for resource in recording.resources
        if resource.type.startswith("gcp:")
        and "registry-upload" not in prerequisites(recording, resource.name)
    }
    assert independent - set(recording.of(SERVICE)) == {
        "registry-upload",
        "registry-github-pool",
        "registry-github",
    }


def test_a_deny_rule_waits_for_the_cache_and_uses_the_normalized_name(run_program: Run) -> None:
    recording = run_program({**MINIMAL, "python-registry:privatePackages": ["My_Adder"]})
    (rule,) = recording.of(RULE).values()
    assert rule.inputs["packageId"] == "my-adder"
    assert recording["registry-pypi"].urn in rule.dependencies


def test_every_resource_at_google_has_the_retry_hook(run_program: Run) -> None:
    resources = run_program(EVERYTHING).resources
    hooks = {resource.name: resource.error_hooks for resource in resources}
    assert [name for name, hook in hooks.items() if not hook] == [
        "registry",
        "registry-authoritative-access",
    ]
    assert {hook for each in hooks.values() for hook in each} == {
        "python-registry:projects/demo-proj/locations/us-central1/repositories/python"
    }


def test_the_stack_exports_every_output_of_the_component(run_program: Run) -> None:
    recording = run_program(EVERYTHING)
    assert set(recording.outputs) == set(OUTPUTS)
    assert recording.component_outputs == recording.outputs


def test_an_output_without_a_value_is_empty_instead_of_missing(run_program: Run) -> None:
    off = {"python-registry:pypiProxy": False, "python-registry:serviceAccounts": False}
    outputs = run_program({**MINIMAL, **off}).outputs
    assert set(outputs) == set(OUTPUTS)
    assert {name for name, value in outputs.items() if value == ""} == {
        "reader_email",
        "writer_email",
        "workload_identity_provider",
    }
