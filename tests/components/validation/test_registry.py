"""Every rule of a registry, for a caller with typed inputs instead of a stack file."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from components.args import GitHub, Impersonators, PythonRegistryArgs
from components.validation import build_args, check_registry, property_name
from components.validation.cross_field import MEMBER_LISTS, NAMING, RULES
from components.validation.registry import FIELDS

VALID: dict[str, object] = {"project": "demo-proj", "location": "us"}
ATTRIBUTES = [f.name for f in fields(PythonRegistryArgs)]


def bad_properties(values: dict[str, object], **inputs: Any) -> list[str]:
    """The properties with a problem, spelled as a component package spells them."""
    return [problem.key for problem in check_registry(values, property_name, **inputs)]


def test_every_argument_has_a_check() -> None:
    assert list(FIELDS) == ATTRIBUTES


def test_every_rule_needs_known_arguments() -> None:
    assert {name for rule in RULES for name in rule.needs} | {*NAMING, *MEMBER_LISTS} <= {*ATTRIBUTES}


@pytest.mark.parametrize("prefix", ["", "python-registry:"])
def test_a_caller_spells_the_keys_of_problems_and_fixes(prefix: str) -> None:
    def spelling(attribute: str) -> str:
        return prefix + property_name(attribute)

    values = {**VALID, "service_accounts": False, "impersonators": {"reader": ["user:a@example.com"]}}
    (problem,) = check_registry(values, spelling)
    assert problem.key == f"{prefix}impersonators"
    assert problem.fix == f"remove it, or set {prefix}serviceAccounts to true"


def test_plain_values_without_problems_build_typed_arguments() -> None:
    values: dict[str, object] = {
        **VALID,
        "readers": ["user:a@example.com"],
        "impersonators": {"writer": ("user:b@example.com",)},
        "github": {"repositories": ["acme/x"], "ownerId": 9, "environment": "release"},
        "labels": {"team": "data"},
    }
    assert not bad_properties(values)
    assert build_args(values) == PythonRegistryArgs(
        project="demo-proj",
        location="us",
        readers=("user:a@example.com",),
        impersonators=Impersonators(writer=("user:b@example.com",)),
        github=GitHub(repositories=("acme/x",), owner_id="9", environment="release"),
        labels={"team": "data"},
    )


@pytest.mark.parametrize("name", ATTRIBUTES)
@pytest.mark.parametrize("value", [7, None, ["a", 7], {"a": 7}, {"ref": [], "reader": {}}])
def test_every_check_refuses_values_of_other_types(name: str, value: object) -> None:
    found = bad_properties({**VALID, name: value})
    assert found
    assert all(key.startswith(property_name(name)) for key in found)


LONG = {"repository": "a" * 58, "service_accounts": False}
OWN_ACCOUNT = ["serviceAccount:python-reader@demo-proj.iam.gserviceaccount.com"]


@pytest.mark.parametrize(
    ("values", "bad", "found"),
    [
        (LONG, {}, ["repository"]),
        (LONG, {"pypi_proxy": "flase"}, ["pypiProxy"]),
        ({"readers": OWN_ACCOUNT}, {}, ["readers"]),
        ({"readers": OWN_ACCOUNT}, {"repository": "My"}, ["repository"]),
        ({"readers": OWN_ACCOUNT}, {"writers": "x"}, ["writers", "readers"]),
    ],
)
def test_a_rule_over_several_arguments_waits_until_they_are_good(
    values: dict[str, object], bad: dict[str, object], found: list[str]
) -> None:
    assert bad_properties({**VALID, **values, **bad}) == found


def test_an_argument_that_its_caller_refused_counts_as_bad() -> None:
    others = {"registry b": build_args(VALID)}
    assert bad_properties(VALID, others=others) == ["repository"]
    assert bad_properties({"project": "demo-proj"}, refused=["location"], others=others) == []
