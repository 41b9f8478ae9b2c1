"""Google's bad days: one `up` gets through them, or says what to do. Seconds are scaled down."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.sandbox import Program

pytestmark = pytest.mark.sandbox

MANAGER_OFF = "projects/{}/services/cloudresourcemanager.googleapis.com:disable"


@contextlib.contextmanager
def faults(program: Program, *words: str) -> Generator[None]:
    program.sandbox("faults", "set", *words)
    try:
        yield
    finally:
        program.sandbox("faults", "clear")


def recover(program: Program) -> None:
    """Run the step of `make up` that precedes `pulumi up`."""
    done = subprocess.run(
        program.sandbox.command("recover", program.stack),
        env={**program.sandbox.environment, "PWD": str(program.folder)},
        cwd=program.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_up_waits_out_apis_and_accounts_that_google_does_not_know_yet(program: Program) -> None:
    # The real plugin itself waits about ten seconds until a new account is steadily there.
    member_delay = 6 if "fake provider" in program.sandbox("status").stdout else 20
    delays = ("api-delay=8", "account-delay=3", f"member-delay={member_delay}")
    with faults(program, *delays, "unavailable=0.1"):
        text = program.up()
    project = re.escape(program.project)
    assert "Waiting for artifactregistry.googleapis.com, which was just enabled: 0 s so far" in text
    assert re.search(rf"Waiting for python-\w+@{project}\S+, which was just created", text)
    assert program.changes() == {}


def test_one_up_gets_through_503s_stale_etags_and_slow_operations(program: Program) -> None:
    with faults(program, "unavailable=0.3", "stale-etag=0.3", "slow-operations=2"):
        program.up()
    assert program.changes() == {}


def test_a_permission_error_fails_at_once_even_right_after_the_api_was_enabled(program: Program) -> None:
    text = program.up(check=False, member="user:stranger@example.com")
    assert "Error 403: Permission" in text
    assert "Waiting for" not in text


def test_without_resource_manager_up_ends_with_the_command_that_helps(program: Program) -> None:
    usage = f"https://serviceusage.googleapis.com/v1/{MANAGER_OFF.format(program.project)}"
    assert program.sandbox.ask("POST", usage, {})[0] == 200
    text = program.up(check=False)
    command = f"gcloud services enable cloudresourcemanager.googleapis.com --project {program.project}"
    assert command in text
    assert "Waiting for" not in text
    enable = usage.replace(":disable", ":enable")
    assert program.sandbox.ask("POST", enable, {})[0] == 200
    program.up()
    assert program.changes() == {}


@pytest.mark.slow
def test_a_member_that_the_organization_refuses_is_one_sentence_and_the_rest_is_created(
    program: Program,
) -> None:
    program.configure(readers=["user:ann@partner.example"], serviceAccounts=False, pypiProxy=False)
    with faults(program, "permitted-domains=example.com,sandbox.example"):
        text = program.up(check=False)
    assert (
        "The organization policy constraints/iam.allowedPolicyMemberDomains does not permit "
        "user:ann@partner.example, so Google did not write the list of roles/artifactregistry.reader on "
        "python."
    ) in text
    assert "Waiting for" not in text
    policy = program.sandbox.ask("GET", f"{program.repository('python')}:getIamPolicy")[1]
    assert "ann" not in str(policy)
    program.configure(readers=["user:ann@example.com"], serviceAccounts=False, pypiProxy=False)
    with faults(program, "permitted-domains=example.com"):
        program.up()
    assert program.changes() == {}


def test_after_a_lost_connection_the_message_names_the_setting_that_takes_over(program: Program) -> None:
    parent = f"projects/{program.project}/locations/us-central1/repositories"
    url = f"https://serviceusage.googleapis.com/v1/projects/{program.project}/services"
    program.sandbox.ask("POST", f"{url}/artifactregistry.googleapis.com:enable", {})
    made = f"https://artifactregistry.googleapis.com/v1/{parent}?repository_id=python"
    assert program.sandbox.ask("POST", made, {"format": "PYTHON"})[0] == 200
    text = program.up(check=False)
    assert set(re.findall(r"add (\S+) to the setting `adopt`", text)) == {"python"}
    program.configure(adopt=["python"])
    program.up()
    assert program.changes() == {}


@pytest.mark.slow
def test_make_up_takes_over_a_repository_whose_creation_was_answered_to_nobody(program: Program) -> None:
    program.configure(serviceAccounts=False, pypiProxy=False)
    program.up()
    program.configure(serviceAccounts=False)
    made = program.repository("python-pypi").replace("/python-pypi", "?repository_id=python-pypi")
    remote = {"description": "PyPI", "pythonRepository": {"publicRepository": "PYPI"}}
    body = {"format": "PYTHON", "mode": "REMOTE_REPOSITORY", "remoteRepositoryConfig": remote}
    assert program.sandbox.ask("POST", made, body)[0] == 200
    recover(program)
    assert "registry-pypi" not in [name for name, op in program.changes().items() if op == "create"]
    program.up()
    assert program.changes() == {}


def test_the_connection_of_the_chosen_request_is_lost(program: Program) -> None:
    project = f"https://cloudresourcemanager.googleapis.com/v1/projects/{program.project}"
    script = 'curl -sS -H "Authorization: Bearer $GOOGLE_OAUTH_ACCESS_TOKEN" "$1"'
    with faults(program, "cut=2"):
        assert program.sandbox.run("sh", "-c", script, "sh", project).returncode == 0
        lost = program.sandbox.run("sh", "-c", script, "sh", project, check=False)
        assert lost.returncode != 0
        assert program.sandbox.run("sh", "-c", script, "sh", project).returncode == 0


@pytest.mark.slow
def test_up_continues_after_a_kill_while_it_creates_a_repository(program: Program, tmp_path: Path) -> None:
    with faults(program, "slow-operations=30"):
        log = tmp_path / "up.log"
        command = ["pulumi", "--non-interactive", "--stack", program.stack, "up", "--yes", "--skip-preview"]
        with log.open("w") as file:
            running = subprocess.Popen(
                program.sandbox.command("run", "--", *command),
                env=program.sandbox.environment,
                cwd=program.folder,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        while program.sandbox.ask("GET", program.repository("python"))[0] != 200:
            assert running.poll() is None, log.read_text()
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    recover(program)
    program.up()
    assert program.changes() == {}
