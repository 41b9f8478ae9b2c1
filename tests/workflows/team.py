"""What a team does once ("Once a team" in the README), on a sandbox: but for the key, not imitated here."""

from __future__ import annotations

from pathlib import Path

from sandbox.issuers.github import Workflow
from tests.support.docs import read_commands
from tests.support.federation import OWNER_ID, REPOSITORY
from tests.support.sandbox import Sandbox

PROJECT = "my-python-ci"
STATE = f"gs://{PROJECT}-state"
DEPLOYER, PREVIEWER = (f"{name}@{PROJECT}.iam.gserviceaccount.com" for name in ("deployer", "previewer"))
OBJECTS = f"https://storage.googleapis.com/storage/v1/b/{PROJECT}-state/o"


def recipe() -> str:
    """The commands, for a repository, and without those for the key."""
    text = read_commands("### Once a team")
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
    """Run them, as whoever made the project; the name of the provider that the last of them prints."""
    done = sandbox.run("bash", "-euo", "pipefail", "-c", recipe(), cwd=checkout)
    return done.stdout.splitlines()[-1]


def objects(sandbox: Sandbox) -> dict[str, str]:
    """What is in the state bucket, each with its generation."""
    status, listed = sandbox.ask("GET", OBJECTS)
    assert status == 200
    return {found["name"]: found["generation"] for found in listed["items"]}
