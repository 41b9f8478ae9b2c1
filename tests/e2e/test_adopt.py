"""Repositories that gcloud created become part of a stack: the steps of docs/adopt.md."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.distributions import wheel
from tests.support.docs import read_commands
from tests.support.sandbox import LOCATION, Program

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed"),
]

CREATE, *STEPS = filter(str.strip, read_commands("adopt", "## Steps").splitlines())
PLACE = "--location europe-west1 --project MY_PROJECT"
PACKAGES = ("my-adder", "my-divider", "my-multiplier")
MODULES = {"my_adder.py", "my_divider.py", "my_multiplier.py"}


def run(program: Program, command: str, check: bool = True) -> str:
    """Run a command of the page for the project of this test, without questions."""
    command = command.replace("MY_PROJECT", program.project).replace("europe-west1", LOCATION)
    command = re.sub(r"^pulumi", f"pulumi --stack {program.stack} --non-interactive", command.strip())
    command = re.sub(r" up$", " up --yes", command)
    done = program.sandbox.run("sh", "-c", command, cwd=program.folder, check=check)
    return done.stdout + done.stderr


def enable(program: Program, *services: str) -> None:
    for service in services:
        run(program, f"gcloud services enable {service}.googleapis.com --project MY_PROJECT")


def create(program: Program, id_: str = "python", *options: str) -> None:
    """The page's command, for a repository of this id."""
    run(program, " ".join([CREATE.replace("create python ", f"create {id_} "), *options]))


def upload(program: Program, folder: Path) -> None:
    """Upload one wheel of each package, as an owner of the project."""
    folder.mkdir()
    for package in PACKAGES:
        (folder / f"{package.replace('-', '_')}-1.0-py3-none-any.whl").write_bytes(
            wheel(package, "1.0").content
        )
    url = f"https://{LOCATION}-python.pkg.dev/{program.project}/python/"
    login = '-u oauth2accesstoken -p "$GOOGLE_OAUTH_ACCESS_TOKEN"'
    run(program, f"twine upload --non-interactive --repository-url {url} {login} {folder}/*.whl")


def installed(program: Program, target: Path) -> set[str]:
    """The packages that pip installs from the index of the stack."""
    url = program.outputs()["index_url"].replace("https://", "https://oauth2accesstoken:$TOKEN@")
    names = " ".join(PACKAGES)
    run(
        program,
        f'TOKEN="$GOOGLE_OAUTH_ACCESS_TOKEN"; pip install --no-input --no-deps --target {target} '
        f'--index-url "{url}" {names}',
    )
    return {path.name for path in target.glob("*.py")}


def stored(program: Program, id_: str = "python") -> dict[str, Any]:
    status, repository = program.sandbox.ask("GET", program.repository(id_))
    assert status == 200
    return repository


def test_a_repository_of_the_tutorial_is_adopted_with_its_packages(
    program: Program, tmp_path: Path
) -> None:
    enable(program, "artifactregistry")
    create(program)
    upload(program, tmp_path / "dist")
    before = stored(program)

    program.configure(protect=True)
    set_adopt, preview, up = STEPS
    run(program, set_adopt)
    assert "= 1 to import" in run(program, preview)
    assert "= 1 imported" in run(program, up)
    after = stored(program)
    assert after["createTime"] == before["createTime"]
    assert installed(program, tmp_path / "installed") == MODULES

    sent = len(program.sandbox.log())
    assert "unchanged" in program.up("--expect-no-changes")
    assert not [r for r in program.sandbox.log()[sent:] if "/repositories" in r["path"]]
    program.configure(protect=True)
    assert program.changes() == {}
    assert "unchanged" in program.up("--expect-no-changes")

    refused = program.pulumi("destroy", "--yes", check=False)
    assert refused.returncode != 0
    assert "because it is protected" in refused.stdout
    assert stored(program) == after
    assert installed(program, tmp_path / "again") == MODULES


