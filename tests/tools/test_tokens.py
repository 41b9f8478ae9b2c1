"""`python -m tools token`, inside the sandbox: a token, or what to do for one."""

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


def whose(sandbox: Sandbox, text: str) -> str:
    """The member that a token, printed with nothing else, stands for."""
    header = f"Authorization: Bearer {text.removesuffix(chr(10))}"
    asked = sandbox.run("curl", "-sS", "-H", header, "https://openidconnect.googleapis.com/v1/userinfo")
    return json.loads(asked.stdout)["email"]


def test_ones_own_is_printed_and_nothing_else(sandbox: Sandbox) -> None:
    done = token(sandbox)
    assert whose(sandbox, done.stdout) == "alice@example.com"
    assert done.stderr == ""


def test_of_an_account_it_takes_the_grant_and_says_so(program: Program) -> None:
    program.configure(impersonators={"writer": [ALICE]})
    program.up()
    stack = ("--stack", program.stack)
    done = token(program.sandbox, "--as", "writer", *stack, cwd=program.folder)
    email = f"python-writer@{program.project}.iam.gserviceaccount.com"
    assert whose(program.sandbox, done.stdout) == email
    refused = token(program.sandbox, "--as", "reader", *stack, cwd=program.folder)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"error: You may not act as python-reader@{program.project}.iam.gserviceaccount.com: that takes "
        "roles/iam.serviceAccountTokenCreator on the account, which not even the project's owners have. "
        "Add yourself to the stack's file and run `pulumi up`:\n"
        "  python-registry:impersonators:\n    reader:\n      - user:you@example.com\n"
    )


def test_of_an_account_that_the_stack_does_not_make_it_says_which_setting(program: Program) -> None:
    program.configure(serviceAccounts=False, pypiProxy=False)
    program.up()
    refused = token(program.sandbox, "--as", "reader", "--stack", program.stack, cwd=program.folder)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Set python-registry:serviceAccounts to true" in refused.stderr


def test_where_the_api_is_off_it_passes_googles_words_on(program: Program) -> None:
    program.configure(impersonators={"writer": [ALICE]})
    program.up()
    service = "services/iamcredentials.googleapis.com"
    url = f"https://serviceusage.googleapis.com/v1/projects/{program.project}/{service}:disable"
    program.sandbox.ask("POST", url, {})
    refused = token(program.sandbox, "--as", "writer", "--stack", program.stack, cwd=program.folder)
    assert refused.returncode == 1
    assert "IAM Service Account Credentials API has not been used in project" in refused.stderr


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("unset GOOGLE_APPLICATION_CREDENTIALS;", "You are not logged in ("),
        ("export GOOGLE_APPLICATION_CREDENTIALS=/none.json;", "You are not logged in ("),
        (
            "unset HTTPS_PROXY https_proxy; export HTTPS_PROXY=http://127.0.0.1:9;",
            "Google cannot be reached: ",
        ),
        (
            f"{REVOKE};",
            "Your login is no longer good (invalid_grant: Token has been expired or revoked.)",
        ),
    ],
)
def test_without_a_login_it_says_how_to_get_one(sandbox: Sandbox, before: str, said: str) -> None:
    refused = token(sandbox, member="user:bob@example.com", before=before)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert said in refused.stderr
    assert ("gcloud auth application-default login" in refused.stderr) == ("reached" not in said)
