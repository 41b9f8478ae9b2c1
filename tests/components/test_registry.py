"""What the program asks for: resources, order, protection, outputs."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import registry as python_registry
from components.args import PythonRegistryArgs
from components.registry import CONTRACT_VERSION, OUTPUTS, PythonRegistry
from tests.support.recorder import (
    ACCOUNT,
    ACCOUNT_BINDING,
    ACCOUNT_MEMBER,
    BINDING,
    MEMBER,
    MINIMAL,
    POOL,
    PROVIDER,
    REGISTRY,
    REPOSITORY,
    RULE,
    SERVICE,
    Recording,
    Run,
)

READER_MEMBER = "serviceAccount:python-reader@demo-proj.iam.gserviceaccount.com"
WRITER_MEMBER = "serviceAccount:python-writer@demo-proj.iam.gserviceaccount.com"
PEOPLE = {
    "python-registry:readers": ["group:all@example.com"],
    "python-registry:writers": ["user:ci@example.com"],
    "python-registry:admins": ["user:boss@example.com"],
}


def urns(recording: Recording, type_: str) -> set[str]:
    return {r.urn for r in recording.of(type_).values()}


def test_one_component_holds_everything(run_program: Run) -> None:
    recording = run_program(MINIMAL)
    assert list(recording.of(REGISTRY)) == ["registry"]
    for resource in recording.resources:
        if resource.type != REGISTRY:
            assert resource.parent == recording["registry"].urn, resource.name


def test_the_component_takes_what_any_resource_takes(
    run_program: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def aliased(name: str, args: PythonRegistryArgs) -> PythonRegistry:
        opts = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="packages")])
        return PythonRegistry(name, args, opts)

    monkeypatch.setattr(python_registry, "PythonRegistry", aliased)
    registry = run_program(MINIMAL)["registry"]
    assert [alias.rpartition("::")[2] for alias in registry.aliases] == ["packages"]


def test_apis_are_never_disabled_again(run_program: Run) -> None:
    services = run_program(MINIMAL).of(SERVICE).values()
    assert {s.inputs["service"] for s in services} == {
        "artifactregistry.googleapis.com",
        "iam.googleapis.com",
        "iamcredentials.googleapis.com",
    }
    assert all(s.inputs["disableOnDestroy"] is False for s in services)


def test_without_accounts_their_apis_stay_as_they_are(run_program: Run) -> None:
    recording = run_program({**MINIMAL, "python-registry:serviceAccounts": False})
    assert [s.inputs["service"] for s in recording.of(SERVICE).values()] == [
        "artifactregistry.googleapis.com"
    ]
    assert not recording.of(ACCOUNT)


def awaited(recording: Recording, name: str) -> set[str]:
    """The names of all that must be there before a resource is made."""
    direct = {urn.rpartition("::")[2] for urn in recording[name].dependencies}
    return direct.union(*(awaited(recording, other) for other in direct))


def test_every_repository_and_account_waits_for_its_api(run_program: Run) -> None:
    recording = run_program(MINIMAL)
    for repository in recording.of(REPOSITORY):
        assert "registry-artifactregistry-api" in awaited(recording, repository)
    for account in recording.of(ACCOUNT):
        assert "registry-iam-api" in awaited(recording, account)


def test_where_the_upload_repository_is_refused_hardly_anything_else_is_made(run_program: Run) -> None:
    recording = run_program({**MINIMAL, **IMPERSONATORS, **WORKFLOWS})
    free = {
        r.name
        for r in recording.resources
        if r.type.startswith("gcp:") and "registry-upload" not in awaited(recording, r.name)
    }
    assert free - set(recording.of(SERVICE)) == {
        "registry-upload",
        "registry-github-pool",
        "registry-github",
    }


def test_the_virtual_repository_reads_the_private_one_first_and_waits_for_both(run_program: Run) -> None:
    index = run_program(MINIMAL)["registry-index"]
    policies: list[dict[str, Any]] = index.inputs["virtualRepositoryConfig"]["upstreamPolicies"]
    parent = "projects/demo-proj/locations/us-central1/repositories"
    by_priority = sorted(policies, key=lambda policy: -policy["priority"])
    assert [policy["repository"] for policy in by_priority] == [
        f"{parent}/python",
        f"{parent}/python-pypi",
    ]
    assert any(urn.endswith("::registry-upload") for urn in index.dependencies)
    assert any(urn.endswith("::registry-pypi") for urn in index.dependencies)


def test_without_the_proxy_there_is_one_repository(run_program: Run) -> None:
    recording = run_program({**MINIMAL, "python-registry:pypiProxy": False})
    assert list(recording.of(REPOSITORY)) == ["registry-upload"]
    assert {b.inputs["repository"] for b in recording.of(BINDING).values()} == {"python"}


@pytest.mark.parametrize("proxy", [True, False])
def test_switching_the_proxy_leaves_the_upload_repository_alone(run_program: Run, proxy: bool) -> None:
    before = run_program(MINIMAL)["registry-upload"]
    after = run_program({**MINIMAL, "python-registry:pypiProxy": proxy})["registry-upload"]
    assert before == after


def test_only_the_upload_repository_is_protected(run_program: Run) -> None:
    assert [r.name for r in run_program(MINIMAL).resources if r.protect] == ["registry-upload"]


def test_protection_can_be_given_up(run_program: Run) -> None:
    recording = run_program({**MINIMAL, "python-registry:protect": False})
    assert not [r.name for r in recording.resources if r.protect]


def test_labels_are_on_every_repository(run_program: Run) -> None:
    recording = run_program({**MINIMAL, "python-registry:labels": {"team": "data"}})
    assert [r.inputs["labels"] for r in recording.of(REPOSITORY).values()] == [{"team": "data"}] * 3


def test_authoritative_access_says_the_whole_truth_for_each_role(run_program: Run) -> None:
    recording = run_program({**MINIMAL, **PEOPLE})
    granted = {name: set(b.inputs["members"]) for name, b in recording.of(BINDING).items()}
    everyone = {
        "group:all@example.com",
        "user:ci@example.com",
        "user:boss@example.com",
        READER_MEMBER,
        WRITER_MEMBER,
    }
    assert granted == {
        "registry-upload-readers": {"group:all@example.com", READER_MEMBER},
        "registry-upload-writers": {"user:ci@example.com", WRITER_MEMBER},
        "registry-upload-admins": {"user:boss@example.com"},
        "registry-pypi-readers": everyone,
        "registry-index-readers": everyone,
    }
    assert not recording.of(MEMBER)


def test_an_empty_list_means_nobody(run_program: Run) -> None:
    recording = run_program({**MINIMAL, "python-registry:serviceAccounts": False})
    assert [b.inputs["members"] for b in recording.of(BINDING).values()] == [[]] * 5


def test_additive_access_grants_one_member_at_a_time(run_program: Run) -> None:
    recording = run_program({**MINIMAL, **PEOPLE, "python-registry:access": "additive"})
    assert not recording.of(BINDING)
    grants = {
        (m.inputs["repository"], m.inputs["role"], m.inputs["member"])
        for m in recording.of(MEMBER).values()
    }
    authoritative = run_program({**MINIMAL, **PEOPLE}).of(BINDING).values()
    assert grants == {
        (b.inputs["repository"], b.inputs["role"], member)
        for b in authoritative
        for member in b.inputs["members"]
    }


def test_an_additive_grant_keeps_its_name_when_others_come_and_go(run_program: Run) -> None:
    additive = {**MINIMAL, "python-registry:access": "additive"}
    both = ["user:a@example.com", "user:b@example.com"]
    before = urns(run_program({**additive, "python-registry:readers": both}), MEMBER)
    after = urns(run_program({**additive, "python-registry:readers": both[1:]}), MEMBER)
    assert after < before
    assert {urn.rpartition("-")[2] for urn in before - after} == {"user:a@example.com"}


def test_an_additive_grant_has_one_name_in_every_spelling_of_its_member(run_program: Run) -> None:
    additive = {**MINIMAL, **PEOPLE, "python-registry:access": "additive"}
    spelt = {
        key: [member.replace("example", "Example") for member in value]
        if isinstance(value, list)
        else value
        for key, value in additive.items()
    }
    assert spelt != additive
    assert urns(run_program(spelt), MEMBER) == urns(run_program(additive), MEMBER)


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_every_grant_goes_with_the_way_of_granting(run_program: Run, access: str) -> None:
    settings = {**MINIMAL, **PEOPLE, **IMPERSONATORS, **WORKFLOWS, "python-registry:access": access}
    recording = run_program(settings)
    (mark,) = recording.of("python-registry:index:Access").values()
    assert mark.name == f"registry-{access}-access"
    grants = [
        r
        for kind in (BINDING, MEMBER, ACCOUNT_BINDING, ACCOUNT_MEMBER)
        for r in recording.of(kind).values()
    ]
    assert {grant.deleted_with for grant in grants} == {mark.urn}
    others = [r for r in recording.resources if r not in grants]
    assert {other.deleted_with for other in others} == {""}


def test_grants_wait_for_the_accounts_they_name(run_program: Run) -> None:
    recording = run_program(MINIMAL)
    reader = recording["registry-reader"].urn
    assert reader in recording["registry-upload-readers"].dependencies
    assert reader not in recording["registry-upload-writers"].dependencies


IMPERSONATORS = {"python-registry:impersonators": {"writer": ["user:ci@example.com"]}}


def test_authoritative_impersonation_says_the_whole_truth_for_each_account(run_program: Run) -> None:
    recording = run_program({**MINIMAL, **IMPERSONATORS})
    granted = {
        name: (binding.inputs["serviceAccountId"], binding.inputs["role"], binding.inputs["members"])
        for name, binding in recording.of(ACCOUNT_BINDING).items()
    }
    accounts, role = "projects/demo-proj/serviceAccounts", "roles/iam.serviceAccountTokenCreator"
    assert granted == {
        "registry-reader-impersonators": (f"{accounts}/{READER_MEMBER.partition(':')[2]}", role, []),
        "registry-writer-impersonators": (
            f"{accounts}/{WRITER_MEMBER.partition(':')[2]}",
            role,
            ["user:ci@example.com"],
        ),
    }
    assert not recording.of(ACCOUNT_MEMBER)


def test_additive_impersonation_grants_one_member_at_a_time(run_program: Run) -> None:
    recording = run_program({**MINIMAL, **IMPERSONATORS, "python-registry:access": "additive"})
    assert not recording.of(ACCOUNT_BINDING)
    assert list(recording.of(ACCOUNT_MEMBER)) == ["registry-writer-impersonators-user:ci@example.com"]


def test_without_accounts_nobody_acts_as_them(run_program: Run) -> None:
    recording = run_program({**MINIMAL, "python-registry:serviceAccounts": False})
    assert not recording.of(ACCOUNT_BINDING)


def test_impersonation_waits_for_the_account(run_program: Run) -> None:
    recording = run_program({**MINIMAL, **IMPERSONATORS})
    for role in ("reader", "writer"):
        grant = recording[f"registry-{role}-impersonators"]
        assert recording[f"registry-{role}"].urn in grant.dependencies


WORKFLOWS = {
    "python-registry:github": {
        "repositories": ["acme/my-adder", "acme/tool"],
        "ownerId": 1234567,
        "ref": "refs/heads/main",
    }
}
POOL_NAME = "projects/123456789012/locations/global/workloadIdentityPools/github-0a1b2c3d"
SETS = f"principalSet://iam.googleapis.com/{POOL_NAME}/attribute.repository"


def test_without_github_there_is_no_pool_and_no_api_for_it(run_program: Run) -> None:
    recording = run_program(MINIMAL)
    assert not recording.of(POOL)
    assert not recording.of(PROVIDER)
    assert "registry-sts-api" not in recording.of(SERVICE)
    assert not [n for n in recording.of(ACCOUNT_BINDING) if n.endswith("workflows")]


def test_a_workflow_must_come_from_the_owner_by_number_the_repository_and_the_ref(run_program: Run) -> None:
    provider = run_program({**MINIMAL, **WORKFLOWS})["registry-github"]
    assert provider.inputs["attributeCondition"] == (
        'assertion.repository_owner_id == "1234567" '
        '&& assertion.repository in ["acme/my-adder", "acme/tool"] && assertion.ref == "refs/heads/main"'
    )
    assert provider.inputs["oidc"] == {"issuerUri": "https://token.actions.githubusercontent.com"}


def test_an_environment_stands_in_for_the_ref_and_is_mapped_only_then(run_program: Run) -> None:
    said = {**WORKFLOWS["python-registry:github"], "environment": 'the "real" one'}
    del said["ref"]
    provider = run_program({**MINIMAL, "python-registry:github": said})["registry-github"]
    assert provider.inputs["attributeCondition"].endswith(r'&& assertion.environment == "the \"real\" one"')
    assert "attribute.ref" not in provider.inputs["attributeMapping"]
    assert provider.inputs["attributeMapping"]["attribute.environment"] == "assertion.environment"


def test_the_named_repositories_alone_act_as_the_writer(run_program: Run) -> None:
    recording = run_program({**MINIMAL, **WORKFLOWS})
    granted = {
        name: binding.inputs
        for name, binding in recording.of(ACCOUNT_BINDING).items()
        if binding.inputs["role"] == "roles/iam.workloadIdentityUser"
    }
    assert list(granted) == ["registry-writer-workflows"]
    assert granted["registry-writer-workflows"]["members"] == [f"{SETS}/acme/my-adder", f"{SETS}/acme/tool"]
    account = granted["registry-writer-workflows"]["serviceAccountId"]
    assert account == f"projects/demo-proj/serviceAccounts/{WRITER_MEMBER.partition(':')[2]}"


def test_additive_workflows_are_granted_one_repository_at_a_time(run_program: Run) -> None:
    recording = run_program({**MINIMAL, **WORKFLOWS, "python-registry:access": "additive"})
    members = {name: m.inputs["member"] for name, m in recording.of(ACCOUNT_MEMBER).items()}
    assert members == {
        "registry-writer-workflows-acme/my-adder": f"{SETS}/acme/my-adder",
        "registry-writer-workflows-acme/tool": f"{SETS}/acme/tool",
    }


def test_a_pool_and_its_provider_keep_the_id_that_they_were_made_with(run_program: Run) -> None:
    """Google keeps a deleted one's id for 30 days: a new one must have another, an old one its own."""
    first, second = (
        run_program({**MINIMAL, **WORKFLOWS}, drawn=drawn) for drawn in ("00000000", "11111111")
    )
    for name, key in (
        ("registry-github-pool", "workloadIdentityPoolId"),
        ("registry-github", "workloadIdentityPoolProviderId"),
    ):
        made = [recording[name] for recording in (first, second)]
        assert [resource.inputs[key] for resource in made] == ["github-00000000", "github-11111111"]
        assert [resource.ignored_changes for resource in made] == [[key]] * 2
    assert first["registry-github"].dependencies == [first["registry-github-pool"].urn]
    assert {r.urn for r in first.resources} == {r.urn for r in second.resources}