def test_service_accounts_that_exist_are_adopted_with_the_upload_repository(program: Program) -> None:
    enable(program, "artifactregistry", "iam")
    create(program)
    run(program, "gcloud iam service-accounts create python-reader --project MY_PROJECT")
    email = f"python-reader@{program.project}.iam.gserviceaccount.com"
    account = f"https://iam.googleapis.com/v1/projects/{program.project}/serviceAccounts/{email}"
    _, before = program.sandbox.ask("GET", account)
    program.configure(adopt=["python"], pypiProxy=False)
    program.up()
    # The provider reads the account that exists, and the next update changes what differs.
    assert program.changes() == {"registry-reader": "update"}
    program.up()
    _, after = program.sandbox.ask("GET", account)
    assert after["uniqueId"] == before["uniqueId"]
    assert after["displayName"] == "Installs Python packages (python)"
    assert program.changes() == {}


def test_the_three_repositories_are_adopted_and_what_differs_changes(program: Program) -> None:
    enable(program, "artifactregistry")
    cleanup = program.folder / "cleanup.json"
    cleanup.write_text(
        json.dumps([{"name": "old", "action": {"type": "Delete"}, "condition": {"olderThan": "30d"}}])
    )
    create(program, "python", "--description Ours --labels owner=ann")
    repositories = "gcloud artifacts repositories"
    run(program, f"{repositories} set-cleanup-policies python --policy {cleanup} {PLACE}")
    grant = "--role roles/artifactregistry.reader --member user:ann@example.com"
    run(program, f"{repositories} add-iam-policy-binding python {PLACE} {grant}")
    create(
        program,
        "python-pypi",
        "--mode remote-repository --remote-python-repo PYPI --remote-repo-config-desc PyPI",
    )
    create(program, "python-index", "--mode virtual-repository")

    program.configure(
        adopt=["python", "python-pypi", "python-index"], labels={"team": "data"}, serviceAccounts=False
    )
    steps = {(s["urn"].rpartition("::")[2], s["op"]): s for s in program.preview()["steps"]}
    names = ("registry-upload", "registry-pypi", "registry-index")
    assert steps.keys() >= {(name, op) for name in names for op in ("import", "update")}
    changed = steps["registry-upload", "update"]["detailedDiff"]
    assert {path.partition("[")[0].partition(".")[0] for path in changed} >= {
        "cleanupPolicies",
        "description",
    }
    program.up()
    upload_repository = stored(program)
    assert "cleanupPolicies" not in upload_repository
    assert upload_repository["labels"] == {"owner": "ann", "team": "data"}
    assert program.policy("python") == {}
    policies = stored(program, "python-index")["virtualRepositoryConfig"]["upstreamPolicies"]
    assert [policy["id"] for policy in policies] == ["private", "pypi"]
    assert program.changes() == {}


def test_properties_that_google_fixes_are_refused_before_anything_is_done(program: Program) -> None:
    enable(program, "artifactregistry")
    create(program, "python", "--mode virtual-repository")
    program.configure(adopt=["python", "python-pypi"], protect=False)
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        sent = len(program.sandbox.log())
        done = program.pulumi(*command, check=False)
        text = done.stdout + done.stderr
        assert done.returncode != 0
        assert "2 problems in the repositories to adopt; nothing was changed." in text
        assert "python.mode: VIRTUAL_REPOSITORY\n" in text
        assert "python-pypi: (not found)\n" in text
        assert "Traceback" not in text
        assert {r["method"] for r in program.sandbox.log()[sent:]} == {"GET"}


def test_a_protected_repository_is_not_replaced_by_an_adopted_one(program: Program) -> None:
    """The engine itself does not refuse this: it would delete the first repository with its packages."""
    program.configure(protect=True, pypiProxy=False, serviceAccounts=False)
    program.up()
    create(program, "other")
    program.configure(
        protect=True, pypiProxy=False, serviceAccounts=False, repository="other", adopt=["other"]
    )
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        done = program.pulumi(*command, check=False)
        assert done.returncode != 0
        assert "and Pulumi would delete that one with its packages" in done.stdout + done.stderr
    assert stored(program)
    # Nothing is left to be deleted later.
    program.configure(protect=True, pypiProxy=False, serviceAccounts=False)
    assert program.changes() == {}
