"""The pool and the provider: which tokens Google accepts, and which ids they get."""

from __future__ import annotations

from tests.support.recorder import ACCOUNT_BINDING, ACCOUNT_MEMBER, MINIMAL, POOL, PROVIDER, SERVICE, Run

GITHUB = {"repositories": ["acme/my-adder", "acme/tool"], "ownerId": 1234567, "ref": "refs/heads/main"}
WORKFLOWS = {**MINIMAL, "python-registry:github": GITHUB}
POOL_NAME = "projects/123456789012/locations/global/workloadIdentityPools/github-0a1b2c3d"
PRINCIPALS = f"principalSet://iam.googleapis.com/{POOL_NAME}/attribute.repository"


def test_without_github_there_is_no_pool_and_no_token_exchange_api(run_program: Run) -> None:
    recording = run_program(MINIMAL)
    assert not recording.of(POOL) | recording.of(PROVIDER)
    assert "registry-sts-api" not in recording.of(SERVICE)
    assert not [name for name in recording.of(ACCOUNT_BINDING) if name.endswith("workflows")]


def test_a_provider_maps_only_claims_that_every_accepted_token_has(run_program: Run) -> None:
    provider = run_program(WORKFLOWS)["registry-github"]
    assert set(provider.inputs["attributeMapping"]) == {
        "google.subject",
        "attribute.repository",
        "attribute.repository_owner_id",
        "attribute.ref",
    }


def test_additive_access_grants_each_repository_by_its_name(run_program: Run) -> None:
    recording = run_program({**WORKFLOWS, "python-registry:access": "additive"})
    assert {name: grant.inputs["member"] for name, grant in recording.of(ACCOUNT_MEMBER).items()} == {
        "registry-writer-workflows-acme/my-adder": f"{PRINCIPALS}/acme/my-adder",
        "registry-writer-workflows-acme/tool": f"{PRINCIPALS}/acme/tool",
    }


def test_a_pool_and_its_provider_keep_their_first_id(run_program: Run) -> None:
    """Google reserves a deleted id for 30 days: a new resource needs a new id, an old one keeps its own."""
    first, second = (run_program(WORKFLOWS, suffix=suffix) for suffix in ("00000000", "11111111"))
    for name, key in (
        ("registry-github-pool", "workloadIdentityPoolId"),
        ("registry-github", "workloadIdentityPoolProviderId"),
    ):
        resources = [recording[name] for recording in (first, second)]
        assert [resource.inputs[key] for resource in resources] == ["github-00000000", "github-11111111"]
        assert [resource.ignored_changes for resource in resources] == [[key]] * 2
    assert first["registry-github"].dependencies == [first["registry-github-pool"].urn]
    assert {r.urn for r in first.resources} == {r.urn for r in second.resources}


def test_a_provider_maps_no_claim_whose_text_follows_githubs_settings(run_program: Run) -> None:
    mapping = run_program(WORKFLOWS)["registry-github"].inputs["attributeMapping"]
    assert mapping["google.subject"] == "assertion.repository_id"
    assert not [expression for expression in mapping.values() if "assertion.sub" in expression]
