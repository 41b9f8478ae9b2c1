"""The accounts of docs/pull-requests.md with every form of GitHub's tokens, and the move of older grants.

The cases are those of the kind `job`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.cloud.core.store import Store
from sandbox.issuers.github import TokenSettings, Workflow, issue_token
from sandbox.runtime.paths import SandboxFolder
from tests.support.cases import read_cases
from tests.support.federation import DENIED, IAM, OWNER_ID, REPOSITORY, Federation, anonymous
from tests.support.sandbox import Program, Sandbox
from tests.workflows import team

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

ACCOUNTS = {"deployer": team.DEPLOYER, "previewer": team.PREVIEWER}
ENVIRONMENTS = {
    "dev": "deployer",
    "prod": "deployer",
    "preview-dev": "previewer",
    "preview-prod": "previewer",
}
FORMS = {
    "older": TokenSettings(),
    "immutable": TokenSettings(immutable_subject=True),
    "customized": TokenSettings(claim_keys=("repository_owner", "workflow_ref")),
}
# Parts of the commands in older versions of the page.
OLD_MAPPING = "--attribute-mapping google.subject=assertion.sub"
OLD_MEMBER = f"principal://iam.googleapis.com/$POOL/subject/repo:{team.REPOSITORY}:environment:${{who#*:}}"


@dataclass(frozen=True)
class Team:
    """A CI project on a sandbox, a session without a login, and the name of the provider."""

    sandbox: Sandbox
    session: requests.Session
    folder: Path
    provider: str

    def federation(self, account: str) -> Federation:
        program = Program(self.sandbox, self.folder, stack="dev", project=team.PROJECT)
        return Federation(program, self.session, self.folder, self.provider, ACCOUNTS[account])

    def sign(self, environment: str, settings: TokenSettings, audience: str) -> str:
        """The token of a job, without the time that the command line needs."""
        folder = SandboxFolder(self.sandbox.folder)
        workflow = Workflow(repository=REPOSITORY, owner_id=OWNER_ID, environment=environment)
        with closing(Store(folder.database)) as store, store.transaction():
            return issue_token(folder, store, workflow, audience, settings=settings)

    def refused(self, form: str) -> dict[str, str]:
        """The refusals of the jobs, by environment, if GitHub's tokens have this form."""
        found: dict[str, str] = {}
        for environment, account in ENVIRONMENTS.items():
            cloud = self.federation(account)
            token = self.sign(environment, FORMS[form], cloud.audience)
            status, exchanged = cloud.exchange(subject_token=token)
            if status != 200:
                found[environment] = exchanged["error_description"]
                continue
            url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{cloud.writer}"
            answer = cloud.session.post(
                f"{url}:generateAccessToken",
                headers={"Authorization": f"Bearer {exchanged['access_token']}"},
                json={"scope": ["https://www.googleapis.com/auth/cloud-platform"]},
                timeout=60,
            )
            if answer.status_code != 200:
                found[environment] = answer.json()["error"]["message"]
        return found

    def mapping(self) -> dict[str, str]:
        _, provider = self.sandbox.ask("GET", f"{IAM}/{self.provider}")
        return provider["attributeMapping"]

    def members(self) -> list[str]:
        """The members that can act as the accounts."""
        accounts = f"{IAM}/projects/{team.PROJECT}/serviceAccounts"
        found: list[str] = []
        for email in ACCOUNTS.values():
            _, policy = self.sandbox.ask("POST", f"{accounts}/{email}:getIamPolicy", {})
            found += [member for binding in policy["bindings"] for member in binding["members"]]
        return found


def create_team(sandbox: Sandbox, folder: Path, commands: str) -> Team:
    provider = team.set_up(sandbox, folder, commands)
    return Team(sandbox, anonymous(sandbox), folder, provider)


@pytest.fixture(scope="module")
def today(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Team:
    return create_team(sandbox, tmp_path_factory.mktemp("team"), team.identities())


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Team]:
    """A team whose pool has the grants by subject of an older version of the page."""
    lines = [
        f"  {OLD_MAPPING} \\" if line.startswith("  --attribute-mapping") else line
        for line in team.identities().splitlines()
    ]
    commands = "\n".join(lines).replace(
        "principalSet://iam.googleapis.com/$POOL/attribute.environment/${who#*:}", OLD_MEMBER
    )
    assert OLD_MAPPING in commands
    assert OLD_MEMBER in commands
    sandbox = Sandbox(tmp_path / "state")
    folder = tmp_path / "team"
    folder.mkdir()
    yield create_team(sandbox, folder, f"{commands}\n")
    sandbox("reset")


@pytest.mark.parametrize(("options", "expected"), read_cases("github_tokens", "job"))
def test_a_job_gets_the_account_of_its_environment_with_every_form_of_token(
    today: Team, options: dict[str, Any], expected: str
) -> None:
    # The repository keeps its number, whatever its name is.
    changes = {"repository-id": team.REPOSITORY_ID, **options}
    if expected in ACCOUNTS:
        cloud = today.federation(expected)
        assert cloud.access_token(cloud.token(**changes))
        return
    for account in ACCOUNTS:
        cloud = today.federation(account)
        assert expected in cloud.refusal(cloud.token(**changes))


def test_the_move_from_grants_by_subject_has_no_outage(older: Team) -> None:
    assert older.refused("older") == {}
    refused = older.refused("immutable")
    assert refused.keys() == ENVIRONMENTS.keys(), "the grants by subject match nobody"
    assert all(DENIED in text for text in refused.values())
    steps = team.move_steps()
    assert len(steps) == 6
    for number, step in enumerate(steps, start=1):
        printed = team.run(older.sandbox, older.folder, step)
        assert older.refused("older") == {}, f"after step {number}"
        if number >= 2:
            assert older.refused("immutable") == {}, f"after step {number}"
        if number == 3:
            assert printed.count("principalSet://") == len(ENVIRONMENTS)
            assert printed.count("/subject/") == len(ENVIRONMENTS)
    assert older.refused("customized") == {}
    assert not [member for member in older.members() if "/subject/" in member]
    expression = "has(assertion.environment) ? assertion.environment : ''"
    today = {"google.subject": "assertion.repository_id", "attribute.environment": expression}
    assert older.mapping() == today


def test_a_pool_for_an_enterprise_with_its_own_issuer_accepts_only_that_issuer(tmp_path: Path) -> None:
    issuer = "https://token.actions.githubusercontent.com"
    commands = team.identities()
    assert commands.count(issuer) == 1
    sandbox = Sandbox(tmp_path / "state")
    try:
        owner = create_team(sandbox, tmp_path, commands.replace(issuer, f"{issuer}/acme-inc"))
        cloud = owner.federation("deployer")
        own = {"environment": "dev", "enterprise": "acme-inc", "enterprise-issuer": True}
        assert cloud.access_token(cloud.token(**own))
        assert "does not match the expected ones" in cloud.refusal(cloud.token(environment="dev"))
    finally:
        sandbox("reset")