def test_the_provider_is_told_to_workflows(run_program: Run) -> None:
    outputs = run_program({**MINIMAL, **WORKFLOWS}).outputs
    assert outputs["workload_identity_provider"] == f"{POOL_NAME}/providers/github-0a1b2c3d"
    assert run_program(MINIMAL).outputs["workload_identity_provider"] == ""


def test_a_private_package_is_denied_on_pypis_cache_by_its_one_name(run_program: Run) -> None:
    recording = run_program({**MINIMAL, "python-registry:privatePackages": ["My_Adder", "other"]})
    rule = recording.of(RULE)["registry-pypi-deny-my-adder"]
    assert rule.inputs == {
        "project": "demo-proj",
        "location": "us-central1",
        "repositoryId": "python-pypi",
        "ruleId": "deny-my-adder",
        "action": "DENY",
        "operation": "DOWNLOAD",
        "packageId": "my-adder",
    }
    assert recording["registry-pypi"].urn in rule.dependencies
    assert set(recording.of(RULE)) == {"registry-pypi-deny-my-adder", "registry-pypi-deny-other"}


def test_another_spelling_of_a_private_package_is_the_same_rule(run_program: Run) -> None:
    spelt = [
        run_program({**MINIMAL, "python-registry:privatePackages": [name]}).of(RULE)
        for name in ("my-adder", "My.Adder")
    ]
    assert spelt[0] == spelt[1]


