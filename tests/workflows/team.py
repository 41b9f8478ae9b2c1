"""The commands of "Once per team" in docs/pull-requests.md on a sandbox, without the KMS key."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox.issuers.github import Workflow
from tests.support.docs import read_code, read_commands, read_section, read_table
from tests.support.federation import OWNER_ID, REPOSITORY
from tests.support.sandbox import Sandbox

PROJECT = "my-python-ci"
STATE = f"gs://{PROJECT}-state"
DEPLOYER, PREVIEWER = (f"{name}@{PROJECT}.iam.gserviceaccount.com" for name in ("deployer", "previewer"))
OBJECTS = f"https://storage.googleapis.com/storage/v1/b/{PROJECT}-state/o"


REPOSITORY_ID = str(Workflow(repository=REPOSITORY, owner_id=OWNER_ID).claims()["repository_id"])


def recipe() -> str:
    """Return the commands, with a repository's names and without those for the KMS key."""
    text = read_commands("pull-requests", "## Once per team")
    for old, new in {
        "ORG/REPO": REPOSITORY,
        "REPOSITORY_ID": REPOSITORY_ID,
        " --secrets-provider $KEY": "",
    }.items():
        assert old in text
        text = text.replace(old, new)
    return "".join(line for line in text.splitlines(True) if not line.startswith(("gcloud kms ", "KEY=")))


def identities() -> str:
    """Return the commands that create the accounts of the jobs, the pool and the grants on the accounts."""
    enable, _, rest = recipe().partition("\ngcloud storage ")
    created = rest[rest.index("gcloud iam workload-identity-pools create") :].partition("gcloud storage")[0]
    return f"{enable}\n{created}echo $POOL/providers/github\n"


def move_steps() -> list[str]:
    """Return the commands of each step that moves grants away from subjects."""
    section = read_section("pull-requests", "## Move from grants by subject")
    steps = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    # The first step sets the variables of the others.
    variables = "".join(line for line in steps[0].splitlines(True) if re.match(r" *(NUMBER|POOL)=", line))
    return [variables + step.replace("ORG/REPO", REPOSITORY) for step in steps]


def set_up(sandbox: Sandbox, checkout: Path, commands: str = "") -> str:
    """Run the commands as the project's owner. Return the provider's name, which the last one prints."""
    return run(sandbox, checkout, commands or recipe()).splitlines()[-1]


def run(sandbox: Sandbox, folder: Path, commands: str) -> str:
    """Run commands as the project's owner. Return their output."""
    return sandbox.run("bash", "-euo", "pipefail", "-c", commands, cwd=folder).stdout


def objects(sandbox: Sandbox) -> dict[str, str]:
    """Return the generation of every object in the state bucket."""
    status, listed = sandbox.ask("GET", OBJECTS)
    assert status == 200
    return {item["name"]: item["generation"] for item in listed["items"]}


def documented_roles(page: str, title: str) -> list[str]:
    """Return the roles that a section of the documentation lists."""
    return [read_code(role)[0] for role, _ in read_table(page, title)]


def deployer_roles() -> list[str]:
    return documented_roles("deploy", "## Roles of the deployer")


def previewer_roles() -> list[str]:
    return documented_roles("pull-requests", "## Roles of the previewer")


def grant(sandbox: Sandbox, project: str, members: dict[str, list[str]]) -> None:
    """Grant the members exactly these roles on the project."""
    manager = f"https://cloudresourcemanager.googleapis.com/v1/projects/{project}"
    _, policy = sandbox.ask("POST", f"{manager}:getIamPolicy", {})
    bindings = [b for b in policy["bindings"] if not members.keys() & set(b["members"])]
    bindings += [{"role": role, "members": [m]} for m, roles in members.items() for role in roles]
    status, _ = sandbox.ask("POST", f"{manager}:setIamPolicy", {"policy": {**policy, "bindings": bindings}})
    assert status == 200
