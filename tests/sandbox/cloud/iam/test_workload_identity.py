"""Workload identity pools and providers of the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.federation import (
    BY_ENVIRONMENT,
    BY_REF,
    CONDITION,
    DENIED,
    IAM,
    REPOSITORY,
    SCOPES,
    Federation,
    read_federation,
)
from tests.support.sandbox import Program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
IAM_CREDENTIALS = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"


def pools(program: Program) -> dict[str, str]:
    """The states of a project's pools, deleted ones included."""
    url = f"{IAM}/projects/{program.project}/locations/global/workloadIdentityPools?showDeleted=true"
    _, found = program.sandbox.ask("GET", url)
    return {p["name"].rpartition("/")[2]: p["state"] for p in found["workloadIdentityPools"]}


def test_the_workflows_get_the_writer_and_nothing_changes_afterwards(by_ref: Federation) -> None:
    assert by_ref.program.changes() == {}
    assert "~" not in by_ref.program.refresh().partition("Resources:")[2]
    assert by_ref.program.changes() == {}
    account = f"projects/{by_ref.program.project}/serviceAccounts/{by_ref.writer}"
    _, policy = by_ref.ask("POST", f"{account}:getIamPolicy", {})
    pool = by_ref.provider.partition("/providers/")[0]
    sets = f"principalSet://iam.googleapis.com/{pool}/attribute.repository"
    assert policy["bindings"] == [
        {"role": "roles/iam.workloadIdentityUser", "members": [f"{sets}/{REPOSITORY}", f"{sets}/acme/tool"]}
    ]


def test_another_ref_updates_the_provider_in_place(program: Program, tmp_path: Path) -> None:
    program.configure(pypiProxy=False, github=BY_REF)
    program.up()
    before = read_federation(program, tmp_path)
    program.configure(
        pypiProxy=False, github={**BY_REF, "repositories": [REPOSITORY], "ref": "refs/heads/next"}
    )
    assert program.changes() == {"registry-github": "update", "registry-writer-workflows": "update"}
    program.up()
    after = read_federation(program, tmp_path)
    assert after.provider == before.provider
    assert CONDITION in after.refusal(after.token())
    assert after.access_token(after.token(ref="refs/heads/next"))
    program.configure(pypiProxy=False, github=BY_ENVIRONMENT)
    program.up()
    assert program.changes() == {}
    after = read_federation(program, tmp_path)
    assert after.access_token(after.token(environment="release"))


def test_workflows_publish_before_during_and_after_the_update_of_the_mapped_subject(
    program: Program, tmp_path: Path
) -> None:
    program.configure(pypiProxy=False, github=BY_REF)
    program.up()
    cloud = read_federation(program, tmp_path)
    _, provider = cloud.ask("GET", cloud.provider)
    old = {"attributeMapping": {**provider["attributeMapping"], "google.subject": "assertion.sub"}}
    assert cloud.ask("PATCH", f"{cloud.provider}?updateMask=attributeMapping", old)[0] == 200
    assert cloud.access_token(cloud.token())
    _, exchanged = cloud.exchange(subject_token=cloud.token())
    assert program.changes("--refresh") == {"registry-github": "update"}
    program.up("--refresh")
    assert read_federation(program, tmp_path).provider == cloud.provider
    generate = f"{IAM_CREDENTIALS}/{cloud.writer}:generateAccessToken"
    login = {"Authorization": f"Bearer {exchanged['access_token']}"}
    running = cloud.session.post(generate, headers=login, json={"scope": SCOPES}, timeout=60)
    assert running.status_code == 200, "a job that logged in before the update"
    assert cloud.access_token(cloud.token())
    assert cloud.access_token(cloud.token("--immutable-subject"))


def test_up_with_refresh_restores_a_changed_condition(program: Program, tmp_path: Path) -> None:
    program.configure(pypiProxy=False, github=BY_REF)
    program.up()
    cloud = read_federation(program, tmp_path)
    opened = {"attributeCondition": "assertion.repository_owner != ''"}
    assert cloud.ask("PATCH", f"{cloud.provider}?updateMask=attributeCondition", opened)[0] == 200
    other = cloud.token(repository="mallory/x", owner_id="666")
    assert DENIED in cloud.refusal(other), "the grant on the account also protects it"
    assert cloud.access_token(cloud.token(ref="refs/heads/any"))
    program.up("--refresh")
    assert CONDITION in cloud.refusal(cloud.token(ref="refs/heads/any"))
    assert cloud.access_token(cloud.token())


def test_up_with_refresh_enables_a_disabled_pool_and_provider(program: Program, tmp_path: Path) -> None:
    program.configure(pypiProxy=False, github=BY_REF)
    program.up()
    cloud = read_federation(program, tmp_path)
    for name in (cloud.provider, cloud.provider.partition("/providers/")[0]):
        by_hand = {"disabled": True, "description": "theirs"}
        assert cloud.ask("PATCH", f"{name}?updateMask=disabled,description", by_hand)[0] == 200
    token = cloud.token()
    assert "invalid_target" in cloud.refusal(token)
    assert set(program.changes("--refresh").values()) == {"update"}
    program.up("--refresh")
    assert cloud.access_token(token)
    assert program.changes("--refresh") == {}


@pytest.mark.parametrize("access", ["authoritative", pytest.param("additive", marks=pytest.mark.slow)])
def test_keyless_publishing_can_be_removed_and_added_although_google_keeps_deleted_pools(
    program: Program, tmp_path: Path, access: str
) -> None:
    settings = {"pypiProxy": False, "access": access}
    program.configure(**settings, github=BY_REF)
    program.up()
    first = read_federation(program, tmp_path)
    workflow = first.token()
    _, federated = first.exchange(subject_token=workflow)
    program.configure(**settings)
    program.up()
    assert program.outputs()["workload_identity_provider"] == ""
    assert list(pools(program).values()) == ["DELETED"]
    assert "invalid_target" in first.refusal(workflow)
    account = f"projects/{program.project}/serviceAccounts/{first.writer}"
    assert first.status_as(federated["access_token"], f"{account}:getIamPolicy") == 403
    _, policy = first.ask("POST", f"{account}:getIamPolicy", {})
    assert "bindings" not in policy
    program.configure(**settings, github=BY_REF)
    program.up()
    second = read_federation(program, tmp_path)
    assert second.provider != first.provider
    assert second.access_token(second.token())
    assert program.changes() == {}
    program.destroy()
    program.up()
    third = read_federation(program, tmp_path)
    assert third.access_token(third.token())
    assert sorted(pools(program).values()) == ["ACTIVE", "DELETED", "DELETED"]
    assert "invalid_target" in first.refusal(workflow), "the first pool stays deleted"
    program.destroy()


@pytest.mark.parametrize("what", ["pool", "provider"])
def test_a_deleted_pool_or_provider_is_created_again(program: Program, tmp_path: Path, what: str) -> None:
    program.configure(pypiProxy=False, github=BY_REF)
    program.up()
    cloud = read_federation(program, tmp_path)
    pool = cloud.provider.partition("/providers/")[0]
    assert cloud.ask("DELETE", pool if what == "pool" else cloud.provider)[0] == 200
    program.up("--refresh")
    again = read_federation(program, tmp_path)
    assert again.provider != cloud.provider
    assert again.access_token(again.token())
    assert program.changes() == {}