def test_whatever_google_may_not_know_yet_is_retried(run_program: Run) -> None:
    private = {"python-registry:privatePackages": ["a"]}
    recording = run_program({**MINIMAL, **IMPERSONATORS, **WORKFLOWS, **private})
    hooks = {r.name: r.error_hooks for r in recording.resources}
    assert [name for name, hook in hooks.items() if not hook] == [
        "registry",
        "registry-authoritative-access",
    ]
    assert {hook for each in hooks.values() for hook in each} == {"registry-propagation"}


def test_everything_that_the_settings_decide_is_known_in_a_preview(run_program: Run) -> None:
    assert run_program(MINIMAL, preview=True).outputs == run_program(MINIMAL).outputs


def test_outputs_attributes_and_the_readme_name_the_same_things(run_program: Run) -> None:
    recording = run_program(MINIMAL)
    documented = re.findall(r"^        (\w+): ", inspect.getdoc(PythonRegistry) or "", re.MULTILINE)
    documented = documented or re.findall(
        r"^    (\w+): ", inspect.getdoc(PythonRegistry) or "", re.MULTILINE
    )
    readme = Path("README.md").read_text()
    table = readme.partition("## Outputs")[2].partition("\n## ")[0]
    assert list(OUTPUTS) == documented == re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert set(recording.outputs) == set(OUTPUTS)
    assert recording.component_outputs == recording.outputs


def test_no_output_is_missing_when_everything_optional_is_off(run_program: Run) -> None:
    off = {"python-registry:pypiProxy": False, "python-registry:serviceAccounts": False}
    outputs = run_program({**MINIMAL, **off}).outputs
    assert set(outputs) == set(OUTPUTS)
    assert outputs["reader_email"] == outputs["writer_email"] == ""


def test_the_contract_is_version_one(run_program: Run) -> None:
    assert run_program(MINIMAL).outputs["contract_version"] == CONTRACT_VERSION == 1
