"""The contract with other projects: what they read of the stack may not change under their hands.

`contract.yaml` has the outputs' names, their types and, for one stack file, their values, which pin what
they mean. Adding an output is no break. Any other change needs `CONTRACT_VERSION` in
`components/registry.py` raised, in the same commit as `UPDATE_CONTRACT=1 make test`; it is refused
without.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import yaml

from components.registry import CONTRACT_VERSION
from tests.examples.helper import KNOWN_VERSION, OUTPUT_NAMES
from tests.inventory.test_inventories import HERE, settings
from tests.support.recorder import Run

CONTRACT = HERE / "contract.yaml"
# Has every output filled that a stack file can fill.
STACK_FILE = HERE / "stacks" / "minimal.yaml"
WHAT_TO_DO = (
    "Other projects' programs read this. Keep it as it was or, if the change is meant, raise "
    "CONTRACT_VERSION in components/registry.py and in examples/*/python_registry_outputs.py, then "
    "UPDATE_CONTRACT=1 make test, and commit them together."
)

Contract = dict[str, Any]


def contract_of(outputs: dict[str, Any]) -> Contract:
    described = {
        name: {"type": "text" if isinstance(value, str) else "number", "example": value}
        for name, value in sorted(outputs.items())
        # Says the version itself.
        if name != "contract_version"
    }
    return {"version": CONTRACT_VERSION, "outputs": described}


def breaks(committed: Contract, current: Contract) -> list[str]:
    """What a consumer of the committed contract would stumble over; nothing once the version is raised."""
    if current["version"] > committed["version"]:
        return []
    if current["version"] < committed["version"]:
        return [f"the version went back from {committed['version']} to {current['version']}"]
    found: list[str] = []
    for name, was in committed["outputs"].items():
        now = current["outputs"].get(name)
        if now is None:
            found.append(f"{name} is gone")
        elif now["type"] != was["type"]:
            found.append(f"{name} was a {was['type']} and is a {now['type']}")
        elif now["example"] != was["example"]:
            found.append(f"{name} was {was['example']!r} and is {now['example']!r}")
    return found


@pytest.fixture
def current(run_program: Run) -> Contract:
    return contract_of(run_program(settings(STACK_FILE)).outputs)


def test_nothing_that_other_projects_read_has_changed_its_name_type_or_meaning(current: Contract) -> None:
    committed = yaml.safe_load(CONTRACT.read_text())
    broken = breaks(committed, current)
    assert not broken, f"{'; '.join(broken)}. {WHAT_TO_DO}"
    if os.environ.get("UPDATE_CONTRACT"):
        text = yaml.safe_dump(current, sort_keys=False, width=200, allow_unicode=True)
        CONTRACT.write_text(f"# Of {STACK_FILE.relative_to(HERE.parents[1])}; see test_contract.py\n{text}")
        committed = current
    assert committed == current, "There is a new output or version: UPDATE_CONTRACT=1 make test"


def test_what_consumers_copy_knows_this_contract_and_no_other(current: Contract) -> None:
    assert KNOWN_VERSION == CONTRACT_VERSION
    assert {*OUTPUT_NAMES} == {*current["outputs"], "contract_version"}


def changed(contract: Contract, **outputs: Any) -> Contract:
    copy = json.loads(json.dumps(contract))
    copy["outputs"].update(outputs)
    return copy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"index_url": None}, "index_url is gone"),
        ({"index_url": {"type": "number", "example": 1}}, "index_url was a text and is a number"),
        ({"index_url": {"type": "text", "example": "x"}}, "and is 'x'"),
    ],
)
def test_a_break_is_seen_until_the_version_is_raised(current: Contract, change: Any, said: str) -> None:
    broken = changed(current, **change)
    broken["outputs"] = {name: value for name, value in broken["outputs"].items() if value}
    (seen,) = breaks(current, broken)
    assert said in seen
    assert breaks(current, {**broken, "version": current["version"] + 1}) == []
    assert breaks(current, {**broken, "version": current["version"] - 1}) != []


def test_a_renamed_output_is_a_break_and_a_new_one_is_none(current: Contract) -> None:
    new = {"type": "text", "example": "x"}
    assert breaks(current, changed(current, index_host=new)) == []
    renamed = changed(current, index=current["outputs"]["index_url"])
    del renamed["outputs"]["index_url"]
    assert breaks(current, renamed) == ["index_url is gone"]
