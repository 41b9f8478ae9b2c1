"""Rules over several arguments: lengths of derived ids, policy sizes, redundant members, collisions."""

from __future__ import annotations

from typing import Any

import pytest

from components.args import GitHub, Impersonators, PythonRegistryArgs
from components.validation import Problem, property_name
from components.validation.cross_field import RULES, collisions


def args(**changes: Any) -> PythonRegistryArgs:
    values: dict[str, Any] = {"project": "demo-proj", "location": "us-central1", **changes}
    return PythonRegistryArgs(**values)


def problems(checked: PythonRegistryArgs) -> list[Problem]:
    return [problem for rule in RULES for problem in rule.check(checked, property_name)]


@pytest.mark.parametrize(
    ("length", "switches"),
    [
        (23, {}),
        (57, {"service_accounts": False}),
        (63, {"service_accounts": False, "pypi_proxy": False}),
    ],
)
def test_the_longest_repository_id_leaves_room_for_the_derived_ids(
    length: int, switches: dict[str, bool]
) -> None:
    assert not problems(args(repository="a" * length, **switches))
    (problem,) = problems(args(repository="a" * (length + 1), **switches))
    assert problem.key == "repository"


def test_a_policy_of_the_upload_repository_has_1500_members_with_both_accounts() -> None:
    people = tuple(f"user:p{n}@example.com" for n in range(1498))
    more = ("group:one-more@example.com",)
    assert not problems(args(readers=people))
    for lists in ({"readers": people + more}, {"writers": more}, {"admins": more}):
        assert problems(args(**{"readers": people, **lists})) == [
            Problem(
                "readers",
                "1501 members in all lists",
                "Google allows 1500 members per policy, including the two service accounts",
                "use groups",
            )
        ]


def test_a_policy_of_an_account_has_1500_members_with_the_workflows() -> None:
    people = tuple(f"user:p{n}@example.com" for n in range(1500))
    more = (*people, "group:one-more@example.com")
    github = GitHub(repositories=("a/b",), owner_id="1", environment="e")
    assert not problems(args(impersonators=Impersonators(reader=people, writer=people)))
    assert not problems(args(impersonators=Impersonators(reader=people), github=github))
    for changes, account in (
        ({"impersonators": Impersonators(reader=more)}, "reader"),
        ({"impersonators": Impersonators(writer=people), "github": github}, "writer"),
    ):
        assert problems(args(**changes)) == [
            Problem(
                f"impersonators.{account}",
                "1501 members",
                "Google allows 1500 members per policy",
                "use groups",
            )
        ]


@pytest.mark.parametrize("attribute", ["readers", "writers", "admins"])
def test_a_list_must_not_name_the_accounts_that_the_program_creates(attribute: str) -> None:
    own = "serviceAccount:pkgs-writer@demo-proj.iam.gserviceaccount.com"
    lists = {attribute: (own,)}
    assert problems(args(repository="pkgs", **lists)) == [
        Problem(attribute, own, "the program creates this account and grants its role", "remove it")
    ]
    assert not problems(args(repository="pkgs", service_accounts=False, **lists))
    assert not problems(args(**lists)), "another repository's account"


@pytest.mark.parametrize(
    ("ours", "theirs", "shared"),
    [
        ({}, {}, "projects/demo-proj/locations/us-central1/repositories/python"),
        # Accounts do not have a location.
        ({}, {"location": "us"}, "python-reader@demo-proj.iam.gserviceaccount.com"),
        # The derived id of one registry is the upload repository of the other.
        (
            {"repository": "python-index", "service_accounts": False},
            {},
            "projects/demo-proj/locations/us-central1/repositories/python-index",
        ),
        (
            {"repository": "python-pypi", "service_accounts": False},
            {},
            "projects/demo-proj/locations/us-central1/repositories/python-pypi",
        ),
    ],
)
def test_two_registries_cannot_create_the_same_resource(
    ours: dict[str, Any], theirs: dict[str, Any], shared: str
) -> None:
    checked = args(**ours)
    assert list(collisions({"registry b": args(**theirs)}, "ask {}'s team", checked, property_name)) == [
        Problem(
            "repository",
            checked.repository,
            f"registry b creates {shared} too",
            "choose another id, or another project, or ask registry b's team",
        )
    ]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {"repository": "packages"}),
        ({}, {"project": "other-proj"}),
        ({}, {"location": "us", "service_accounts": False}),
        # Without the proxy, the other registry has no virtual repository of this id.
        ({"repository": "python-index", "service_accounts": False}, {"pypi_proxy": False}),
    ],
)
def test_two_registries_without_a_shared_resource_can_exist(
    ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    assert not list(collisions({"registry b": args(**theirs)}, "", args(**ours), property_name))
