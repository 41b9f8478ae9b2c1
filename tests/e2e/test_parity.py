"""A stack goes from one way of use to another: every resource and every output stay."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.consumers import WAYS, is_unchanged, use_clone, use_consumer
from tests.support.sandbox import Program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

SETTINGS: dict[str, Any] = {
    "repository": "packages",
    "privatePackages": ["my-adder"],
    "readers": ["group:all@example.com"],
    "writers": ["user:w@example.com"],
    "admins": ["user:boss@example.com"],
    "impersonators": {"writer": ["group:release@example.com"]},
    "github": {"repositories": ["acme/my-adder"], "ownerId": 1, "ref": "refs/heads/main"},
    "labels": {"team": "data"},
}
CODE = """
export(create(
    access="{access}",
    repository="packages",
    private_packages=("my-adder",),
    readers=("group:all@example.com",),
    writers=("user:w@example.com",),
    admins=("user:boss@example.com",),
    impersonators=Impersonators(writer=("group:release@example.com",)),
    github=GitHub(repositories=("acme/my-adder",), owner_id="1", ref="refs/heads/main"),
    labels={{"team": "data"}},
))
"""


def resources(program: Program) -> dict[str, Any]:
    """The fields of each resource in the state, without the providers of packages."""
    exported = json.loads(program.pulumi("stack", "export").stdout)["deployment"]["resources"]
    fields = ("id", "parent", "inputs", "protect", "deletedWith")
    return {
        resource["urn"]: {
            **{field: resource.get(field) for field in fields},
            "dependencies": sorted(resource.get("dependencies", [])),
        }
        for resource in exported
        if not resource["type"].startswith("pulumi:providers:")
    }


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_a_stack_goes_from_the_clone_to_the_library_the_package_and_back(
    consumer: Program, access: str
) -> None:
    consumer.configure(access=access, **SETTINGS)
    consumer.up()
    created, outputs = resources(consumer), consumer.outputs()
    for way in (*WAYS, "clone"):
        if way == "clone":
            use_clone(consumer)
        else:
            use_consumer(consumer, way, CODE.format(access=access))
        assert consumer.changes() == {}, way
        assert is_unchanged(consumer.up()), way
        assert resources(consumer) == created, way
        assert consumer.outputs() == outputs, way
