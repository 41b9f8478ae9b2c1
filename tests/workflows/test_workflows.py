"""The workflows: what they may do, read from their YAML; and what their steps do, run on the sandbox.

Run as GitHub runs them, with variables as it would set them, on what the README's "Once a team" has made.
Not run: actions of others (checkout, login). The scripts that one of them is given run on a stand-in for
GitHub's client that notes what it is asked.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.cloud.storage.buckets import HOST as STORAGE
from sandbox.toolchain.engine import CLI_VERSION
from tests.sandbox.cloud.test_workload_identity import CONDITION, DENIED, Federation, anonymous
from tests.support.sandbox import CHECKOUT, Program, Sandbox, sandbox
from tests.workflows import team

__all__ = ["sandbox"]

GITHUB = CHECKOUT / ".github"
TEXTS = {path.stem: path.read_text() for path in sorted((GITHUB / "workflows").glob("*.yml"))}
# YAML 1.1 takes `on` for true.
WORKFLOWS: dict[str, dict[Any, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
PREPARE = "./.github/actions/setup"
COMPOSITE: dict[str, Any] = yaml.safe_load((GITHUB / "actions/setup/action.yml").read_text())
JOBS = [(f"{name}/{key}", job) for name, flow in WORKFLOWS.items() for key, job in flow["jobs"].items()]
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
DEPLOYER, PREVIEWER = f"serviceAccount:{team.DEPLOYER}", f"serviceAccount:{team.PREVIEWER}"
PREVIEWERS_ROLES = "#### Roles of the previewer"
PUBLISHING = {"repositories": ["acme/my-adder"], "ownerId": 1234567, "ref": "refs/heads/main"}
BOT = {"user": {"type": "Bot", "login": "github-actions[bot]"}}
# What GitHub's client would be asked; it answers lists from $KNOWN.
FAKE_CLIENT = """
const known = JSON.parse(process.env.KNOWN), asked = [];
const call = (name) => async (what) => { asked.push([name, what]); };
const issues = new Proxy({}, { get: (_, name) => call(name) });
const github = { rest: { issues }, paginate: async () => known };
const context = { repo: { owner: 'o', repo: 'r' }, issue: { number: 7 } };
(async () => { SCRIPT; console.log(JSON.stringify(asked)); })();
"""


def steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    """A job's steps, with those of the action that they share."""
    found: list[dict[str, Any]] = []
    for step in job["steps"]:
        found += COMPOSITE["runs"]["steps"] if step.get("uses") == PREPARE else [step]
    return found


def roles(heading: str) -> list[str]:
    """What the README tells to grant there."""
    section = (CHECKOUT / "README.md").read_text().partition(heading)[2].partition("\n#")[0]
    return re.findall(r"`(roles/\S+?)`", section)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nothing_may_do_anything_unless_its_job_says_so(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}


@pytest.mark.parametrize(("name", "job"), JOBS, ids=[name for name, _ in JOBS])
def test_a_job_has_the_least_permissions_and_an_end(name: str, job: dict[str, Any]) -> None:
    login = [step for step in job["steps"] if step.get("uses") == PREPARE]
    wanted = {"contents": "read", **({"id-token": "write"} if login else {})}
    comments = dict.fromkeys(("preview/preview", "preview/others"), "pull-requests")
    extra = {**comments, "drift/drift": "issues"}.get(name)
    assert job["permissions"] == {**wanted, **({extra: "write"} if extra else {})}
    assert job["timeout-minutes"] <= 120
    assert bool(login) == ("environment" in job), "an identity belongs to an environment"


def test_no_workflow_runs_a_strangers_code_with_rights_or_holds_a_secret() -> None:
    for text in (*TEXTS.values(), (GITHUB / "actions/setup/action.yml").read_text()):
        code = re.sub(r"#.*", "", text)
        assert not re.search(r"pull_request_target|workflow_run|secrets\.|credentials_json", code)


def test_actions_are_pinned_to_a_commit_with_its_version_beside() -> None:
    for text in (*TEXTS.values(), (GITHUB / "actions/setup/action.yml").read_text()):
        for used in re.findall(r"uses: (.*)", text):
            assert used == PREPARE or PINNED.fullmatch(used), used


