"""Google's rules, where they matter to the program: asked through the proxy, as clients do."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.auth.access_tokens import fingerprint, identify, mint_token
from sandbox.cloud.core.app import build_app
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.errors import GoogleError
from sandbox.cloud.core.operations import KEPT_SECONDS
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import OWNER
from sandbox.cloud.pypi.mirror import PublicIndex
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

REGISTRY = "https://artifactregistry.googleapis.com/v1"
IAM = "https://iam.googleapis.com/v1"
USAGE = "https://serviceusage.googleapis.com/v1"
MANAGER = "https://cloudresourcemanager.googleapis.com/v1"
STANDARD = {"format": "PYTHON", "mode": "STANDARD_REPOSITORY"}

_projects = (f"cloud-rules-{n}" for n in itertools.count(1))


class Cloud:
    """A new project of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.project = f"projects/{next(_projects)}"
        self.repositories = f"{REGISTRY}/{self.project}/locations/us/repositories"
        self.accounts = f"{IAM}/{self.project}/serviceAccounts"

    def ask(self, method: str, url: str, body: Any = None, member: str = OWNER) -> tuple[int, Any]:
        return self.sandbox.ask(method, url, body, member)

    def enable(self, *services: str) -> None:
        for service in services:
            assert self.ask("POST", f"{USAGE}/{self.project}/services/{service}:enable", {})[0] == 200

    def make(self, repository: str, **more: Any) -> tuple[int, Any]:
        return self.ask("POST", f"{self.repositories}?repository_id={repository}", {**STANDARD, **more})


@pytest.fixture
def cloud(sandbox: Sandbox) -> Cloud:
    cloud = Cloud(sandbox)
    cloud.enable("artifactregistry.googleapis.com", "iam.googleapis.com")
    return cloud


