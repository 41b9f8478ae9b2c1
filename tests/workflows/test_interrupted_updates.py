"""The way back of docs/pull-requests.md after an update that was killed, cancelled or locked out.

The state is in the emulated bucket, and the jobs run with the roles of the documentation.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from typing import Any

import pytest

from tests.support.docs import read_commands
from tests.support.sandbox import Sandbox
from tests.workflows import team
from tests.workflows.checkout import Checkout, create_checkout
from tests.workflows.workflow_files import JOBS

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

DEPLOYER, PREVIEWER = f"serviceAccount:{team.DEPLOYER}", f"serviceAccount:{team.PREVIEWER}"
PROJECTS = ("my-python-dev", "my-python-prod")
APIS = ("artifactregistry", "iam", "iamcredentials", "sts")
GUIDE = "docs/pull-requests.md#after-an-interrupted-update"


@pytest.fixture(scope="module")
def checkout(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout of main. Its stacks are not deployed, and their APIs are enabled."""
    folder = tmp_path_factory.mktemp("work") / "checkout"
    folder.mkdir()
    checkout = create_checkout(sandbox, folder)
    members = {DEPLOYER: team.deployer_roles(), PREVIEWER: team.previewer_roles()}
    for project in PROJECTS:
        team.grant(sandbox, project, members)
        names = (f"{api}.googleapis.com" for api in APIS)
        sandbox.run("gcloud", "services", "enable", "--project", project, *names)
    return checkout


def locks(sandbox: Sandbox) -> list[str]:
    return [name for name in team.objects(sandbox) if "/locks/" in name]


def read_lock(sandbox: Sandbox) -> dict[str, Any]:
    (lock,) = locks(sandbox)
    status, content = sandbox.ask("GET", f"{team.OBJECTS}/{lock.replace('/', '%2F')}?alt=media")
    assert status == 200
    return content


def start_deployment(checkout: Checkout, job: str) -> subprocess.Popen[bytes]:
    """Start the deploy step. Returns while the upload repository is being created."""
    (step,) = (step for step in JOBS[job]["steps"] if "deploy.sh" in step.get("run", ""))
    checkout.sandbox("faults", "set", "slow-operations=600")
    before = len(checkout.sandbox.log())
    process = subprocess.Popen(
        checkout.sandbox.command("run", "--as", DEPLOYER, "--", *checkout.command(job, step)),
        env=checkout.sandbox.environment,
        cwd=checkout.folder,
    )
    deadline = time.monotonic() + 240
    while not any(is_creation(request) for request in checkout.sandbox.log()[before:]):
        assert time.monotonic() < deadline
        assert process.poll() is None
    checkout.sandbox("faults", "clear")
    return process


def is_creation(request: dict[str, Any]) -> bool:
    return request["method"] == "POST" and request["path"].endswith("/repositories")


def run(checkout: Checkout, command: str, member: str = DEPLOYER) -> str:
    backend = f"PULUMI_BACKEND_URL={team.STATE}"
    done = checkout.sandbox.run("env", backend, "bash", "-c", command, member=member, cwd=checkout.folder)
    return done.stdout + done.stderr


def test_the_documented_commands_continue_a_killed_update(checkout: Checkout) -> None:
    process = start_deployment(checkout, "deploy/dev")
    holder = read_lock(checkout.sandbox)
    os.kill(holder["pid"], signal.SIGKILL)
    assert process.wait() != 0

    assert checkout.job("deploy/dev", DEPLOYER)[0] != 0
    assert "### Stack `dev`: locked, nothing was changed\n" in checkout.page
    assert f"created by {holder['username']}@{holder['hostname']} (pid {holder['pid']})" in checkout.page
    assert GUIDE in checkout.page

    listing, cancel, check = read_commands("pull-requests", "## After an interrupted update").splitlines()
    assert listing.startswith("gh run list --workflow deploy.yml --status in_progress ")
    cancel = cancel.replace("--stack prod", "--stack dev")
    check = check.replace("/prod/", "/dev/")
    # The previewer may not delete objects. Pulumi does not say so.
    assert "has been canceled" in run(checkout, cancel, PREVIEWER)
    assert len(locks(checkout.sandbox)) == 1
    run(checkout, cancel)
    assert locks(checkout.sandbox) == []
    assert "matched no objects" in run(checkout, f"{check.split('#')[0]} || true")

    assert checkout.job("deploy/dev", DEPLOYER)[0] != 0, (
        "the repository exists, and the state does not have it"
    )
    assert "### Stack `dev`: the update failed\n" in checkout.page
    (repository,) = re.findall(r"add (\S+) to the setting `adopt`", checkout.page)
    run(checkout, f"pulumi config set --stack dev --path 'python-registry:adopt[0]' {repository}")
    assert checkout.job("deploy/dev", DEPLOYER)[0] == 0
    assert checkout.job("deploy/dev", DEPLOYER)[0] == 0
    # The fake provider adds its own message.
    assert checkout.page.startswith("Stack `dev`: No changes.\n")
    assert locks(checkout.sandbox) == []


def test_a_cancelled_run_interrupts_pulumi_which_releases_its_lock(checkout: Checkout) -> None:
    process = start_deployment(checkout, "deploy/prod")
    # GitHub sends this signal to the process of the step, and only to it.
    process.send_signal(signal.SIGINT)
    assert process.wait() != 0
    assert locks(checkout.sandbox) == []
    assert "received; cancelling" in (checkout.folder / "up.log").read_text()
    explain = {"run": ".github/scripts/explain_failure.sh"}
    command = checkout.command("deploy/prod", explain)
    checkout.sandbox.run(*command, member=DEPLOYER, cwd=checkout.folder)
    assert "### Stack `prod`: the update was interrupted\n" in checkout.page
    assert GUIDE in checkout.page
