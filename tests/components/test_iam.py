"""The grants: which member gets which role on which resource, and how Pulumi creates them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from components.args import Impersonators, PythonRegistryArgs
from components.iam import Grant, repository_grants, token_creator_grants, workflow_grants
from components.repositories import Repositories
from components.service_accounts import ServiceAccounts
from components.upstreams import PYPI
from components.workload_identity import GitHubTrust
from tests.support.recorder import (
    ACCOUNT_BINDING,
    ACCOUNT_MEMBER,
    BINDING,
    MEMBER,
    MINIMAL,
    Recording,
    Run,
)

# Grants only pass their targets on, so names are enough.
UPLOAD, CACHE, INDEX = (cast("Any", name) for name in ("the upload repository", "the cache", "the index"))
READER_ACCOUNT, WRITER_ACCOUNT = (
    cast("Any", SimpleNamespace(member=f"serviceAccount:{role}")) for role in ("reader", "writer")
)
REPOSITORIES = Repositories(upload=UPLOAD, remotes={PYPI: CACHE}, index=INDEX)
ACCOUNTS = ServiceAccounts(reader=READER_ACCOUNT, writer=WRITER_ACCOUNT)
NO_LISTS = PythonRegistryArgs(project="demo-proj", location="us")
ARGS = replace(
    NO_LISTS,
    readers=("group:All@example.com",),
    writers=("user:ci@example.com",),
    admins=("user:boss@example.com",),
    impersonators=Impersonators(writer=("user:ci@example.com",)),
)
TRUST = GitHubTrust(provider=cast("Any", None), principals={"acme/tool": "principalSet://acme/tool"})

PEOPLE = {
    "python-registry:readers": ["group:all@example.com"],
    "python-registry:writers": ["user:ci@example.com"],
    "python-registry:admins": ["user:boss@example.com"],
}
IMPERSONATORS = {"python-registry:impersonators": {"writer": ["user:ci@example.com"]}}
WORKFLOWS = {
    "python-registry:github": {
        "repositories": ["acme/my-adder", "acme/tool"],
        "ownerId": 1234567,
        "ref": "refs/heads/main",
    }
}


def rows(grants: list[Grant]) -> dict[str, tuple[Any, str, set[Any]]]:
    """The grants by name: target, role without its prefix, and members."""
    return {
        grant.name: (grant.target, grant.role.rpartition(".")[2], set(grant.members.values()))
        for grant in grants
    }


def test_each_list_gets_its_role_and_everyone_reads_what_clients_install_from() -> None:
    readers = {"group:All@example.com", "serviceAccount:reader"}
    writers = {"user:ci@example.com", "serviceAccount:writer"}
    admins = {"user:boss@example.com"}
    everyone = readers | writers | admins
    assert rows(repository_grants(ARGS, REPOSITORIES, ACCOUNTS)) == {
        "upload-readers": (UPLOAD, "reader", readers),
        "upload-writers": (UPLOAD, "writer", writers),
        "upload-admins": (UPLOAD, "repoAdmin", admins),
        "pypi-readers": (CACHE, "reader", everyone),
        "index-readers": (INDEX, "reader", everyone),
    }


def test_an_empty_list_is_a_grant_to_nobody() -> None:
    grants = repository_grants(NO_LISTS, REPOSITORIES, None)
    assert len(grants) == 5
    assert not any(grant.members for grant in grants)


def test_only_the_upload_repository_gets_grants_if_it_is_the_only_one() -> None:
    alone = Repositories(upload=UPLOAD, remotes={}, index=None)
    assert {grant.target for grant in repository_grants(ARGS, alone, None)} == {UPLOAD}


def test_only_listed_members_create_tokens_for_each_account() -> None:
    assert rows(token_creator_grants(ARGS, ACCOUNTS)) == {
        "reader-impersonators": (READER_ACCOUNT, "serviceAccountTokenCreator", set()),
        "writer-impersonators": (WRITER_ACCOUNT, "serviceAccountTokenCreator", {"user:ci@example.com"}),
    }


def test_workflows_act_only_as_the_writer() -> None:
    principals = {"principalSet://acme/tool"}
    assert rows(workflow_grants(TRUST, ACCOUNTS)) == {
        "writer-workflows": (WRITER_ACCOUNT, "workloadIdentityUser", principals)
    }
    assert workflow_grants(None, ACCOUNTS) == []


def test_without_accounts_nobody_acts_as_one() -> None:
    assert token_creator_grants(ARGS, None) == workflow_grants(TRUST, None) == []


def test_a_member_has_one_key_in_every_spelling() -> None:
    spelled = replace(ARGS, readers=("group:all@EXAMPLE.com",))
    for before, after in zip(
        repository_grants(ARGS, REPOSITORIES, ACCOUNTS),
        repository_grants(spelled, REPOSITORIES, ACCOUNTS),
        strict=True,
    ):
        assert before.members.keys() == after.members.keys()


def settings(access: str) -> dict[str, Any]:
    return {**MINIMAL, **PEOPLE, **IMPERSONATORS, **WORKFLOWS, "python-registry:access": access}


def granted(recording: Recording) -> set[tuple[str, str, str]]:
    """Every target, role and member that the program granted, by binding or by member."""
    return {
        (grant.inputs.get("repository") or grant.inputs["serviceAccountId"], grant.inputs["role"], member)
        for type_ in (BINDING, MEMBER, ACCOUNT_BINDING, ACCOUNT_MEMBER)
        for grant in recording.of(type_).values()
        for member in grant.inputs.get("members", [grant.inputs.get("member")])
    }


def test_both_access_modes_grant_the_same_roles_to_the_same_members(run_program: Run) -> None:
    authoritative, additive = (run_program(settings(mode)) for mode in ("authoritative", "additive"))
    assert granted(authoritative) == granted(additive)
    assert len(granted(additive)) == 5 + 5 + 5 + 1 + 2
    assert not authoritative.of(MEMBER) | authoritative.of(ACCOUNT_MEMBER)
    assert not additive.of(BINDING) | additive.of(ACCOUNT_BINDING)


def test_an_additive_grant_keeps_its_name_when_other_members_change(run_program: Run) -> None:
    additive = {**MINIMAL, "python-registry:access": "additive"}
    both = ["user:a@example.com", "user:b@example.com"]
    before = run_program({**additive, "python-registry:readers": both}).of(MEMBER)
    after = run_program({**additive, "python-registry:readers": both[1:]}).of(MEMBER)
    assert after.keys() < before.keys()
    assert {name.rpartition("-")[2] for name in before.keys() - after.keys()} == {"user:a@example.com"}


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_pulumi_drops_every_grant_together_with_the_access_mode_anchor(
    run_program: Run, access: str
) -> None:
    recording = run_program(settings(access))
    (anchor,) = recording.of("python-registry:index:Access").values()
    assert anchor.name == f"registry-{access}-access"
    grants = [
        resource
        for type_ in (BINDING, MEMBER, ACCOUNT_BINDING, ACCOUNT_MEMBER)
        for resource in recording.of(type_).values()
    ]
    assert {grant.deleted_with for grant in grants} == {anchor.urn}
    assert {other.deleted_with for other in recording.resources if other not in grants} == {""}


def test_a_grant_waits_for_its_target_and_for_the_account_that_it_names(run_program: Run) -> None:
    recording = run_program(settings("authoritative"))
    reader, writer = recording["registry-reader"].urn, recording["registry-writer"].urn
    assert reader in recording["registry-upload-readers"].dependencies
    assert reader not in recording["registry-upload-writers"].dependencies
    assert writer in recording["registry-writer-impersonators"].dependencies
    assert recording["registry-github-pool"].urn in recording["registry-writer-workflows"].dependencies
