"""The whole way: the committed program, the real engine, a cloud that decides as Google does."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess

import pytest
import yaml

from sandbox.cloud.iam.members import OWNER
from tests.support.docs import read_code, read_table
from tests.support.sandbox import CHECKOUT, LOCATION, Program, Sandbox, new_program

pytestmark = pytest.mark.sandbox

WORKFLOWS = {"repositories": ["acme/my-adder"], "ownerId": 1, "ref": "refs/heads/main"}
DEPLOYER = "user:deployer@example.com"


def test_up_makes_an_index_and_a_second_up_changes_nothing(program: Program) -> None:
    program.configure(readers=["group:all@example.com"], labels={"team": "data"})
    program.up()
    assert "unchanged" in program.up()
    assert program.changes() == {}

    reader = f"serviceAccount:python-reader@{program.project}.iam.gserviceaccount.com"
    writer = f"serviceAccount:python-writer@{program.project}.iam.gserviceaccount.com"
    readers = ["group:all@example.com", reader]
    assert program.policy("python") == {"reader": readers, "writer": [writer]}
    assert program.policy("python-index") == {"reader": [*readers, writer]}
    assert program.policy("python-pypi") == {"reader": [*readers, writer]}

    status, index = program.sandbox.ask("GET", program.repository("python-index"))
    assert status == 200
    assert index["mode"] == "VIRTUAL_REPOSITORY"
    assert index["labels"] == {"team": "data", "goog-pulumi-provisioned": "true"}
    assert program.outputs()["reader_email"] == reader.partition(":")[2]


def test_outputs_are_known_before_anything_exists(program: Program) -> None:
    shown = program.pulumi("preview", "--diff").stdout.partition("--outputs:--")[2]
    known = dict(re.findall(r"^    (\w+)\s*: (.*)$", shown, re.MULTILINE))
    program.up()
    # The engine shows no empty text.
    assert set(known) == {name for name, value in program.outputs().items() if value != ""}
    assert [name for name, value in known.items() if "output<" in value] == []


def test_a_preview_of_a_first_up_asks_google_nothing_of_its_own(program: Program) -> None:
    before = len(program.sandbox.log())
    program.preview()
    asked = {(r["host"], r["path"]) for r in program.sandbox.log()[before:]}
    assert asked <= {("openidconnect.googleapis.com", "/v1/userinfo")}


def test_a_refresh_finds_manual_changes_and_up_reverts_them(program: Program) -> None:
    program.configure(labels={"team": "data"})
    program.up()
    assert "~" not in program.refresh().partition("Resources:")[2]
    theirs = {"labels": {"team": "theirs", "goog-pulumi-provisioned": "true"}}
    status, _ = program.sandbox.ask("PATCH", f"{program.repository('python')}?updateMask=labels", theirs)
    assert status == 200
    assert program.changes() == {}, "a plain preview compares with the state alone"
    assert "~ 1 updated" in program.refresh()
    assert program.changes() == {"registry-upload": "update"}
    program.up()
    _, mended = program.sandbox.ask("GET", program.repository("python"))
    assert mended["labels"] == {"team": "data", "goog-pulumi-provisioned": "true"}


def test_a_changed_label_updates_and_nothing_else_happens(program: Program) -> None:
    program.up()
    program.configure(labels={"team": "data"})
    assert program.changes() == dict.fromkeys(
        ["registry-upload", "registry-pypi", "registry-index"], "update"
    )
    program.up()
    assert program.changes() == {}


def test_switching_the_proxy_off_and_on_never_touches_the_upload_repository(program: Program) -> None:
    program.up()
    _, before = program.sandbox.ask("GET", program.repository("python"))
    program.configure(pypiProxy=False)
    assert set(program.changes().values()) == {"delete"}
    program.up()
    assert program.sandbox.ask("GET", program.repository("python-index"))[0] == 404
    assert program.sandbox.ask("GET", program.repository("python-pypi"))[0] == 404
    assert program.outputs()["pip_conf"].startswith("[global]\nextra-index-url = ")
    program.configure(pypiProxy=True)
    program.up()
    assert program.sandbox.ask("GET", program.repository("python-index"))[0] == 200
    assert program.sandbox.ask("GET", program.repository("python"))[1] == before


def test_without_accounts_and_proxy_there_is_one_repository_and_no_account(program: Program) -> None:
    program.configure(serviceAccounts=False, pypiProxy=False)
    program.up()
    enabled = (
        f"https://serviceusage.googleapis.com/v1/projects/{program.project}/services?filter=state:ENABLED"
    )
    _, services = program.sandbox.ask("GET", enabled)
    assert {s["config"]["name"] for s in services["services"]} == {
        "artifactregistry.googleapis.com",
        "cloudresourcemanager.googleapis.com",
        "serviceusage.googleapis.com",
    }
    assert program.changes() == {}
    program.configure()
    program.up()
    assert program.changes() == {}


def test_additive_access_leaves_what_others_granted(program: Program) -> None:
    program.configure(access="additive", readers=["user:a@example.com"])
    program.up()
    _, policy = program.sandbox.ask("GET", f"{program.repository('python')}:getIamPolicy")
    policy["bindings"][0]["members"].append("user:theirs@example.com")
    program.sandbox.ask("POST", f"{program.repository('python')}:setIamPolicy", {"policy": policy})
    program.configure(access="additive", readers=["user:b@example.com"])
    program.up("--refresh")
    readers = program.policy("python")["reader"]
    assert "user:theirs@example.com" in readers
    assert "user:b@example.com" in readers
    assert "user:a@example.com" not in readers


def test_authoritative_access_takes_it_away_at_the_next_refreshed_up(program: Program) -> None:
    program.up()
    _, policy = program.sandbox.ask("GET", f"{program.repository('python')}:getIamPolicy")
    policy["bindings"].append(
        {"role": "roles/artifactregistry.repoAdmin", "members": ["user:theirs@example.com"]}
    )
    program.sandbox.ask("POST", f"{program.repository('python')}:setIamPolicy", {"policy": policy})
    assert "repoAdmin" in program.policy("python")
    program.up("--refresh")
    assert "repoAdmin" not in program.policy("python")


def impersonators(program: Program, account: str) -> list[str]:
    """Members who may create tokens for an account, read from the cloud."""
    email = f"{account}@{program.project}.iam.gserviceaccount.com"
    url = f"https://iam.googleapis.com/v1/projects/{program.project}/serviceAccounts/{email}"
    _, policy = program.sandbox.ask("POST", f"{url}:getIamPolicy", {})
    return [member for binding in policy.get("bindings", []) for member in binding["members"]]


def may_act_as(program: Program, account: str, member: str) -> bool:
    email = f"{account}@{program.project}.iam.gserviceaccount.com"
    url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}"
    scope = {"scope": ["https://www.googleapis.com/auth/cloud-platform"]}
    return program.sandbox.ask("POST", f"{url}:generateAccessToken", scope, member)[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_only_listed_impersonators_act_as_the_accounts(program: Program, access: str) -> None:
    alice, bob = "user:alice@example.com", "user:bob@example.com"
    program.configure(access=access, impersonators={"writer": [alice]})
    program.up()
    assert program.changes() == {}
    assert may_act_as(program, "python-writer", alice)
    assert not may_act_as(program, "python-reader", alice)
    assert not may_act_as(program, "python-writer", OWNER)
    program.configure(access=access, impersonators={"writer": [bob], "reader": [alice]})
    program.up()
    assert impersonators(program, "python-writer") == [bob]
    assert impersonators(program, "python-reader") == [alice]
    program.configure(access=access)
    program.up()
    assert impersonators(program, "python-writer") == impersonators(program, "python-reader") == []
    assert program.changes() == {}
    program.destroy()


def test_an_authoritative_stack_revokes_grants_of_others_on_the_accounts(program: Program) -> None:
    program.up()
    email = f"python-writer@{program.project}.iam.gserviceaccount.com"
    url = f"https://iam.googleapis.com/v1/projects/{program.project}/serviceAccounts/{email}"
    binding = {"role": "roles/iam.serviceAccountTokenCreator", "members": ["user:theirs@example.com"]}
    program.sandbox.ask("POST", f"{url}:setIamPolicy", {"policy": {"bindings": [binding]}})
    assert impersonators(program, "python-writer") == ["user:theirs@example.com"]
    program.up("--refresh")
    assert impersonators(program, "python-writer") == []


def test_an_account_that_was_disabled_by_hand_is_enabled_at_the_next_refreshed_up(program: Program) -> None:
    program.up()
    email = f"python-writer@{program.project}.iam.gserviceaccount.com"
    url = f"https://iam.googleapis.com/v1/projects/{program.project}/serviceAccounts/{email}"
    assert program.sandbox.ask("POST", f"{url}:disable", {})[0] == 200
    assert program.changes() == {}
    assert program.changes("--refresh") == {"registry-writer": "update"}
    program.up("--refresh")
    assert "disabled" not in program.sandbox.ask("GET", url)[1]
    assert program.changes("--refresh") == {}


@pytest.mark.slow
def test_private_packages_are_rules_on_pypis_cache_and_come_and_go(program: Program) -> None:
    rules = f"{program.repository('python-pypi')}/rules"

    def denied() -> dict[str, tuple[str, str]]:
        _, found = program.sandbox.ask("GET", rules)
        return {r["name"].rpartition("/")[2]: (r["action"], r["packageId"]) for r in found["rules"]}

    program.configure(privatePackages=["My_Adder", "other"])
    program.up()
    assert denied() == {"deny-my-adder": ("DENY", "my-adder"), "deny-other": ("DENY", "other")}
    assert program.changes() == {}
    program.configure(privatePackages=["my-adder"])
    assert program.changes() == {"registry-pypi-deny-other": "delete"}
    program.up()
    program.sandbox.ask("PATCH", f"{rules}/deny-my-adder?updateMask=action", {"action": "ALLOW"})
    program.up("--refresh")
    assert denied() == {"deny-my-adder": ("DENY", "my-adder")}
    program.configure(pypiProxy=False)
    program.up()
    assert program.sandbox.ask("GET", program.repository("python-pypi"))[0] == 404
    program.configure(privatePackages=["my-adder"])
    program.up()
    assert denied() == {"deny-my-adder": ("DENY", "my-adder")}
    program.destroy()


def test_the_preview_refuses_whatever_would_replace_the_upload_repository(program: Program) -> None:
    program.configure(protect=True)
    program.up()
    program.sandbox.run(*["pulumi", "stack", "rename", f"{program.stack}-renamed"], cwd=program.folder)
    program.stack = f"{program.stack}-renamed"
    program.configure(protect=True)
    assert program.changes() == {}, "a stack's name is in nothing that it makes"
    stack_file = program.folder / f"Pulumi.{program.stack}.yaml"
    for field, change in {
        "location": {"location": "europe-west1"},
        "repositoryId": {"repository": "packages"},
        "project": {"gcp:project": f"{program.project}-other"},
    }.items():
        program.configure(protect=True, **{key: value for key, value in change.items() if ":" not in key})
        if "gcp:project" in change:
            stack_file.write_text(stack_file.read_text().replace(program.project, change["gcp:project"]))
        refused = program.pulumi("preview", "--diff", check=False)
        text = refused.stdout + refused.stderr
        assert refused.returncode != 0, field
        assert re.search(r"unable to replace resource .*::registry-upload", text), field
        assert re.search(rf"::registry-upload\]\n.*\n +~ {field} *: ", text), f"which field: {field}"
        assert "Traceback" not in text
    assert program.sandbox.ask("GET", program.repository("python"))[0] == 200


@pytest.mark.slow
def test_a_change_that_protection_refuses_changes_nothing_even_without_a_preview(program: Program) -> None:
    settings = {"protect": True, "impersonators": {"writer": ["group:release@example.com"]}}
    program.configure(**settings)
    program.up()

    def state() -> list[tuple[str, str, bool]]:
        resources = json.loads(program.pulumi("stack", "export").stdout)["deployment"]["resources"]
        return sorted((r["urn"], r.get("id", ""), r.get("delete", False)) for r in resources)

    before = state()
    for change in ({"location": "europe-west1"}, {"repository": "packages"}):
        program.configure(**settings, **change)
        assert "unable to replace" in program.up(check=False)
        assert state() == before
    program.configure(**settings)
    assert program.changes("--refresh") == {}


@pytest.mark.slow
def test_a_second_program_of_the_same_name_is_refused_and_its_end_takes_nothing(
    program: Program, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program.up()
    second = new_program(program.sandbox, tmp_path_factory.mktemp("second"))
    second.project = program.project
    second.configure()
    assert "exists, but not in this stack's state" in second.up(check=False)
    second.destroy()
    assert program.changes("--refresh") == {}


def test_destroy_takes_all_of_it_but_the_apis(program: Program) -> None:
    program.configure(protect=True)
    program.up()
    program.destroy()
    for name in ("python", "python-pypi", "python-index"):
        assert program.sandbox.ask("GET", program.repository(name))[0] == 404
    accounts = f"https://iam.googleapis.com/v1/projects/{program.project}/serviceAccounts"
    assert program.sandbox.ask("GET", accounts) == (200, {"accounts": []})


def test_a_bad_stack_file_is_a_message_before_any_resource(program: Program) -> None:
    program.configure(location="us-centra1", reader=["alice@example.com"])
    before = len(program.sandbox.log())
    refused = program.pulumi("up", "--yes", "--skip-preview", check=False)
    text = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "2 problems in the stack's settings; nothing was changed." in text
    assert "did you mean us-central1?" in text
    assert "did you mean python-registry:readers?" in text
    assert "Traceback" not in text
    assert not [r for r in program.sandbox.log()[before:] if r["host"] != "openidconnect.googleapis.com"]


def deployer_roles() -> list[str]:
    """The roles that docs/deploy.md lists."""
    return [read_code(role)[0] for role, _ in read_table("deploy", "## Roles of the deployer")]


def grant_on_project(program: Program, roles: list[str]) -> None:
    manager = f"https://cloudresourcemanager.googleapis.com/v1/projects/{program.project}"
    _, policy = program.sandbox.ask("POST", f"{manager}:getIamPolicy", {})
    policy["bindings"] += [{"role": role, "members": [DEPLOYER]} for role in roles]
    assert program.sandbox.ask("POST", f"{manager}:setIamPolicy", {"policy": policy})[0] == 200


def test_the_documented_roles_are_enough_for_a_deployer(program: Program) -> None:
    grant_on_project(program, deployer_roles())
    program.configure(github=WORKFLOWS)
    program.up(member=DEPLOYER)
    program.pulumi("destroy", "--yes", "--skip-preview", member=DEPLOYER)


@pytest.mark.parametrize("missing", range(4))
def test_without_one_of_them_up_fails_at_once_with_googles_reason(program: Program, missing: int) -> None:
    roles = deployer_roles()
    del roles[missing]
    assert len(roles) == 3
    grant_on_project(program, roles)
    program.configure(github=WORKFLOWS)
    text = program.up(check=False, member=DEPLOYER)
    assert "Error 403: Permission" in text
    assert "Waiting for" not in text


def test_gcloud_prints_the_same_client_files(program: Program) -> None:
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud is not installed")
    program.configure(pypiProxy=False, repository="py-repo")
    program.up()
    where = ["--repository=py-repo", f"--location={LOCATION}", f"--project={program.project}"]
    printed = program.sandbox.run("gcloud", "artifacts", "print-settings", "python", *where).stdout
    # A comment before each of the two files says where to put it.
    snippets = [
        part.strip("\n") + "\n" for part in re.split(r"^#.*\n", printed, flags=re.MULTILINE) if part
    ]
    outputs = program.outputs()
    assert snippets == [outputs["pypirc"], outputs["pip_conf"]]


def test_gcloud_lists_the_repositories_and_refuses_a_user_without_grants(program: Program) -> None:
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud is not installed")
    program.up()
    command = ["gcloud", "artifacts", "repositories", "list", f"--project={program.project}"]
    listed = program.sandbox.run(*command, "--format=value(name.basename(),mode)").stdout.split()
    assert listed == [
        *("python", "STANDARD_REPOSITORY"),
        *("python-index", "VIRTUAL_REPOSITORY"),
        *("python-pypi", "REMOTE_REPOSITORY"),
    ]
    refused = program.sandbox.run(*command, check=False, member="user:stranger@example.com")
    assert "Permission 'artifactregistry.locations.list' denied" in refused.stderr


def test_the_committed_files_are_the_same_after_a_run(sandbox: Sandbox) -> None:
    def digest() -> dict[str, str]:
        files = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")
        return {
            f: hashlib.sha256((CHECKOUT / f).read_bytes()).hexdigest()
            for f in files
            if (CHECKOUT / f).is_file()
        }

    before = digest()
    for stack in ("dev", "prod"):
        command = ["pulumi", "--non-interactive", "--stack", stack]
        sandbox.run("pulumi", "--non-interactive", "stack", "select", "--create", stack, cwd=CHECKOUT)
        sandbox.run(*command, "up", "--yes", "--skip-preview", cwd=CHECKOUT)
        outputs = json.loads(sandbox.run(*command, "stack", "output", "--json", cwd=CHECKOUT).stdout)
        config = yaml.safe_load((CHECKOUT / f"Pulumi.{stack}.yaml").read_text())["config"]
        assert outputs["location"] == config["python-registry:location"]
    assert digest() == before