def test_no_expression_is_in_a_script() -> None:
    for _, job in JOBS:
        for step in steps(job):
            assert "${{" not in step.get("run", "") + step.get("with", {}).get("script", "")
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_previews_are_for_branches_of_the_repository_alone() -> None:
    jobs = WORKFLOWS["preview"]["jobs"]
    assert WORKFLOWS["preview"][True] == {"pull_request": None}
    assert jobs["stacks"]["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert jobs["preview"]["needs"] == jobs["others"]["needs"] == "stacks"
    assert jobs["preview"]["environment"] == "preview-${{ matrix.stack }}"


def test_deployments_are_one_at_a_time_never_cancelled_and_prod_is_last() -> None:
    jobs = WORKFLOWS["deploy"]["jobs"]
    for stack in ("dev", "prod"):
        assert jobs[stack]["concurrency"] == {"group": f"deploy-{stack}", "cancel-in-progress": False}
        assert jobs[stack]["environment"] == jobs[stack]["env"]["STACK"] == stack
    assert "concurrency" not in WORKFLOWS["deploy"]
    assert (jobs["review"]["needs"], jobs["prod"]["needs"]) == ("dev", "review")
    assert jobs["dev"]["steps"] == jobs["prod"]["steps"]
    others = [job.get("environment", "preview-") for name, job in JOBS if name[:7] != "deploy/"]
    assert all(environment.startswith("preview-") for environment in others)
    assert set(WORKFLOWS["deploy"][True]) == {"push", "workflow_dispatch"}
    assert WORKFLOWS["deploy"][True]["push"] == {"branches": ["main"]}


def test_tests_run_on_what_is_supported() -> None:
    matrix = WORKFLOWS["test"]["jobs"]["test"]["strategy"]["matrix"]
    lowest = re.search(r"pulumi-gcp>=([\d.]+)", (CHECKOUT / "requirements.txt").read_text())
    python = re.search(r'requires-python = ">=([\d.]+)"', (CHECKOUT / "pyproject.toml").read_text())
    assert lowest
    assert python
    assert matrix["include"][0]["pulumi-gcp"] == f"{lowest[1]}.0"
    assert matrix["python"][0] == python[1]
    pulumi = next(s for s in COMPOSITE["runs"]["steps"] if "pulumi/actions" in s.get("uses", ""))
    assert pulumi["with"]["pulumi-version"] == CLI_VERSION


@pytest.mark.parametrize(
    ("changed", "stacks"),
    [
        ("Pulumi.dev.yaml", ["dev"]),
        ("Pulumi.dev.yaml Pulumi.prod.yaml", ["dev", "prod"]),
        ("components/iam.py", ["dev", "prod"]),
        ("requirements.lock", ["dev", "prod"]),
        ("README.md tests/settings/test_settings.py tools/summary/report.py", []),
        ("Pulumi.gone.yaml", []),
        ("tests/inventory/Pulumi.dev.yaml", []),
        ("", []),
    ],
)
def test_a_change_touches_these_stacks(changed: str, stacks: list[str]) -> None:
    script = runpy.run_path(str(GITHUB / "scripts/affected_stacks.py"))
    assert script["affected_stacks"](changed.split(), ["prod", "dev"]) == stacks


def touched(folder: Path, changed: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a folder that has stack files, on names of changed files."""
    command = [sys.executable, str(GITHUB / "scripts/affected_stacks.py")]
    return subprocess.run(command, cwd=folder, input=changed, capture_output=True, text=True, check=True)


def test_a_file_that_no_stack_can_have_is_left_out_and_noted(tmp_path: Path) -> None:
    odd = ["Pulumi.*.yaml", "Pulumi.a b.yaml", "Pulumi.x$(id).yaml", "Pulumi.-e.yaml", "Pulumi.a\n::b.yaml"]
    for name in ("Pulumi.yaml", "Pulumi.dev-1_a.b.yaml", "Pulumi.prod.yaml", *odd):
        (tmp_path / name).touch()
    done = touched(tmp_path, "\n".join(["Pulumi.dev-1_a.b.yaml", *odd]))
    assert done.stdout == 'stacks=["dev-1_a.b"]\nremoved=[]\n'
    assert sorted(done.stderr.splitlines()) == sorted(
        f"{name!r} is left out: no stack has such a name." for name in odd
    )
    assert touched(tmp_path, "settings/keys.py").stdout.startswith('stacks=["dev-1_a.b", "prod"]\n')


def test_a_stack_whose_file_is_removed_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").touch()
    done = touched(tmp_path, "Pulumi.gone.yaml\nPulumi.dev.yaml\nPulumi.x y.yaml\n")
    assert done.stdout == 'stacks=["dev"]\nremoved=["gone"]\n'


def client(folder: Path, name: str, known: list[Any], **env: str) -> list[Any]:
    """Run a job's github-script step in a checkout: what it asks GitHub, where that has what is known."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    workflow, _, key = name.partition("/")
    script = WORKFLOWS[workflow]["jobs"][key]["steps"][-1]["with"]["script"]
    done = subprocess.run(
        ["node", "-e", FAKE_CLIENT.replace("SCRIPT", script)],
        cwd=folder,
        env={**os.environ, "KNOWN": json.dumps(known), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder with the scripts and a summary, and no more."""
    shutil.copytree(GITHUB / "scripts", tmp_path / ".github/scripts")
    (tmp_path / "summary.md").write_text("Stack `dev`: No changes.\n")
    return tmp_path


def test_a_comment_of_anybody_else_is_not_taken_for_the_stacks(scripts: Path) -> None:
    body = "<!-- preview of dev -->"
    others = [
        {"id": 1, "user": None, "body": body},
        {"id": 2, **BOT, "body": None},
        {"id": 3, "user": {"type": "Bot", "login": "another[bot]"}, "body": body},
        {"id": 4, "user": {"type": "User", "login": "ann"}, "body": body},
        {"id": 5, **BOT, "body": f"> {body}"},
        {"id": 6, **BOT, "body": "<!-- preview of dev-2 -->"},
    ]
    assert [name for name, _ in client(scripts, "preview/preview", others, STACK="dev")] == [
        "createComment"
    ]
    ours = {"id": 7, **BOT, "body": body}
    ((_, said),) = client(scripts, "preview/preview", [*others, ours], STACK="dev")
    assert said["comment_id"] == 7


def test_what_an_earlier_push_said_of_a_stack_does_not_go_on_standing_there(scripts: Path) -> None:
    known = [{"id": i, **BOT, "body": f"<!-- preview of {stack} -->\n"} for i, stack in enumerate("ab")]
    known += [{"id": 8, "user": None, "body": "<!-- preview of c -->"}, {"id": 9, **BOT, "body": None}]
    ((name, said),) = client(scripts, "preview/others", known, STACKS='["b"]', REMOVED="[]")
    assert (name, said["comment_id"]) == ("updateComment", 0)
    untouched = "<!-- preview of a -->\nStack `a`: this pull request does not touch it any more.\n"
    assert said["body"] == untouched
    assert client(scripts, "preview/others", known, STACKS='["a", "b"]', REMOVED="[]") == []


def test_a_stack_whose_file_is_removed_has_a_comment_that_it_goes_on(scripts: Path) -> None:
    known = [{"id": 1, **BOT, "body": "<!-- preview of a -->\n"}]
    asked = client(scripts, "preview/others", known, STACKS="[]", REMOVED='["a", "b"]')
    assert [name for name, _ in asked] == ["updateComment", "createComment"]
    for stack, (_, said) in zip("ab", asked, strict=True):
        assert said["body"].startswith(
            f"<!-- preview of {stack} -->\n### Stack `{stack}`: its file is removed"
        )
        assert f"`pulumi destroy --stack {stack}`" in said["body"]


def test_every_issue_of_a_stack_is_closed(scripts: Path) -> None:
    title = "Stack dev is not what its file says"
    known = [{"title": title, "number": 3}, {"title": title, "number": 4}, {"title": "x", "number": 5}]
    closed = client(scripts, "drift/drift", known, STACK="dev", DRIFT="false")
    assert [(said["issue_number"], said["state"]) for _, said in closed] == [(3, "closed"), (4, "closed")]
    ((name, said),) = client(scripts, "drift/drift", known, STACK="dev", DRIFT="true")
    assert (name, said["issue_number"]) == ("update", 3)


@dataclass
class Checkout:
    """What a job finds: the repository at a commit, and GitHub's files to write to."""

    sandbox: Sandbox
    folder: Path
    provider: str

    def job(self, name: str, member: str, **expressions: str) -> tuple[int, dict[str, str]]:
        """Run a job's `run:` steps as that member: a failing status, and the last step's outputs."""
        workflow, _, key = name.partition("/")
        job = WORKFLOWS[workflow]["jobs"][key]
        output, page = self.folder.parent / "output", self.folder.parent / "page"
        page.write_text("")
        status = 0
        for step in steps(job):
            if "run" not in step or status:
                continue
            output.write_text("")
            variables = {**job.get("env", {}), **step.get("env", {})}
            known = {"vars.PULUMI_BACKEND_URL": team.STATE, **expressions}
            values: dict[str, str] = {k: known.get(v.strip("${} ")) or v for k, v in variables.items()}
            assert "${{" not in "".join(values.values()), values
            values |= {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(page)}
            script = self.folder.parent / "step.sh"
            script.write_text(step["run"])
            shell = [
                "bash",
                "--noprofile",
                "--norc",
                "-e",
                *(["-o", "pipefail"] if "shell" in step else []),
            ]
            command = ["env", *(f"{k}={v}" for k, v in values.items()), *shell, str(script)]
            done = self.sandbox.run(*command, member=member, cwd=self.folder, check=False)
            print(f"$ {step['run']}\n{done.stdout}{done.stderr}")
            status = done.returncode
        return status, dict(line.split("=", 1) for line in output.read_text().splitlines())

    def refusal(self, member: str, *words: str) -> str:
        """Why that member may not run that `pulumi`, as it is told."""
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
        return (self.folder.parent / "page").read_text()

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=True
        ).stdout.strip()

    def edit(self, file: str, old: str, new: str) -> str:
        """Commit a change; the commit before it."""
        base = self.git("rev-parse", "HEAD")
        path = self.folder / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        self.git("commit", "-qam", "change")
        return base


def grant(sandbox: Sandbox, members: dict[str, list[str]]) -> None:
    """Give the members these roles on the project, and no others."""
    manager = "https://cloudresourcemanager.googleapis.com/v1/projects/my-python-dev"
    _, policy = sandbox.ask("POST", f"{manager}:getIamPolicy", {})
    bindings = [b for b in policy["bindings"] if not members.keys() & set(b["members"])]
    bindings += [{"role": role, "members": [m]} for m, its in members.items() for role in its]
    status, _ = sandbox.ask("POST", f"{manager}:setIamPolicy", {"policy": {**policy, "bindings": bindings}})
    assert status == 200


@pytest.fixture(scope="module")
def checkout(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("work") / "checkout"
    folder.mkdir()
    for name in ("__main__.py", "Makefile", "requirements.txt", "requirements.lock"):
        shutil.copy(CHECKOUT / name, folder / name)
    for path in CHECKOUT.glob("Pulumi*.yaml"):
        shutil.copy(path, folder / path.name)
    # With everything that takes a role of its own.
    with (folder / "Pulumi.dev.yaml").open("a") as stack_file:
        stack_file.write(f"  python-registry:github: {json.dumps(PUBLISHING)}\n")
    for name in ("components", "settings", "tools", ".github"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    # As `make venv` leaves it.
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    os.utime(folder / "requirements.lock", (0, 0))
    (folder / ".gitignore").write_text(".venv\n__pycache__/\nsummary.md\npreview.json\n")
    checkout = Checkout(sandbox, folder, team.set_up(sandbox, folder))
    checkout.git("init", "-q")
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "main")
    grant(sandbox, {DEPLOYER: roles("### Roles of the deployer"), PREVIEWER: roles(PREVIEWERS_ROLES)})
    return checkout


@pytest.mark.sandbox
@pytest.mark.slow
class TestOnTheSandbox:
    """One story of a repository, in the order of these tests."""

    def test_a_deployment_makes_the_stack_and_a_second_finds_nothing_to_do(
        self, checkout: Checkout
    ) -> None:
        assert checkout.job("deploy/dev", DEPLOYER)[0] == 0
        assert checkout.page.startswith("### Stack `dev`: 11 made, access changes\n")
        assert checkout.job("deploy/dev", DEPLOYER)[0] == 0
        assert checkout.page == "Stack `dev`: No changes.\n"

    def test_a_pull_request_has_one_comment_that_is_changed(self, checkout: Checkout) -> None:
        base = checkout.edit("Pulumi.dev.yaml", "group:developers@", "group:everyone@")
        pull_request = {"github.event.pull_request.base.sha": base}
        status, outputs = checkout.job("preview/stacks", PREVIEWER, **pull_request)
        assert (status, json.loads(outputs["stacks"])) == (0, ["dev"])
        before, kept = len(checkout.sandbox.log()), team.objects(checkout.sandbox)
        assert checkout.job("preview/preview", PREVIEWER, **{"matrix.stack": "dev"})[0] == 0
        asked = [r for r in checkout.sandbox.log()[before:] if r["principal"] == PREVIEWER]
        state = [request for request in asked if request["host"] == STORAGE]
        assert {r["status"] for r in asked if r not in state} == {200}, "its roles are enough"
        assert {r["method"] for r in state} == {"GET"}, "no lock, no state"
        # A stack without tags has no file of them.
        assert {Path(r["path"]).suffix for r in state if r["status"] != 200} == {".pulumi-tags"}
        assert team.objects(checkout.sandbox) == kept
        assert "- `group:everyone@example.com` **may** install from `python`" in checkout.summary
        assert checkout.page == checkout.summary

        quote = {"id": 1, "user": {"type": "User"}, "body": "<!-- preview of dev -->"}
        ((name, comment),) = client(checkout.folder, "preview/preview", [quote], STACK="dev")
        assert (name, comment["issue_number"]) == ("createComment", 7)
        assert comment["body"] == f"<!-- preview of dev -->\n{checkout.summary}"
        known = [quote, {"id": 2, **BOT, "body": comment["body"]}]
        ((name, again),) = client(checkout.folder, "preview/preview", known, STACK="dev")
        assert (name, again["comment_id"], again["body"]) == ("updateComment", 2, comment["body"])
        ((name, _),) = client(checkout.folder, "preview/preview", known, STACK="prod")
        assert name == "createComment"

    def test_who_previews_cannot_deploy(self, checkout: Checkout) -> None:
        kept = team.objects(checkout.sandbox)
        assert checkout.job("deploy/dev", PREVIEWER)[0] != 0
        for words in (["up", "--yes", "--stack", "dev"], ["stack", "rm", "dev", "--yes", "--force"]):
            refused = f"{team.PREVIEWER} does not have storage.objects.create access"
            assert refused in checkout.refusal(PREVIEWER, *words)
        assert team.objects(checkout.sandbox) == kept
        project = "projects/my-python-dev/locations/europe-west1/repositories/python"
        _, policy = checkout.sandbox.ask(
            "GET", f"https://artifactregistry.googleapis.com/v1/{project}:getIamPolicy"
        )
        assert "group:everyone@example.com" not in json.dumps(policy)

    def test_who_has_no_role_on_the_bucket_is_told_so(self, checkout: Checkout) -> None:
        stranger = "user:stranger@example.com"
        grant(checkout.sandbox, {stranger: roles(PREVIEWERS_ROLES)})
        refused = "stranger@example.com does not have storage.objects.list access"
        assert refused in checkout.refusal(stranger, "preview", "--stack", "dev")

    @pytest.mark.parametrize("missing", range(6))
    def test_who_previews_needs_each_role_that_the_readme_names(
        self, checkout: Checkout, missing: int
    ) -> None:
        needed = roles(PREVIEWERS_ROLES)
        assert len(needed) == 6
        grant(checkout.sandbox, {PREVIEWER: needed[:missing] + needed[missing + 1 :]})
        status, _ = checkout.job("preview/preview", PREVIEWER, **{"matrix.stack": "dev"})
        grant(checkout.sandbox, {PREVIEWER: needed})
        assert (status, "Error 403" in checkout.summary) == (1, True), needed[missing]

    def test_a_preview_that_fails_is_red_and_says_why(self, checkout: Checkout) -> None:
        base = checkout.edit("Pulumi.dev.yaml", "europe-west1\n", "europe-west\n")
        assert checkout.job("preview/preview", PREVIEWER, **{"matrix.stack": "dev"})[0] == 1
        assert "python-registry:location: europe-west" in checkout.summary
        ((_, comment),) = client(checkout.folder, "preview/preview", [], STACK="dev")
        assert "the preview failed" in comment["body"]
        assert checkout.job("deploy/dev", DEPLOYER)[0] == 1, "nothing is deployed that cannot be previewed"
        checkout.git("reset", "-q", "--hard", base)

    def test_a_stack_that_does_not_exist_yet_is_a_comment_too(self, checkout: Checkout) -> None:
        assert checkout.job("preview/preview", PREVIEWER, **{"matrix.stack": "staging"})[0] == 1
        assert "There is no preview on standard input" in checkout.summary

    def test_what_is_changed_by_hand_opens_an_issue_that_closes_itself(self, checkout: Checkout) -> None:
        assert checkout.job("deploy/dev", DEPLOYER)[0] == 0
        stack = {"matrix.stack": "dev"}
        status, outputs = checkout.job("drift/drift", PREVIEWER, **stack)
        assert (status, outputs) == (0, {"drift": "false"})
        assert client(checkout.folder, "drift/drift", [], STACK="dev", DRIFT="false") == []
        title = "Stack dev is not what its file says"
        known = [{"title": title, "number": 9, "pull_request": {}}, {"title": title, "number": 3}]
        ((name, closed),) = client(checkout.folder, "drift/drift", known, STACK="dev", DRIFT="false")
        assert (name, closed["issue_number"], closed["state"]) == ("update", 3, "closed")

        url = "https://artifactregistry.googleapis.com/v1/projects/my-python-dev/locations/europe-west1"
        _, policy = checkout.sandbox.ask("GET", f"{url}/repositories/python:getIamPolicy")
        policy["bindings"][0]["members"].append("user:by-hand@example.com")
        checkout.sandbox.ask("POST", f"{url}/repositories/python:setIamPolicy", {"policy": policy})
        status, outputs = checkout.job("drift/drift", PREVIEWER, **stack)
        assert (status, outputs) == (0, {"drift": "true"})
        ((name, issue),) = client(checkout.folder, "drift/drift", [], STACK="dev", DRIFT="true")
        assert (name, issue["title"], issue["body"]) == ("create", title, checkout.summary)
        assert "`user:by-hand@example.com` was granted the right to" in issue["body"]
        ((name, issue),) = client(checkout.folder, "drift/drift", known, STACK="dev", DRIFT="true")
        assert (name, issue["issue_number"]) == ("update", 3)

    @pytest.mark.parametrize(
        ("account", "said", "rule"),
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
    def test_a_job_becomes_whom_its_environment_says(
        self, checkout: Checkout, tmp_path: Path, account: str, said: dict[str, str], rule: str
    ) -> None:
        sandbox = checkout.sandbox
        program = Program(sandbox, checkout.folder, stack="dev", project="my-python-dev")
        cloud = Federation(program, anonymous(sandbox), tmp_path, checkout.provider, account)
        token = cloud.token(**said)
        if rule:
            assert rule in cloud.refusal(token)
            return
        login = {"Authorization": f"Bearer {cloud.access_token(token)}"}
        who = "https://openidconnect.googleapis.com/v1/userinfo"
        assert cloud.session.get(who, headers=login, timeout=30).json()["email"] == account
