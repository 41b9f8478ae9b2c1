"""A resource keeps its name for life: Pulumi deletes a renamed resource and creates another.

`released.yaml` lists, by stack file, the end of the URN of every released resource: its parents' types, its
type and its name. The program must still register each of them, or name it in an alias.
`UPDATE_RELEASED=1 make test` adds a new resource, and never removes one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

import pytest
import yaml

from tests.inventory.test_inventories import COMMITTED, HERE, OTHERS, record, settings
from tests.support.recorder import Registration, Run

RELEASED = HERE / "released.yaml"
STACK_FILES = {**COMMITTED, **OTHERS}
WHAT_TO_DO = (
    "Pulumi would delete it and create another. Give the renamed resource "
    "`aliases=[pulumi.Alias(name=…)]`. "
    "If the resource must be deleted, remove its line by hand and explain it in the commit"
)


def end_of(urn: str) -> str:
    """The URN without its stack and project: `parent type$type::name`."""
    return urn.split("::", 2)[2].removeprefix("pulumi:pulumi:Stack$")


def names(resource: Registration) -> set[str]:
    """Every name under which Pulumi finds the resource in a state."""
    return {end_of(urn) for urn in (resource.urn, *resource.aliases)}


def missing(released: Iterable[str], resources: Iterable[Registration]) -> list[str]:
    """The released resources that no registration and no alias names."""
    found = {name for resource in resources for name in names(resource)}
    return sorted(set(released) - found)


@pytest.mark.parametrize("stack", STACK_FILES)
def test_the_program_registers_every_released_resource_or_its_alias(run_program: Run, stack: str) -> None:
    resources = record(run_program, settings(STACK_FILES[stack]), stack=stack).resources
    stacks = yaml.safe_load(RELEASED.read_text())
    released = stacks.get(stack, [])
    assert missing(released, resources) == [], WHAT_TO_DO
    current = {end_of(resource.urn) for resource in resources}
    if os.environ.get("UPDATE_RELEASED"):
        stacks[stack] = released = sorted({*released, *current})
        RELEASED.write_text(f"# See test_released_names.py\n{yaml.safe_dump(stacks, width=200)}")
    assert current <= {*released}, "There is a new resource: UPDATE_RELEASED=1 make test"


def test_the_file_lists_every_stack_file() -> None:
    assert set(yaml.safe_load(RELEASED.read_text())) == set(STACK_FILES)


@pytest.fixture
def upload(run_program: Run) -> Registration:
    return run_program(settings(OTHERS["minimal"]))["registry-upload"]


def renamed(resource: Registration, name: str, *aliases: str) -> Registration:
    urn = f"{resource.urn.rpartition('::')[0]}::{name}"
    return replace(resource, urn=urn, name=name, aliases=list(aliases))


def test_a_renamed_resource_is_missing_without_an_alias_and_found_with_one(upload: Registration) -> None:
    released = [end_of(upload.urn)]
    assert missing(released, [renamed(upload, "registry-packages")]) == released
    assert missing(released, [renamed(upload, "registry-packages", upload.urn)]) == []


def test_a_resource_under_another_parent_is_missing(upload: Registration) -> None:
    moved = upload.urn.replace("python-registry:index:PythonRegistry$", "")
    assert missing([end_of(upload.urn)], [replace(upload, urn=moved)]) != []
