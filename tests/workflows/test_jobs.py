"""The jobs of the workflows on the sandbox, with the accounts and roles of docs/pull-requests.md.

The tests share one deployed stack. Each one restores what it changes, so their order does not matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.storage.buckets import HOST as STORAGE
from tests.support.federation import CONDITION, DENIED, Federation, anonymous
from tests.support.sandbox import Program, Sandbox
from tests.workflows import team
from tests.workflows.checkout import Checkout, create_checkout
from tests.workflows.github_client import run_script

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

DEPLOYER, PREVIEWER = f"serviceAccount:{team.DEPLOYER}", f"serviceAccount:{team.PREVIEWER}"
DEV = {"matrix.stack": "dev"}
DEV_PROJECT = "my-python-dev"
REPOSITORY = (
    f"https://artifactregistry.googleapis.com/v1/projects/{DEV_PROJECT}"
    "/locations/europe-west1/repositories/python"
)
E2E_PROJECT = "my-python-e2e"
E2E = {
    "inputs.project": E2E_PROJECT,
    "inputs.location": "europe-west1",
    "vars.SERVICE_ACCOUNT": team.DEPLOYER,
    "vars.WORKLOAD_IDENTITY_PROVIDER": "projects/1/locations/global/workloadIdentityPools/p/providers/q",
}


@pytest.fixture(scope="module")
def repository(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("work") / "checkout"
    folder.mkdir()
    checkout = create_checkout(sandbox, folder)
    members = {DEPLOYER: team.deployer_roles(), PREVIEWER: team.previewer_roles()}
    team.grant(sandbox, DEV_PROJECT, members)
    return checkout


@dataclass(frozen=True)
class Deployments:
    """The pages of two deployments, one after the other."""

    first: str
    second: str


@pytest.fixture(scope="module")
def deployments(repository: Checkout) -> Deployments:
    pages: list[str] = []
    for _ in range(2):
        status, _ = repository.job("deploy/dev", DEPLOYER)
        assert status == 0
        pages.append(repository.page)
    return Deployments(*pages)


@pytest.fixture
def checkout(repository: Checkout, deployments: Deployments) -> Iterator[Checkout]:
    """A checkout of main, whose stack is deployed."""
    main = repository.git("rev-parse", "HEAD")
    yield repository
    repository.git("reset", "-q", "--hard", main)


@pytest.fixture
def manual_grant(checkout: Checkout) -> Iterator[str]:
    """A member who was added to a binding outside Pulumi."""
    _, policy = checkout.sandbox.ask("GET", f"{REPOSITORY}:getIamPolicy")
    changed = json.loads(json.dumps(policy))
    changed["bindings"][0]["members"].append("user:by-hand@example.com")
    set_policy(checkout.sandbox, changed)
    yield "user:by-hand@example.com"
    _, current = checkout.sandbox.ask("GET", f"{REPOSITORY}:getIamPolicy")
    set_policy(checkout.sandbox, {**policy, "etag": current["etag"]})


def set_policy(sandbox: Sandbox, policy: dict[str, Any]) -> None:
    status, _ = sandbox.ask("POST", f"{REPOSITORY}:setIamPolicy", {"policy": policy})
    assert status == 200


def test_a_deployment_creates_the_stack_and_a_second_one_changes_nothing(deployments: Deployments) -> None:
    assert deployments.first.startswith("### Stack `dev`: 11 created, access changes\n")
    assert deployments.second.startswith("Stack `dev`: No changes.\n")


def test_a_pull_request_affects_the_stacks_of_its_changed_files(checkout: Checkout) -> None:
    checkout.git("update-ref", "refs/remotes/origin/main", "HEAD")
    checkout.edit("Pulumi.dev.yaml", "group:developers@", "group:everyone@")
    status, outputs = checkout.job("preview/stacks", PREVIEWER)
    assert (status, json.loads(outputs["stacks"])) == (0, ["dev"])


def test_a_preview_with_changes_succeeds_and_its_summary_becomes_the_comment(checkout: Checkout) -> None:
    checkout.edit("Pulumi.dev.yaml", "group:developers@", "group:everyone@")
    assert checkout.job("preview/preview", PREVIEWER, **DEV)[0] == 0
    assert "- `group:everyone@example.com` **may** install from `python`" in checkout.summary
    assert checkout.page == checkout.summary
    ((name, comment),) = run_script(checkout.folder, "preview/preview", [], STACK="dev")
    assert name == "createComment"
    assert comment["body"] == f"<!-- preview of dev -->\n{checkout.summary}"


def test_a_preview_only_reads_and_its_roles_are_sufficient(checkout: Checkout) -> None:
    log_length, objects = len(checkout.sandbox.log()), team.objects(checkout.sandbox)
    assert checkout.job("preview/preview", PREVIEWER, **DEV)[0] == 0
    requests = [r for r in checkout.sandbox.log()[log_length:] if r["principal"] == PREVIEWER]
    state = [request for request in requests if request["host"] == STORAGE]
    assert {r["status"] for r in requests if r not in state} == {200}
    assert {r["method"] for r in state} == {"GET"}, "a preview takes no lock and writes no state"
    # A stack without tags has no tags file.
    assert {Path(r["path"]).suffix for r in state if r["status"] != 200} == {".pulumi-tags"}
    assert team.objects(checkout.sandbox) == objects


def test_the_previewer_cannot_deploy(checkout: Checkout) -> None:
    checkout.edit("Pulumi.dev.yaml", "group:developers@", "group:everyone@")
    objects = team.objects(checkout.sandbox)
    assert checkout.job("deploy/dev", PREVIEWER)[0] != 0
    for words in (["up", "--yes", "--stack", "dev"], ["stack", "rm", "dev", "--yes", "--force"]):
        refused = f"{team.PREVIEWER} does not have storage.objects.create access"
        assert refused in checkout.refusal(PREVIEWER, *words)
    assert team.objects(checkout.sandbox) == objects
    _, policy = checkout.sandbox.ask("GET", f"{REPOSITORY}:getIamPolicy")
    assert "group:everyone@example.com" not in json.dumps(policy)


def test_a_member_without_a_role_on_the_bucket_cannot_preview(checkout: Checkout) -> None:
    outsider = "user:outsider@example.com"
    team.grant(checkout.sandbox, DEV_PROJECT, {outsider: team.previewer_roles()})
    refused = "outsider@example.com does not have storage.objects.list access"
    assert refused in checkout.refusal(outsider, "preview", "--stack", "dev")


@pytest.mark.parametrize("missing", range(6))
def test_a_preview_fails_without_any_of_the_documented_roles(checkout: Checkout, missing: int) -> None:
    roles = team.previewer_roles()
    assert len(roles) == 6
    try:
        team.grant(checkout.sandbox, DEV_PROJECT, {PREVIEWER: [*roles[:missing], *roles[missing + 1 :]]})
        status, _ = checkout.job("preview/preview", PREVIEWER, **DEV)
    finally:
        team.grant(checkout.sandbox, DEV_PROJECT, {PREVIEWER: roles})
    assert (status, "Error 403" in checkout.summary) == (1, True), roles[missing]


def test_a_failed_preview_fails_its_job_and_its_comment_has_the_reason(checkout: Checkout) -> None:
    checkout.edit("Pulumi.dev.yaml", "europe-west1\n", "europe-west\n")
    assert checkout.job("preview/preview", PREVIEWER, **DEV)[0] == 1
    assert "python-registry:location: europe-west" in checkout.summary
    ((_, comment),) = run_script(checkout.folder, "preview/preview", [], STACK="dev")
    assert "the preview failed" in comment["body"]
    assert checkout.job("deploy/dev", DEPLOYER)[0] == 1, "a deployment stops after a failed preview"
    assert checkout.job("drift/drift", PREVIEWER, **DEV)[0] == 1, "a failed preview is not drift"


def test_a_preview_of_a_stack_that_does_not_exist_has_a_comment(checkout: Checkout) -> None:
    assert checkout.job("preview/preview", PREVIEWER, **{"matrix.stack": "staging"})[0] == 1
    assert "\n    error: no stack named 'staging' found\n" in checkout.summary


def test_without_drift_the_drift_job_reports_none(checkout: Checkout) -> None:
    assert checkout.job("drift/drift", PREVIEWER, **DEV) == (0, {"drift": "false"})


def test_a_manual_grant_is_drift_and_its_summary_becomes_the_issue(
    checkout: Checkout, manual_grant: str
) -> None:
    assert checkout.job("drift/drift", PREVIEWER, **DEV) == (0, {"drift": "true"})
    ((name, issue),) = run_script(checkout.folder, "drift/drift", [], STACK="dev", DRIFT="true")
    assert (name, issue["body"]) == ("create", checkout.summary)
    assert f"`{manual_grant}` was granted the right to" in issue["body"]


def test_end_to_end_is_skipped_without_the_variables_of_its_environment(checkout: Checkout) -> None:
    configured = "configured=true"
    assert checkout.job("e2e/e2e", DEPLOYER, configured, **E2E) == (0, {"configured": "true"})
    for variable in ("SERVICE_ACCOUNT", "WORKLOAD_IDENTITY_PROVIDER", "PULUMI_BACKEND_URL"):
        values = {**E2E, f"vars.{variable}": ""}
        assert checkout.job("e2e/e2e", DEPLOYER, configured, **values) == (0, {})


def test_end_to_end_creates_a_stack_and_removes_everything(checkout: Checkout) -> None:
    """The tour between the two steps has its own tests: it refuses to run on the sandbox as on GCP."""
    team.grant(checkout.sandbox, E2E_PROJECT, {DEPLOYER: team.deployer_roles()})
    api = f"https://artifactregistry.googleapis.com/v1/projects/{E2E_PROJECT}/locations/europe-west1"
    try:
        assert checkout.job("e2e/e2e", DEPLOYER, r"e2e\.sh up", **E2E)[0] == 0
        _, created = checkout.sandbox.ask("GET", f"{api}/repositories/e2e-python:getIamPolicy")
        assert DEPLOYER in json.dumps(created)
    finally:
        assert checkout.job("e2e/e2e", DEPLOYER, r"e2e\.sh destroy", **E2E)[0] == 0
        (checkout.folder / "Pulumi.e2e.yaml").unlink(missing_ok=True)
    _, left = checkout.sandbox.ask("GET", f"{api}/repositories")
    assert left.get("repositories", []) == []
    assert not [name for name in team.objects(checkout.sandbox) if name.endswith("/e2e.json")]


@pytest.mark.parametrize(
    ("account", "claims", "rule"),
    [
        (team.DEPLOYER, {"environment": "dev"}, ""),
        (team.DEPLOYER, {"environment": "prod"}, ""),
        (team.PREVIEWER, {"environment": "preview-dev"}, ""),
        (team.PREVIEWER, {"environment": "preview-prod"}, ""),
        (team.DEPLOYER, {"environment": "preview-dev"}, DENIED),
        (team.DEPLOYER, {"environment": "staging"}, DENIED),
        (team.DEPLOYER, {"ref": "refs/heads/main"}, DENIED),
        (team.DEPLOYER, {"environment": "dev", "repository": "acme/other"}, CONDITION),
        (team.PREVIEWER, {"environment": "dev"}, DENIED),
    ],
)
def test_a_job_gets_the_account_of_its_environment(
    repository: Checkout, tmp_path: Path, account: str, claims: dict[str, str], rule: str
) -> None:
    sandbox = repository.sandbox
    program = Program(sandbox, repository.folder, stack="dev", project=DEV_PROJECT)
    cloud = Federation(program, anonymous(sandbox), tmp_path, repository.provider, account)
    token = cloud.token(**claims)
    if rule:
        assert rule in cloud.refusal(token)
        return
    login = {"Authorization": f"Bearer {cloud.access_token(token)}"}
    userinfo = "https://openidconnect.googleapis.com/v1/userinfo"
    assert cloud.session.get(userinfo, headers=login, timeout=30).json()["email"] == account
