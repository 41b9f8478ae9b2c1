"""The contract with other projects: names, types and meanings of the outputs.

`contract.yaml` contains each output's name, type, and value for one stack file; the value pins the meaning.
A new output keeps the contract. Any other change breaks it, and the test refuses it until
`CONTRACT_VERSION` in `components/registry.py` is raised. Then run `UPDATE_CONTRACT=1 make test`.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import yaml

from components.registry import CONTRACT_VERSION
from tests.inventory.test_inventories import HERE, settings
from tests.support.recorder import Run

CONTRACT = HERE / "contract.yaml"
STACK_FILE = HERE / "contract.stack.yaml"
WHAT_TO_DO = (
    "Other projects read this output. Restore it. If the change is intended, raise CONTRACT_VERSION in "
    "components/registry.py and in examples/*/python_registry_outputs.py, run UPDATE_CONTRACT=1 make test, "
    "and commit them together."
)

Contract = dict[str, Any]


def contract_of(outputs: dict[str, Any]) -> Contract:
    described = {
        name: {"type": "text" if isinstance(value, str) else "number", "example": value}
        for name, value in sorted(outputs.items())
        # The version has its own key.
        if name != "contract_version"
    }
    return {"version": CONTRACT_VERSION, "outputs": described}


def breaks(committed: Contract, current: Contract) -> list[str]:
    """The changes that break a reader of the committed contract. A raised version breaks nothing."""
    if current["version"] > committed["version"]:
        return []
    if current["version"] < committed["version"]:
        return [f"the version was lowered from {committed['version']} to {current['version']}"]
    broken: list[str] = []
    for name, was in committed["outputs"].items():
        now = current["outputs"].get(name)
        if now is None:
            broken.append(f"{name} is missing")
        elif now["type"] != was["type"]:
            broken.append(f"{name} was a {was['type']} and is a {now['type']}")
        elif now["example"] != was["example"]:
            broken.append(f"{name} was {was['example']!r} and is {now['example']!r}")
    return broken


@pytest.fixture
def current(run_program: Run) -> Contract:
    return contract_of(run_program(settings(STACK_FILE)).outputs)


def test_no_output_changes_its_name_type_or_meaning(current: Contract) -> None:
    committed = yaml.safe_load(CONTRACT.read_text())
    broken = breaks(committed, current)
    assert not broken, f"{'; '.join(broken)}. {WHAT_TO_DO}"
    if os.environ.get("UPDATE_CONTRACT"):
        text = yaml.safe_dump(current, sort_keys=False, width=200, allow_unicode=True)
        CONTRACT.write_text(
            f"# Stack file: {STACK_FILE.relative_to(HERE.parents[1])}; see test_contract.py\n{text}"
        )
        committed = current
    assert committed == current, "There is a new output or version. Run UPDATE_CONTRACT=1 make test"


def test_the_contract_stack_fills_every_output(current: Contract) -> None:
    assert [name for name, output in current["outputs"].items() if not output["example"]] == []


def changed(contract: Contract, **outputs: Any) -> Contract:
    copy = json.loads(json.dumps(contract))
    copy["outputs"].update(outputs)
    return copy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"index_url": None}, "index_url is missing"),
        ({"index_url": {"type": "number", "example": 1}}, "index_url was a text and is a number"),
        ({"index_url": {"type": "text", "example": "x"}}, "and is 'x'"),
    ],
)
def test_a_break_is_refused_until_the_version_is_raised(
    current: Contract, change: Any, message: str
) -> None:
    broken = changed(current, **change)
    broken["outputs"] = {name: value for name, value in broken["outputs"].items() if value}
    (problem,) = breaks(current, broken)
    assert message in problem
    assert breaks(current, {**broken, "version": current["version"] + 1}) == []
    assert breaks(current, {**broken, "version": current["version"] - 1}) != []


def test_a_renamed_output_breaks_the_contract_and_a_new_output_does_not(current: Contract) -> None:
    new = {"type": "text", "example": "x"}
    assert breaks(current, changed(current, index_host=new)) == []
    renamed = changed(current, index=current["outputs"]["index_url"])
    del renamed["outputs"]["index_url"]
    assert breaks(current, renamed) == ["index_url is missing"]
