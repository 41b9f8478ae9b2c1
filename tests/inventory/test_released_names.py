"""Names of resources are for life: one that is registered under another would be deleted and made anew.

`released.yaml` has, by stack file, the end of the URN (types of the parents and its own, name) of every
resource that a release had. Each of them must still be registered, or be named in an alias of one that is.
A new resource is added with `UPDATE_RELEASED=1 make test`, which never takes one away.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

import pytest
import yaml

from tests.inventory.test_inventories import COMMITTED, HERE, OTHERS, settings
from tests.support.recorder import Registration, Run

RELEASED = HERE / "released.yaml"
STACK_FILES = {**COMMITTED, **OTHERS}
WHAT_TO_DO = (
    "The engine would delete it and make another. Give the one that took its place "
    "`aliases=[pulumi.Alias(name=…)]`, or say in the commit why it may go, and take its line out by hand"
)


def end_of(urn: str) -> str:
    """The URN without its stack and project, as the engine writes it: `parent type$type::name`."""
    return urn.split("::", 2)[2].removeprefix("pulumi:pulumi:Stack$")


def names(resource: Registration) -> set[str]:
    """Every name under which the engine would find the resource in a state."""
    return {end_of(urn) for urn in (resource.urn, *resource.aliases)}


def lost(released: Iterable[str], resources: Iterable[Registration]) -> list[str]:
    """The released resources that no registration stands for."""
    kept = {name for resource in resources for name in names(resource)}
    return sorted(set(released) - kept)


@pytest.mark.parametrize("stack", STACK_FILES)
def test_every_resource_of_a_release_is_still_there_or_has_an_alias(run_program: Run, stack: str) -> None:
    resources = run_program(settings(STACK_FILES[stack]), stack=stack).resources
    every = yaml.safe_load(RELEASED.read_text())
    released = every.get(stack, [])
    assert lost(released, resources) == [], WHAT_TO_DO
    current = {end_of(resource.urn) for resource in resources}
    if os.environ.get("UPDATE_RELEASED"):
        every[stack] = released = sorted({*released, *current})
        RELEASED.write_text(f"# See test_released_names.py\n{yaml.safe_dump(every, width=200)}")
    assert current <= {*released}, "There is a new resource: UPDATE_RELEASED=1 make test"


def test_every_stack_file_has_its_list() -> None:
    assert set(yaml.safe_load(RELEASED.read_text())) == set(STACK_FILES)


@pytest.fixture
def upload(run_program: Run) -> Registration:
    return run_program(settings(OTHERS["minimal"]))["registry-upload"]


def renamed(resource: Registration, name: str, *aliases: str) -> Registration:
    urn = f"{resource.urn.rpartition('::')[0]}::{name}"
    return replace(resource, urn=urn, name=name, aliases=list(aliases))


def test_a_renamed_resource_is_lost_without_an_alias_and_found_by_one(upload: Registration) -> None:
    released = [end_of(upload.urn)]
    assert lost(released, [renamed(upload, "registry-packages")]) == released
    assert lost(released, [renamed(upload, "registry-packages", upload.urn)]) == []


def test_a_resource_under_another_parent_is_another(upload: Registration) -> None:
    moved = upload.urn.replace("python-registry:index:PythonRegistry$", "")
    assert lost([end_of(upload.urn)], [replace(upload, urn=moved)]) != []