def message(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["message"]


def test_a_new_project_has_every_api_off_but_two(sandbox: Sandbox) -> None:
    cloud = Cloud(sandbox)
    _, services = cloud.ask("GET", f"{USAGE}/{cloud.project}/services?filter=state:ENABLED")
    assert {service["config"]["name"] for service in services["services"]} == {
        "cloudresourcemanager.googleapis.com",
        "serviceusage.googleapis.com",
    }
    for url in (cloud.repositories, cloud.accounts):
        status, answer = cloud.ask("GET", url)
        assert status == 403
        assert answer["error"]["details"][0]["reason"] == "SERVICE_DISABLED"


def test_resource_manager_can_be_off_too(cloud: Cloud) -> None:
    assert cloud.ask("GET", f"{MANAGER}/{cloud.project}")[0] == 200
    cloud.ask("POST", f"{USAGE}/{cloud.project}/services/cloudresourcemanager.googleapis.com:disable", {})
    status, answer = cloud.ask("GET", f"{MANAGER}/{cloud.project}")
    assert status == 403
    assert answer["error"]["details"][0]["metadata"]["service"] == "cloudresourcemanager.googleapis.com"


def test_several_apis_are_enabled_by_one_request(sandbox: Sandbox) -> None:
    cloud = Cloud(sandbox)
    names = ["artifactregistry.googleapis.com", "iam.googleapis.com"]
    status, _ = cloud.ask("POST", f"{USAGE}/{cloud.project}/services:batchEnable", {"serviceIds": names})
    assert status == 200
    assert cloud.ask("GET", cloud.repositories) == (200, {"repositories": []})


def test_an_unknown_api_cannot_be_enabled(cloud: Cloud) -> None:
    answer = cloud.ask("POST", f"{USAGE}/{cloud.project}/services/nonsense.googleapis.com:enable", {})
    assert answer[0] == 403
    assert "nonsense.googleapis.com" in message(answer)[1]


def test_an_operation_is_first_answered_undone(cloud: Cloud) -> None:
    status, operation = cloud.make("python")
    assert status == 200
    assert "done" not in operation
    status, finished = cloud.ask("GET", f"{REGISTRY}/{operation['name']}")
    assert finished["done"] is True
    assert finished["response"]["name"] == f"{cloud.project}/locations/us/repositories/python"
    assert cloud.ask("GET", f"{REGISTRY}/{cloud.project}/locations/us/operations/none")[0] == 404


def test_only_a_get_tells_the_registry_uri(cloud: Cloud) -> None:
    cloud.make("python")
    _, read = cloud.ask("GET", f"{cloud.repositories}/python")
    assert read["registryUri"] == f"us-python.pkg.dev/{cloud.project.partition('/')[2]}/python"
    _, patched = cloud.ask(
        "PATCH", f"{cloud.repositories}/python?updateMask=description", {"description": "x"}
    )
    assert patched["description"] == "x"
    assert "registryUri" not in patched


def test_a_repository_cannot_be_made_twice(cloud: Cloud) -> None:
    cloud.make("python")
    assert message(cloud.make("python")) == (409, "the repository already exists")


@pytest.mark.parametrize("field", ["format", "mode", "kmsKeyName", "remoteRepositoryConfig"])
def test_what_is_immutable_cannot_be_patched(cloud: Cloud, field: str) -> None:
    cloud.make("python")
    answer = cloud.ask("PATCH", f"{cloud.repositories}/python?updateMask={field}", {field: "x"})
    assert message(answer) == (400, f"Field '{field}' of a repository is immutable.")


@pytest.mark.parametrize("repository", ["Python", "my_repo", "a" * 64, "python-"])
def test_a_repository_id_outside_the_grammar_is_refused(cloud: Cloud, repository: str) -> None:
    assert cloud.make(repository)[0] == 400


@pytest.mark.parametrize("labels", [{"Team": "a"}, {"team": "A"}, {f"k{i}": "v" for i in range(65)}])
def test_labels_outside_the_rules_are_refused(cloud: Cloud, labels: dict[str, str]) -> None:
    assert cloud.make("python", labels=labels)[0] == 400


def test_a_location_that_is_none_is_refused(cloud: Cloud) -> None:
    url = f"{REGISTRY}/{cloud.project}/locations/us-centra1/repositories?repository_id=python"
    assert message(cloud.ask("POST", url, STANDARD)) == (
        403,
        "Location us-centra1 is not found or access is unauthorized.",
    )


def test_an_upstream_must_exist_and_cannot_go_while_it_is_used(cloud: Cloud) -> None:
    upstream = f"{cloud.project}/locations/us/repositories/python"
    policies = {"upstreamPolicies": [{"id": "private", "repository": upstream, "priority": 1}]}
    virtual = {"mode": "VIRTUAL_REPOSITORY", "virtualRepositoryConfig": policies}
    assert message(cloud.make("index", **virtual)) == (
        400,
        f"Upstream repository {upstream} does not exist.",
    )
    cloud.make("python")
    assert cloud.make("index", **virtual)[0] == 200
    assert cloud.ask("DELETE", f"{cloud.repositories}/python")[0] == 400
    assert cloud.ask("DELETE", f"{cloud.repositories}/index")[0] == 200
    assert cloud.ask("DELETE", f"{cloud.repositories}/python")[0] == 200
    assert cloud.ask("GET", f"{cloud.repositories}/python")[0] == 404


def test_a_policy_that_nobody_wrote_is_an_etag_alone(cloud: Cloud) -> None:
    cloud.make("python")
    status, policy = cloud.ask("GET", f"{cloud.repositories}/python:getIamPolicy")
    assert status == 200
    assert list(policy) == ["etag"]


def test_a_stale_etag_is_refused_and_a_new_one_comes_with_every_write(cloud: Cloud) -> None:
    cloud.make("python")
    url = f"{cloud.repositories}/python"
    _, old = cloud.ask("GET", f"{url}:getIamPolicy")
    bindings = [{"role": "roles/artifactregistry.reader", "members": ["user:a@example.com"]}]
    status, new = cloud.ask("POST", f"{url}:setIamPolicy", {"policy": {**old, "bindings": bindings}})
    assert (status, new["bindings"]) == (200, bindings)
    assert new["etag"] != old["etag"]
    status, refused = cloud.ask("POST", f"{url}:setIamPolicy", {"policy": {**old, "bindings": []}})
    assert (status, refused["error"]["status"]) == (409, "ABORTED")


def test_a_role_that_nobody_holds_is_not_kept(cloud: Cloud) -> None:
    cloud.make("python")
    bindings = [{"role": "roles/artifactregistry.reader", "members": []}]
    url = f"{cloud.repositories}/python:setIamPolicy"
    assert "bindings" not in cloud.ask("POST", url, {"policy": {"bindings": bindings}})[1]


class TestAGrantWithACondition:
    ROLE = "roles/artifactregistry.reader"
    CONDITION = {"title": "for a while", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}  # noqa: RUF012
    MAYBE, SURELY = "user:maybe@example.com", "user:surely@example.com"

    @pytest.fixture
    def url(self, cloud: Cloud) -> str:
        cloud.make("python")
        return f"{cloud.repositories}/python"

    @pytest.fixture
    def bindings(self, cloud: Cloud, url: str) -> list[Any]:
        """What was set, as it was set: with the condition and without."""
        with_it = {"role": self.ROLE, "members": [self.MAYBE], "condition": self.CONDITION}
        bindings = [with_it, {"role": self.ROLE, "members": [self.SURELY]}]
        answer = self.write(cloud, url, {"version": 3, "bindings": bindings})
        assert answer[0] == 200
        return answer[1]["bindings"]

    def write(self, cloud: Cloud, url: str, policy: Any) -> tuple[int, Any]:
        return cloud.ask("POST", f"{url}:setIamPolicy", {"policy": policy})

    def test_is_kept_apart_from_the_one_without_and_returned_as_it_was_set(
        self, cloud: Cloud, url: str, bindings: list[Any]
    ) -> None:
        assert sorted(str(binding.get("condition")) for binding in bindings) == sorted(
            [str(self.CONDITION), "None"]
        )
        _, policy = cloud.ask("GET", f"{url}:getIamPolicy?options.requestedPolicyVersion=3")
        assert (policy["version"], policy["bindings"]) == (3, bindings)
        assert self.write(cloud, url, policy)[1]["bindings"] == bindings

    @pytest.mark.usefixtures("bindings")
    def test_grants_nothing_here(self, cloud: Cloud, url: str) -> None:
        assert cloud.ask("GET", url, member=self.SURELY)[0] == 200
        assert cloud.ask("GET", url, member=self.MAYBE)[0] == 403

    @pytest.mark.usefixtures("bindings")
    @pytest.mark.parametrize("query", ["", "?options.requestedPolicyVersion=1"])
    def test_shows_as_a_role_of_another_name_to_whoever_does_not_ask_for_version_3(
        self, cloud: Cloud, url: str, query: str
    ) -> None:
        _, policy = cloud.ask("GET", f"{url}:getIamPolicy{query}")
        assert policy["version"] == 1
        assert "condition" not in str(policy)
        (role,) = [b["role"] for b in policy["bindings"] if b["members"] == [self.MAYBE]]
        assert role.startswith(f"{self.ROLE}_withcond_")
        answer = self.write(cloud, url, {**policy, "version": 3})
        assert message(answer) == (400, f"Role {role} is not supported for this resource.")

    def test_needs_version_3_to_be_written_and_to_stay(
        self, cloud: Cloud, url: str, bindings: list[Any]
    ) -> None:
        answer = self.write(cloud, url, {"version": 1, "bindings": bindings})
        assert message(answer)[1].startswith("A policy with a condition must have version 3")
        _, policy = cloud.ask("GET", f"{url}:getIamPolicy?options.requestedPolicyVersion=3")
        plain = [{"role": self.ROLE, "members": [self.SURELY]}]
        answer = self.write(cloud, url, {**policy, "version": 1, "bindings": plain})
        assert "cannot be less than the existing policy version (3)" in message(answer)[1]
        # Without an etag nobody looks at what was there.
        assert self.write(cloud, url, {"bindings": plain})[1]["version"] == 1

    @pytest.mark.parametrize(
        "condition", [{"title": "x"}, {"expression": "true"}, {"title": 1, "expression": "true"}, "true"]
    )
    def test_of_another_shape_is_refused(self, cloud: Cloud, url: str, condition: Any) -> None:
        binding = {"role": self.ROLE, "members": [self.MAYBE], "condition": condition}
        assert self.write(cloud, url, {"version": 3, "bindings": [binding]})[0] == 400
        assert self.write(cloud, url, {"version": 2, "bindings": []})[0] == 400

    def test_on_a_project_is_asked_for_in_the_body(self, cloud: Cloud) -> None:
        url = f"{MANAGER}/{cloud.project}"
        _, policy = cloud.ask("POST", f"{url}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
        with_it = {"role": self.ROLE, "members": [self.MAYBE], "condition": self.CONDITION}
        policy = {**policy, "version": 3, "bindings": [*policy["bindings"], with_it]}
        assert self.write(cloud, url, policy)[0] == 200
        _, seen = cloud.ask("POST", f"{url}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
        assert with_it in seen["bindings"]
        assert with_it not in cloud.ask("POST", f"{url}:getIamPolicy", {})[1]["bindings"]


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("a@example.com", "The member a@example.com is of an unknown type."),
        ("robot:a@example.com", "The member robot:a@example.com is of an unknown type."),
        (
            "serviceAccount:none@some-project.iam.gserviceaccount.com",
            "Service account none@some-project.iam.gserviceaccount.com does not exist.",
        ),
    ],
)
def test_a_member_that_google_does_not_know_is_refused(cloud: Cloud, member: str, said: str) -> None:
    cloud.make("python")
    policy = {"bindings": [{"role": "roles/artifactregistry.reader", "members": [member]}]}
    answer = cloud.ask("POST", f"{cloud.repositories}/python:setIamPolicy", {"policy": policy})
    assert answer[0] == 400
    assert message(answer)[1].startswith(said)


def test_accounts_are_made_read_changed_and_deleted(cloud: Cloud) -> None:
    status, made = cloud.ask(
        "POST", cloud.accounts, {"accountId": "python-reader", "serviceAccount": {"displayName": "one"}}
    )
    assert status == 200
    assert made["email"].startswith("python-reader@")
    assert len(made["uniqueId"]) == 21
    again = cloud.ask("POST", cloud.accounts, {"accountId": "python-reader"})
    assert again[0] == 409
    one = f"{cloud.accounts}/{made['email']}"
    change = {"serviceAccount": {"displayName": "two", "etag": made["etag"]}, "updateMask": "display_name"}
    assert cloud.ask("PATCH", one, change)[1]["displayName"] == "two"
    assert cloud.ask("PATCH", one, change)[0] == 409, "the etag is stale by now"
    assert cloud.ask("DELETE", one) == (200, {})
    assert cloud.ask("GET", one)[0] == 404


def test_a_policy_names_a_deleted_account_by_what_it_was_and_never_means_its_successor(
    cloud: Cloud,
) -> None:
    cloud.make("python")
    policy_of = f"{cloud.repositories}/python"
    _, made = cloud.ask("POST", cloud.accounts, {"accountId": "short-lived"})
    member, role = f"serviceAccount:{made['email']}", "roles/artifactregistry.reader"
    wanted = {"bindings": [{"role": role, "members": [member, "user:a@example.com"]}]}
    cloud.ask("POST", f"{policy_of}:setIamPolicy", {"policy": wanted})
    assert cloud.ask("GET", policy_of, member=member)[0] == 200
    cloud.ask("DELETE", f"{cloud.accounts}/{made['email']}")
    _, policy = cloud.ask("GET", f"{policy_of}:getIamPolicy")
    gone = f"deleted:{member}?uid={made['uniqueId']}"
    assert policy["bindings"] == [{"role": role, "members": [gone, "user:a@example.com"]}]
    assert cloud.ask("POST", f"{policy_of}:setIamPolicy", {"policy": policy})[0] == 200
    assert cloud.ask("POST", cloud.accounts, {"accountId": "short-lived"})[0] == 200
    assert cloud.ask("GET", policy_of, member=member)[0] == 403


def test_whoever_was_granted_nothing_may_do_nothing(cloud: Cloud) -> None:
    cloud.make("python")
    answer = cloud.ask("GET", f"{cloud.repositories}/python", member="user:stranger@example.com")
    assert answer[0] == 403
    assert "artifactregistry.repositories.get" in message(answer)[1]


def test_a_grant_on_a_repository_counts_there_alone(cloud: Cloud) -> None:
    reader = "user:reader@example.com"
    cloud.make("python")
    cloud.make("other")
    policy = {"bindings": [{"role": "roles/artifactregistry.reader", "members": [reader]}]}
    cloud.ask("POST", f"{cloud.repositories}/python:setIamPolicy", {"policy": policy})
    assert cloud.ask("GET", f"{cloud.repositories}/python", member=reader)[0] == 200
    assert cloud.ask("GET", f"{cloud.repositories}/other", member=reader)[0] == 403
    assert cloud.ask("DELETE", f"{cloud.repositories}/python", member=reader)[0] == 403


def deny(package: str) -> dict[str, str]:
    return {"action": "DENY", "operation": "DOWNLOAD", "packageId": package}


def test_a_rule_is_made_at_once_read_listed_changed_and_deleted(cloud: Cloud) -> None:
    cloud.make("python")
    rules = f"{cloud.repositories}/python/rules"
    name = f"{cloud.project}/locations/us/repositories/python/rules/deny-a"
    made = {"name": name, **deny("a")}
    assert cloud.ask("POST", f"{rules}?ruleId=deny-a", deny("a")) == (200, made)
    assert cloud.ask("GET", f"{rules}/deny-a") == (200, made)
    assert cloud.ask("GET", rules) == (200, {"rules": [made]})
    changed = {**made, "action": "ALLOW"}
    assert cloud.ask("PATCH", f"{rules}/deny-a?updateMask=action", {"action": "ALLOW"}) == (200, changed)
    assert cloud.ask("DELETE", f"{rules}/deny-a") == (200, {})
    assert cloud.ask("GET", f"{rules}/deny-a")[0] == 404


def test_there_is_one_rule_a_package_and_one_for_all(cloud: Cloud) -> None:
    cloud.make("python")
    rules = f"{cloud.repositories}/python/rules"
    for rule_id, body in (("a", deny("a")), ("b", deny("b")), ("all", deny(""))):
        assert cloud.ask("POST", f"{rules}?ruleId={rule_id}", body)[0] == 200
        for again in (rule_id, "other"):
            status, answer = cloud.ask("POST", f"{rules}?ruleId={again}", body)
            assert (status, answer["error"]["status"]) == (409, "ALREADY_EXISTS")
    assert cloud.ask("PATCH", f"{rules}/b?updateMask=packageId", deny("a"))[0] == 409
    assert cloud.ask("PATCH", f"{rules}/b?updateMask=packageId", deny("c"))[0] == 200


@pytest.mark.parametrize(
    ("rule_id", "change"),
    [
        ("a", {"action": "MAYBE"}),
        ("a", {"operation": "UPLOAD"}),
        ("a", {"condition": {"expression": "true"}}),
        ("a", {"packageId": ["a"]}),
        ("a b", {}),
        ("a" * 257, {}),
        ("", {}),
    ],
)
def test_a_rule_that_is_none_or_not_imitated_is_refused(
    cloud: Cloud, rule_id: str, change: dict[str, Any]
) -> None:
    cloud.make("python")
    url = f"{cloud.repositories}/python/rules?ruleId={rule_id}"
    assert cloud.ask("POST", url, {**deny("a"), **change})[0] == 400
    assert cloud.ask("GET", f"{cloud.repositories}/python/rules")[1] == {"rules": []}


def test_a_body_that_is_no_object_is_refused(cloud: Cloud) -> None:
    cloud.make("python")
    _, account = cloud.ask("POST", cloud.accounts, {"accountId": "python-reader"})
    for url in (
        f"{cloud.repositories}/python/rules?ruleId=a",
        f"{cloud.accounts}/{account['email']}/keys",
    ):
        status, answer = cloud.ask("POST", url, ["no object"])
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_rules_go_with_their_repository(cloud: Cloud) -> None:
    cloud.make("python")
    rules = f"{cloud.repositories}/python/rules"
    cloud.ask("POST", f"{rules}?ruleId=a", deny("a"))
    cloud.ask("DELETE", f"{cloud.repositories}/python")
    assert cloud.ask("GET", rules)[0] == 404
    cloud.make("python")
    assert cloud.ask("GET", rules)[1] == {"rules": []}


def test_readers_see_rules_and_repository_admins_change_them(cloud: Cloud) -> None:
    cloud.make("python")
    roles = {"user:reader@example.com": "reader", "user:boss@example.com": "repoAdmin"}
    bindings = [{"role": f"roles/artifactregistry.{r}", "members": [m]} for m, r in roles.items()]
    cloud.ask("POST", f"{cloud.repositories}/python:setIamPolicy", {"policy": {"bindings": bindings}})
    rules = f"{cloud.repositories}/python/rules"
    assert cloud.ask("GET", rules, member="user:reader@example.com")[0] == 200
    assert cloud.ask("GET", rules, member="user:stranger@example.com")[0] == 403
    assert cloud.ask("POST", f"{rules}?ruleId=a", deny("a"), "user:reader@example.com")[0] == 403
    assert cloud.ask("POST", f"{rules}?ruleId=a", deny("a"), "user:boss@example.com")[0] == 200
    assert cloud.ask("DELETE", f"{rules}/a", None, "user:reader@example.com")[0] == 403


def test_no_token_and_a_wrong_one_are_401(cloud: Cloud) -> None:
    url = f"{MANAGER}/{cloud.project}"
    code = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"]
    assert cloud.sandbox.run(*code, url).stdout == "401"
    assert cloud.sandbox.run(*code, "-H", "Authorization: Bearer ya29.invented", url).stdout == "401"


def test_a_body_that_is_no_json_is_refused_in_google_words(cloud: Cloud) -> None:
    script = 'curl -sS -H "Authorization: Bearer $GOOGLE_OAUTH_ACCESS_TOKEN" -d "{oops" "$1"'
    said = cloud.sandbox.run("sh", "-c", script, "sh", f"{cloud.repositories}?repository_id=a").stdout
    assert '"status":"INVALID_ARGUMENT"' in said


@pytest.mark.parametrize(
    "url",
    [
        "https://compute.googleapis.com/compute/v1/projects/p/regions",
        f"{REGISTRY}/projects/demo-project/locations/us/repositories/python/dockerImages",
    ],
)
def test_what_is_not_imitated_is_refused_by_name(cloud: Cloud, url: str) -> None:
    status, said = message(cloud.ask("GET", url))
    assert status == 501
    assert said == f"The sandbox does not imitate GET {url.removeprefix('https://')}."


def test_tokens_and_operations_that_are_over_are_forgotten_at_the_next_start(tmp_path: Path) -> None:
    store = Store(tmp_path / "cloud.db")
    with store.transaction():
        expired, good = mint_token(store, OWNER, seconds=-1), mint_token(store, OWNER)
        for name, age in (("old", KEPT_SECONDS + 1), ("new", 0)):
            store.put(f"operations:{name}", {"name": name, "doneAt": time.time() - age})
    blobs = Blobs(tmp_path / "blobs")
    build_app(
        store, blobs, PublicIndex(store, blobs, "https://index.example/simple/", ""), tmp_path / "log"
    )
    assert store.names("operations:*") == ["operations:new"]
    assert store.names("tokens:*") == [f"tokens:{fingerprint(good)}"]
    with pytest.raises(GoogleError):
        identify(store, f"Bearer {expired}")
    store.close()
