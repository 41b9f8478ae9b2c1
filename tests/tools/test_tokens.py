"""`python -m tools token` in the sandbox prints a token, or tells the user how to get one."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.sandbox import Program, Sandbox

pytestmark = pytest.mark.sandbox

ALICE = "user:alice@example.com"
REFRESH_TOKEN = """sed 's/.*"refresh_token": "\\([^"]*\\)".*/\\1/' "$GOOGLE_APPLICATION_CREDENTIALS\""""
REVOKE = f'curl -sS -d "token=$({REFRESH_TOKEN})" https://oauth2.googleapis.com/revoke >&2'


def token(
    sandbox: Sandbox, *words: str, member: str = ALICE, cwd: Path | None = None, before: str = ""
) -> CompletedProcess[str]:
    script = f'{before} python -m tools token "$@"'
    done = sandbox.run("sh", "-c", script, "sh", *words, member=member, cwd=cwd, check=False)
    assert "Traceback" not in done.stderr
    return done


def email_of(sandbox: Sandbox, text: str) -> str:
    """The e-mail address that a printed token belongs to."""
    header = f"Authorization: Bearer {text.removesuffix(chr(10))}"
    answer = sandbox.run("curl", "-sS", "-H", header, "https://openidconnect.googleapis.com/v1/userinfo")
    return json.loads(answer.stdout)["email"]


def test_token_prints_only_the_users_own_token(sandbox: Sandbox) -> None:
    done = token(sandbox)
    assert email_of(sandbox, done.stdout) == "alice@example.com"
    assert done.stderr == ""


def test_token_of_an_account_requires_the_grant(program: Program) -> None:
    program.configure(impersonators={"writer": [ALICE]})
    program.up()
    stack = ("--stack", program.stack)
    done = token(program.sandbox, "--impersonate", "writer", *stack, cwd=program.folder)
    email = f"python-writer@{program.project}.iam.gserviceaccount.com"
    assert email_of(program.sandbox, done.stdout) == email
    refused = token(program.sandbox, "--impersonate", "reader", *stack, cwd=program.folder)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"error: You cannot act as python-reader@{program.project}.iam.gserviceaccount.com. You need the "
        "role roles/iam.serviceAccountTokenCreator on that account; project owners do not have it by "
        "default. Add yourself to the stack file and run `pulumi up`:\n"
        "  python-registry:impersonators:\n    reader:\n      - user:you@example.com\n"
    )


def test_token_of_a_missing_account_names_the_setting(program: Program) -> None:
    program.configure(serviceAccounts=False, pypiProxy=False)
    program.up()
    refused = token(
        program.sandbox, "--impersonate", "reader", "--stack", program.stack, cwd=program.folder
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Set python-registry:serviceAccounts to true" in refused.stderr


def test_token_repeats_googles_message_if_the_api_is_disabled(program: Program) -> None:
    program.configure(impersonators={"writer": [ALICE]})
    program.up()
    service = "services/iamcredentials.googleapis.com"
    url = f"https://serviceusage.googleapis.com/v1/projects/{program.project}/{service}:disable"
    program.sandbox.ask("POST", url, {})
    refused = token(
        program.sandbox, "--impersonate", "writer", "--stack", program.stack, cwd=program.folder
    )
    assert refused.returncode == 1
    assert "IAM Service Account Credentials API has not been used in project" in refused.stderr


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ("unset GOOGLE_APPLICATION_CREDENTIALS;", "You are not logged in ("),
        ("export GOOGLE_APPLICATION_CREDENTIALS=/none.json;", "You are not logged in ("),
        (
            "unset HTTPS_PROXY https_proxy; export HTTPS_PROXY=http://127.0.0.1:9;",
            "Cannot connect to Google: ",
        ),
        (
            f"{REVOKE};",
            "Your login has expired or was revoked (invalid_grant: Token has been expired or revoked.)",
        ),
    ],
)
def test_token_without_a_valid_login_names_the_login_command(
    sandbox: Sandbox, before: str, message: str
) -> None:
    refused = token(sandbox, member="user:bob@example.com", before=before)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert message in refused.stderr
    assert ("gcloud auth application-default login" in refused.stderr) == ("connect" not in message)
