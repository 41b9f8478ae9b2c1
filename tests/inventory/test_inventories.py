"""Whole programs as readable files: every resource with inputs, parent, dependencies and protection.

Reviewers see each change of a resource as a changed line. If the change is intended, run
`UPDATE_INVENTORIES=1 make test` and commit the changed files.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.recorder import MadeByHand, Recording, Run, repository_by_hand

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def stack_name(path: Path) -> str:
    return path.name.removeprefix("Pulumi.").removesuffix(".yaml")


COMMITTED = {stack_name(path): path for path in sorted(ROOT.glob("Pulumi.*.yaml"))}
OTHERS = {stack_name(path): path for path in sorted((HERE / "stacks").glob("*.yaml"))}


def settings(path: Path) -> dict[str, Any]:
    """A stack file's configuration. The files of these tests omit the outer `config:`."""
    content = yaml.safe_load(path.read_text())
    return content.get("config", content)


def inventory(recording: Recording) -> dict[str, Any]:
    """The resources of a run by name. False and empty values are omitted."""
    names = {r.urn: r.name for r in recording.resources}

    def in_order(values: dict[str, Any]) -> dict[str, Any]:
        """The values sorted by name: their order in a recording differs between runs."""
        return json.loads(json.dumps(values, sort_keys=True))

    resources = {
        r.name: {
            key: value
            for key, value in {
                "type": r.type,
                "parent": names.get(r.parent),
                "protect": r.protect,
                "import": r.import_id,
                "dependencies": sorted(names[urn] for urn in r.dependencies),
                "ignored changes": r.ignored_changes,
                "inputs": in_order(r.inputs),
            }.items()
            if value
        }
        for r in sorted(recording.resources, key=lambda r: r.name)
    }
    return {"resources": resources, "outputs": in_order(recording.outputs)}


def record(run_program: Run, config: dict[str, Any], **options: Any) -> Recording:
    """A run of the program, in a project that has every repository which the settings adopt."""
    modes = {"python-pypi": "REMOTE", "python-index": "VIRTUAL"}
    adopted = config.get("python-registry:adopt", [])
    repositories = {id_: repository_by_hand(modes.get(id_, "STANDARD")) for id_ in adopted}
    answers = MadeByHand(repositories=repositories) if adopted else None
    return run_program(config, answers=answers, **options)


@pytest.mark.parametrize(("name", "path"), [*COMMITTED.items(), *OTHERS.items()], ids=[*COMMITTED, *OTHERS])
def test_a_stack_file_registers_the_committed_resources(run_program: Run, name: str, path: Path) -> None:
    expected = HERE / f"{name}.expected.yaml"
    registered = inventory(record(run_program, settings(path), stack=name))
    if os.environ.get("UPDATE_INVENTORIES"):
        text = yaml.safe_dump(registered, sort_keys=False, width=200, allow_unicode=True)
        expected.write_text(f"# Of {path.relative_to(ROOT)}\n{text}")
    assert registered == yaml.safe_load(expected.read_text())


@pytest.mark.parametrize("path", [*COMMITTED.values(), *OTHERS.values()], ids=[*COMMITTED, *OTHERS])
def test_a_preview_registers_the_same_as_an_update(run_program: Run, path: Path) -> None:
    config, stack = settings(path), stack_name(path)
    previewed = inventory(record(run_program, config, stack=stack, preview=True))
    assert previewed == inventory(record(run_program, config, stack=stack))
