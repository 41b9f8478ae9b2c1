"""The commands of "Once per team" in docs/pull-requests.md on a sandbox, without the KMS key."""

from __future__ import annotations

from pathlib import Path

from sandbox.issuers.github import Workflow
from tests.support.docs import read_code, read_commands, read_table
from tests.support.federation import OWNER_ID, REPOSITORY
from tests.support.sandbox import Sandbox

PROJECT = "my-python-ci"
STATE = f"gs://{PROJECT}-state"
DEPLOYER, PREVIEWER = (f"{name}@{PROJECT}.iam.gserviceaccount.com" for name in ("deployer", "previewer"))
OBJECTS = f"https://storage.googleapis.com/storage/v1/b/{PROJECT}-state/o"


def recipe() -> str:
    """Return the commands, with a repository's names and without those for the KMS key."""
    text = read_commands("pull-requests", "## Once per team")
    repository = Workflow(repository=REPOSITORY, owner_id=OWNER_ID)
    for old, new in {
        "ORG/REPO": REPOSITORY,
        "REPOSITORY_ID": repository.claims()["repository_id"],
        " --secrets-provider $KEY": "",
    }.items():
        assert old in text
        text = text.replace(old, new)
    return "".join(line for line in text.splitlines(True) if not line.startswith(("gcloud kms ", "KEY=")))


def set_up(sandbox: Sandbox, checkout: Path) -> str:
    """Run the commands as the project's owner. Return the provider's name, which the last one prints."""
    done = sandbox.run("bash", "-euo", "pipefail", "-c", recipe(), cwd=checkout)
    return done.stdout.splitlines()[-1]


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
