"""A checkout of the repository, in which jobs of the workflows run on a sandbox as they do on GitHub.

Runs the `run:` steps of a job with the variables that GitHub sets. The actions of others, such as checkout
and login, do not run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.sandbox import CHECKOUT, Sandbox
from tests.workflows import team
from tests.workflows.workflow_files import JOBS, steps_of

# The condition of a step that runs after a failed or cancelled one.
AFTER_FAILURE = "failure() || cancelled()"
GITHUB_VARIABLES = {
    "SERVER_URL": "https://github.com",
    "REPOSITORY": "acme/registry",
    "SHA": "main",
    "ACTOR": "ann",
}
# With the setting that needs the most roles.
PUBLISHING = {"repositories": ["acme/my-adder"], "ownerId": 1234567, "ref": "refs/heads/main"}


@dataclass
class Checkout:
    """The repository at a commit, and the files that GitHub gives a job."""

    sandbox: Sandbox
    folder: Path
    provider: str

    def job(
        self, name: str, member: str, scripts: str = "", **expressions: str
    ) -> tuple[int, dict[str, str]]:
        """Run a job's `run:` steps until one fails, then those that run after a failure.

        Returns the status of the failed step, and the last step's outputs.

        Args:
            name: the job, as WORKFLOW/JOB.
            member: the account that the job is logged in as.
            scripts: a pattern of the steps to run; by default all.
            expressions: the values of GitHub's expressions.
        """
        output, page = self.folder.parent / "output", self.folder.parent / "page"
        page.write_text("")
        status = 0
        for step in steps_of(JOBS[name]):
            if "run" not in step or not re.search(scripts, step["run"]):
                continue
            if bool(status) != (step.get("if") == AFTER_FAILURE):
                continue
            output.write_text("")
            command = self.command(name, step, **expressions)
            done = self.sandbox.run(*command, member=member, cwd=self.folder, check=False)
            print(f"$ {step['run']}\n{done.stdout}{done.stderr}")
            status = status or done.returncode
        return status, dict(line.split("=", 1) for line in output.read_text().splitlines())

    def command(self, name: str, step: dict[str, Any], **expressions: str) -> list[str]:
        """The command that runs a step of a job, with the variables that GitHub sets."""
        variables = {**JOBS[name].get("env", {}), **step.get("env", {})}
        known = {"vars.PULUMI_BACKEND_URL": team.STATE, **expressions}
        values = {key: str(known.get(value.strip("${} "), value)) for key, value in variables.items()}
        assert "${{" not in "".join(values.values()), values
        values |= {f"GITHUB_{key}": value for key, value in GITHUB_VARIABLES.items()}
        values["GITHUB_OUTPUT"] = str(self.folder.parent / "output")
        values["GITHUB_STEP_SUMMARY"] = str(self.folder.parent / "page")
        script = self.folder.parent / "step.sh"
        script.write_text(step["run"])
        # GitHub sets pipefail only if the step names its shell.
        pipefail = ["-o", "pipefail"] if "shell" in step else []
        shell = ["bash", "--noprofile", "--norc", "-e", *pipefail]
        return ["env", *(f"{k}={v}" for k, v in values.items()), *shell, str(script)]

    def refusal(self, member: str, *words: str) -> str:
        """Run a `pulumi` command that must fail as that member. Return its error message."""
        backend = f"PULUMI_BACKEND_URL={team.STATE}"
        command = ["env", backend, "pulumi", "--non-interactive", *words]
        done = self.sandbox.run(*command, member=member, cwd=self.folder, check=False)
        assert done.returncode != 0
        return done.stderr

    @property
    def summary(self) -> str:
        return (self.folder / "summary.md").read_text()

    @property
    def page(self) -> str:
        """The job's page on GitHub."""
        return (self.folder.parent / "page").read_text()

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=True
        ).stdout.strip()

    def edit(self, file: str, old: str, new: str) -> None:
        """Commit a change of one file."""
        path = self.folder / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        self.git("commit", "-qam", "change")


def create_checkout(sandbox: Sandbox, folder: Path) -> Checkout:
    """Copy every file that git tracks, and run the team's commands of docs/pull-requests.md."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    for name in filter(None, tracked.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, folder / name)
    with (folder / "Pulumi.dev.yaml").open("a") as stack_file:
        stack_file.write(f"  python-registry:github: {json.dumps(PUBLISHING)}\n")
    # `make venv` then finds a finished venv that is newer than the lock file.
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    os.utime(folder / "requirements.lock", (0, 0))
    checkout = Checkout(sandbox, folder, team.set_up(sandbox, folder))
    checkout.git("init", "-q")
    (folder / ".git/info/exclude").write_text(".venv\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "main")
    return checkout
