"""The values that each rule accepts, up to its limits. `bad_settings.yaml` has those that it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from components.args import GitHub
from components.validation import Problem
from components.validation.github import check_github, check_repositories
from components.validation.labels import check_labels
from components.validation.locations import check_location
from components.validation.members import check_members
from components.validation.packages import check_packages

POOLS = "iam.googleapis.com/projects/1/locations/global/workloadIdentityPools"


@pytest.mark.parametrize("location", ["us", "europe-west12", "me-central2", "africa-south1", "us-south9"])
def test_the_grammar_of_regions_accepts_new_regions(location: str) -> None:
    assert not check_location("location", location)


@pytest.mark.parametrize(
    "member",
    [
        "user:first.last+tag@example.com",
        "serviceAccount:abcdef@my-proj.iam.gserviceaccount.com",
        f"serviceAccount:{'a' * 30}@my-proj.iam.gserviceaccount.com",
        "serviceAccount:123-compute@developer.gserviceaccount.com",
        "serviceAccount:my-proj.svc.id.goog[build/publisher]",
        "domain:example.xn--p1ai",
        "principal://iam.googleapis.com/locations/global/workforcePools/staff/subject/alice@example.com",
        "principalSet://iam.googleapis.com/locations/global/workforcePools/staff/group/team@example.com",
        f"principal://{POOLS}/my-proj.svc.id.goog/subject/ns/build/sa/publisher",
        f"principalSet://{POOLS}/my-proj.svc.id.goog/namespace/build",
        f"principalSet://{POOLS}/p/attribute.repository/Org/a",
        "principalSet://cloudresourcemanager.googleapis.com/projects/1/type/ServiceAccount",
    ],
)
def test_a_list_accepts_every_type_of_member(member: str) -> None:
    assert not check_members("readers", [member])


def test_principals_that_differ_in_case_are_different_members() -> None:
    principals = [f"principalSet://{POOLS}/p/attribute.repository/{name}/a" for name in ("Org", "org")]
    assert not check_members("readers", principals)


@pytest.mark.parametrize(
    ("check", "first", "second"),
    [
        (check_members, "user:A@example.com", "user:a@Example.com"),
        (check_packages, "My_Adder", "my-adder"),
        (check_repositories, "Acme/X", "acme/x"),
    ],
)
def test_a_list_must_not_name_an_entry_again_in_another_spelling(
    check: Callable[[str, object], list[Problem]], first: str, second: str
) -> None:
    rule = f"the list names this entry twice, also as {first}"
    assert check("key", [first, second]) == [Problem("key[1]", second, rule, "remove one")]


def test_a_label_accepts_letters_of_every_script_digits_hyphens_and_underscores() -> None:
    assert not check_labels("labels", {"état_1-b": "デタ", "a": ""})


@pytest.mark.parametrize(
    "github",
    [
        {"repositories": ["a/b"], "ownerId": "9", "ref": "refs/tags/v1.0"},
        {
            "repositories": ["Acme-Inc/.github", "Acme-Inc/a_b.c"],
            "ownerId": 9,
            "environment": "Release 1/x",
        },
        {"repositories": ["octo_acme/x"], "ownerId": 9007199254740991, "ref": "refs/heads/feature/a-b"},
        # The longest names of GitHub: the mapped subject does not contain them.
        {"repositories": [f"{'o' * 39}/{'r' * 100}"], "ownerId": 9, "environment": "é" * 255},
    ],
)
def test_github_accepts_every_form_of_repository_ref_and_environment(github: dict[str, Any]) -> None:
    assert not check_github("github", github)


def workflows(*repositories: str, environment: str = "e") -> dict[str, Any]:
    return {"repositories": [*repositories], "ownerId": 1, "environment": environment}


def condition_of_length(length: int) -> dict[str, Any]:
    """Workflows whose attribute condition has this length."""
    names = [f"a/{n:05}" for n in range(300)]
    spare = length - len(GitHub(repositories=tuple(names), owner_id="1", environment="e").condition)
    for index, name in enumerate(names):
        padding = min(spare, 50)
        names[index], spare = name + "x" * padding, spare - padding
    assert spare == 0
    return workflows(*names)


LIMITS: dict[str, tuple[int, Callable[[int], list[Problem]]]] = {
    "labels": (63, lambda n: check_labels("labels", {f"k{i}": "v" for i in range(n)})),
    "label's key": (63, lambda n: check_labels("labels", {"k" * n: "v"})),
    "label's value": (63, lambda n: check_labels("labels", {"k": "v" * n})),
    "package": (251, lambda n: check_packages("privatePackages", ["p" * n])),
    "condition": (4096, lambda n: check_github("github", condition_of_length(n))),
}


@pytest.mark.parametrize(("longest", "check"), LIMITS.values(), ids=LIMITS)
def test_a_limit_accepts_its_longest_value_and_refuses_the_next(
    longest: int, check: Callable[[int], list[Problem]]
) -> None:
    assert not check(longest)
    assert len(check(longest + 1)) == 1
