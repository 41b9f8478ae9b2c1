"""`affected_stacks.py`: the stacks that a pull request previews, and those that the drift check covers."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sandbox import CHECKOUT
from tests.workflows.workflow_files import GITHUB, JOBS

SCRIPT = GITHUB / "scripts/affected_stacks.py"


@pytest.mark.parametrize(
    ("changed", "stacks"),
    [
        ("Pulumi.dev.yaml", ["dev"]),
        ("Pulumi.dev.yaml Pulumi.prod.yaml", ["dev", "prod"]),
        ("components/iam.py", ["dev", "prod"]),
        ("settings/stack_file.py", ["dev", "prod"]),
        ("requirements.lock", ["dev", "prod"]),
        ("Makefile", ["dev", "prod"]),
        (".github/actions/setup/action.yml", ["dev", "prod"]),
        (".github/workflows/test.yml requirements-dev.txt", []),
        ("README.md tests/settings/test_settings.py tools/summary/report.py", []),
        ("Pulumi.gone.yaml", []),
        ("tests/inventory/Pulumi.dev.yaml", []),
        ("", []),
    ],
)
def test_a_change_affects_these_stacks(changed: str, stacks: list[str]) -> None:
    script = runpy.run_path(str(SCRIPT))
    assert script["affected_stacks"](changed.split(), ["prod", "dev"]) == stacks


def run(folder: Path, changed: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a folder with stack files, on names of changed files."""
    command = [sys.executable, str(SCRIPT)]
    return subprocess.run(command, cwd=folder, input=changed, capture_output=True, text=True, check=True)


def test_a_file_with_an_invalid_stack_name_is_ignored_with_a_note(tmp_path: Path) -> None:
    invalid = [
        "Pulumi.*.yaml",
        "Pulumi.a b.yaml",
        "Pulumi.x$(id).yaml",
        "Pulumi.-e.yaml",
        "Pulumi.a\n::b.yaml",
    ]
    for name in ("Pulumi.yaml", "Pulumi.dev-1_a.b.yaml", "Pulumi.prod.yaml", *invalid):
        (tmp_path / name).touch()
    done = run(tmp_path, "\n".join(["Pulumi.dev-1_a.b.yaml", *invalid]))
    assert done.stdout == 'stacks=["dev-1_a.b"]\nremoved=[]\n'
    assert sorted(done.stderr.splitlines()) == sorted(
        f"{name!r} is ignored: Pulumi does not accept this stack name." for name in invalid
    )
    assert run(tmp_path, "settings/keys.py").stdout.startswith('stacks=["dev-1_a.b", "prod"]\n')


def list_stacks(folder: Path, job: str = "preview/stacks") -> int:
    """Run a job's step as GitHub does, in a folder with the scripts. The file `output` has its outputs."""
    (step,) = (step for step in JOBS[job]["steps"] if "run" in step)
    # GitHub sets pipefail only if the step names its shell.
    options = ["-e", "-o", "pipefail"] if step.get("shell") == "bash" else ["-e"]
    command = ["bash", *options, "-c", step["run"].replace("python3", sys.executable)]
    environment = {**os.environ, "GITHUB_OUTPUT": str(folder / "output")}
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


def commit(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("changed\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "add", "-A"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-qm", "change"], cwd=folder, check=True)


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """A checkout of a branch, which is equal to main."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".github").symlink_to(GITHUB)
    (tmp_path / ".git/info/exclude").write_text("output\n.github\n")
    commit(tmp_path, "Pulumi.dev.yaml", "Pulumi.prod.yaml")
    subprocess.run(["git", "update-ref", "refs/remotes/origin/main", "HEAD"], cwd=tmp_path, check=True)
    return tmp_path


def test_a_pull_request_on_another_one_affects_the_stacks_of_both(branch: Path) -> None:
    (branch / "Pulumi.prod.yaml").write_text("of the other pull request\n")
    commit(branch)
    commit(branch, "README.md")
    assert list_stacks(branch) == 0
    assert (branch / "output").read_text() == 'stacks=["prod"]\nremoved=[]\n'


def test_a_name_that_git_quotes_is_part_of_the_program(branch: Path) -> None:
    commit(branch, "components/größe.py")
    assert list_stacks(branch) == 0
    assert (branch / "output").read_text().startswith('stacks=["dev", "prod"]\n')


@pytest.mark.parametrize("job", ["preview/stacks", "drift/stacks"])
def test_a_list_of_files_that_fails_is_not_an_empty_one(tmp_path: Path, job: str) -> None:
    (tmp_path / ".github").symlink_to(GITHUB)
    assert list_stacks(tmp_path, job) != 0


def test_a_file_that_belongs_to_no_stack_starts_no_job(tmp_path: Path) -> None:
    others = [f"Pulumi.{name}.yaml" for name in ("Example", "samples", "dev_template.eu", "dev.deploy")]
    for name in ("Pulumi.dev.yaml", *others):
        (tmp_path / name).touch()
    assert run(tmp_path, "__main__.py").stdout == 'stacks=["dev"]\nremoved=[]\n'
    for name in others:
        (tmp_path / name).unlink()
    assert run(tmp_path, "\n".join(others)).stdout == "stacks=[]\nremoved=[]\n"


def test_a_stack_whose_file_is_deleted_is_reported_separately(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").touch()
    done = run(tmp_path, "Pulumi.gone.yaml\nPulumi.dev.yaml\nPulumi.x y.yaml\n")
    assert done.stdout == 'stacks=["dev"]\nremoved=["gone"]\n'


def test_the_drift_check_covers_every_stack_file(tmp_path: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    for name in ("dev", "prod", "staging"):
        (tmp_path / f"Pulumi.{name}.yaml").touch()
    (tmp_path / ".github").symlink_to(GITHUB)
    files = tmp_path.parent / "files"
    files.write_text(f"{tracked}Pulumi.staging.yaml\n")
    # The step of drift.yml, with a list of files instead of a checkout.
    (step,) = (step for step in JOBS["drift/stacks"]["steps"] if "run" in step)
    script = step["run"].replace("git ls-files", f"cat {files}").replace("python3", sys.executable)
    output = tmp_path.parent / "output"
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={"GITHUB_OUTPUT": str(output)},
        check=True,
    )
    stacks = json.loads(output.read_text().splitlines()[0].removeprefix("stacks="))
    assert stacks == ["dev", "prod", "staging"]
