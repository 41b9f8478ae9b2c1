"""Environments side by side on one sandbox, as in docs/environments.md: in separate projects, and in one.

Nothing of one is in another's state, outputs or grants.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.distributions import sdist, wheel
from tests.support.docs import read_commands, read_section
from tests.support.sandbox import Sandbox, copy_project
from tests.support.stored_files import put_file, stored_hashes

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

RECIPE = read_section("environments", "## Two environments in one project")
STACK_FILE = re.search(r"`(Pulumi\.staging\.yaml)`.*```yaml\n(.*?)```", RECIPE, re.DOTALL)
PROMOTE = read_commands("environments", "## Promote a release")
STACKS = ("dev", "prod", "staging")
REGISTRY = "https://artifactregistry.googleapis.com/v1"
ACCOUNTS = "https://iam.googleapis.com/v1/projects/-/serviceAccounts"


class Environments:
    """One checkout with three stack files."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        copy_project(folder, "Pulumi.dev.yaml", "Pulumi.prod.yaml")
        assert STACK_FILE, "the recipe has a stack file"
        (folder / STACK_FILE[1]).write_text(STACK_FILE[2])

    def pulumi(self, stack: str, *words: str) -> str:
        command = ["pulumi", "--non-interactive", "--stack", stack, *words]
        return self.sandbox.run(*command, cwd=self.folder).stdout

    def up(self, stack: str) -> str:
        return self.pulumi(stack, "up", "--yes", "--skip-preview")

    def outputs(self, stack: str) -> dict[str, Any]:
        return json.loads(self.pulumi(stack, "stack", "output", "--json"))

    def state(self, stack: str) -> str:
        return self.pulumi(stack, "stack", "export")

    def changes(self, stack: str) -> set[str]:
        """The changes that a refreshed preview shows."""
        steps = json.loads(self.pulumi(stack, "preview", "--refresh", "--json"))["steps"]
        return {step["op"] for step in steps} - {"same", "refresh"}

    def change(self, stack: str, key: str, value: Any) -> None:
        path = self.folder / f"Pulumi.{stack}.yaml"
        content = yaml.safe_load(path.read_text())
        content["config"][f"python-registry:{key}"] = value
        path.write_text(yaml.safe_dump(content))

    def policies(self, stack: str) -> str:
        """Everything that is granted on what the stack made, read back from the cloud."""
        said = self.outputs(stack)
        urls = [f"{REGISTRY}/{said['repository_name']}{suffix}" for suffix in ("", "-pypi", "-index")]
        granted = [self.sandbox.ask("GET", f"{url}:getIamPolicy") for url in urls]
        for account in (said["reader_email"], said["writer_email"]):
            granted.append(self.sandbox.ask("POST", f"{ACCOUNTS}/{account}:getIamPolicy"))
        assert [status for status, _ in granted] == [200] * 5
        return json.dumps(granted)

    def own(self, stack: str) -> list[str]:
        """Names that belong only to that stack: full names, addresses, accounts and its members."""
        said = self.outputs(stack)
        names = [said["repository_name"] + suffix for suffix in ("", "-pypi", "-index")]
        urls = [said["repository_url"], said["index_url"]]
        members = {
            "dev": [],
            "prod": ["group:platform@example.com"],
            "staging": ["group:testers@example.com"],
        }
        return [*names, *urls, said["reader_email"], said["writer_email"], *members[stack]]


@pytest.fixture(scope="module")
def environments(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Environments:
    environments = Environments(sandbox, tmp_path_factory.mktemp("checkout"))
    for stack in STACKS:
        sandbox.run("pulumi", "stack", "init", stack, cwd=environments.folder)
        environments.up(stack)
    return environments


def mentions(text: str, name: str) -> bool:
    """Whether it is in the text, and not as the beginning of a longer one."""
    return bool(re.search(rf"{re.escape(name)}(?![\w-])", text))


def test_the_recipe_has_two_projects_and_two_environments_in_one(environments: Environments) -> None:
    projects = [environments.outputs(stack)["project"] for stack in STACKS]
    assert projects == ["my-python-dev", "my-python-prod", "my-python-dev"]


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_of_another_is_in_its_state_its_outputs_and_its_grants(
    environments: Environments, stack: str
) -> None:
    about = {
        "state": environments.state(stack),
        "outputs": "\n".join(map(str, environments.outputs(stack).values())),
        "grants": environments.policies(stack),
    }
    for other in STACKS:
        found = [
            (where, name)
            for where, text in about.items()
            for name in environments.own(other)
            if mentions(text, name)
        ]
        if other == stack:
            assert {where for where, _ in found} == {*about}, "what is looked for can be found"
        else:
            assert found == []


@pytest.mark.parametrize("stack", STACKS)
def test_its_accounts_are_refused_by_the_others(environments: Environments, stack: str) -> None:
    said = environments.outputs(stack)
    for role in ("reader_email", "writer_email"):
        member = f"serviceAccount:{said[role]}"
        for other in STACKS:
            index = f"{environments.outputs(other)['repository_url']}simple"
            answer = environments.sandbox.session(member).get(f"{index}/my-adder/", timeout=30)
            # A package that nobody uploaded: not found is an answer for those who may read.
            assert answer.status_code == (404 if other == stack else 403), (role, other)


def test_a_change_and_a_destroy_of_one_leave_the_others_as_they_were(environments: Environments) -> None:
    others = ("dev", "prod")
    before = [(environments.state(stack), environments.policies(stack)) for stack in others]
    environments.change("staging", "readers", ["group:everyone@example.com"])
    environments.change("staging", "labels", {"env": "staging"})
    environments.up("staging")
    assert [environments.changes(stack) for stack in others] == [set(), set()]
    environments.pulumi("staging", "destroy", "--yes", "--skip-preview", "--ignore-protect")
    assert [environments.changes(stack) for stack in others] == [set(), set()]
    assert [(environments.state(stack), environments.policies(stack)) for stack in others] == before
    environments.up("staging")
    assert environments.changes("staging") == set()


def test_the_promoted_release_is_the_only_one_that_prod_gets(environments: Environments) -> None:
    sandbox = environments.sandbox
    names = {stack: environments.outputs(stack)["repository_name"] for stack in STACKS}
    release = (wheel("my-adder", "0.0.1"), sdist("my-adder", "0.0.1"))
    for upload in (*release, wheel("my-adder", "0.0.2"), wheel("tool", "0.0.1")):
        put_file(sandbox, names["dev"], upload.filename, upload.content)
    for _ in range(2):
        sandbox.run("sh", "-c", PROMOTE, cwd=environments.folder)
    stored = {stack: stored_hashes(sandbox, name) for stack, name in names.items()}
    assert stored["prod"] == {upload.filename: stored["dev"][upload.filename] for upload in release}
    assert stored["staging"] == {}
