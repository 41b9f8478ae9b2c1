"""IAM policies: etags, conditions, members and roles."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cloud import MANAGER, Cloud, message

pytestmark = pytest.mark.sandbox


def test_an_unset_policy_has_only_an_etag(cloud: Cloud) -> None:
    cloud.make("python")
    status, policy = cloud.ask("GET", f"{cloud.repositories}/python:getIamPolicy")
    assert status == 200
    assert list(policy) == ["etag"]


def test_a_stale_etag_is_refused_and_each_write_returns_a_new_one(cloud: Cloud) -> None:
    cloud.make("python")
    url = f"{cloud.repositories}/python"
    _, old = cloud.ask("GET", f"{url}:getIamPolicy")
    bindings = [{"role": "roles/artifactregistry.reader", "members": ["user:a@example.com"]}]
    status, new = cloud.ask("POST", f"{url}:setIamPolicy", {"policy": {**old, "bindings": bindings}})
    assert (status, new["bindings"]) == (200, bindings)
    assert new["etag"] != old["etag"]
    status, refused = cloud.ask("POST", f"{url}:setIamPolicy", {"policy": {**old, "bindings": []}})
    assert (status, refused["error"]["status"]) == (409, "ABORTED")


def test_a_role_without_members_is_dropped(cloud: Cloud) -> None:
    cloud.make("python")
    bindings = [{"role": "roles/artifactregistry.reader", "members": []}]
    url = f"{cloud.repositories}/python:setIamPolicy"
    assert "bindings" not in cloud.ask("POST", url, {"policy": {"bindings": bindings}})[1]


class TestConditions:
    ROLE = "roles/artifactregistry.reader"
    CONDITION = {"title": "for a while", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}  # noqa: RUF012
    MAYBE, SURELY = "user:maybe@example.com", "user:surely@example.com"

    @pytest.fixture
    def url(self, cloud: Cloud) -> str:
        cloud.make("python")
        return f"{cloud.repositories}/python"

    @pytest.fixture
    def bindings(self, cloud: Cloud, url: str) -> list[Any]:
        """The two bindings that were set: with the condition and without."""
        with_it = {"role": self.ROLE, "members": [self.MAYBE], "condition": self.CONDITION}
        bindings = [with_it, {"role": self.ROLE, "members": [self.SURELY]}]
        answer = self.write(cloud, url, {"version": 3, "bindings": bindings})
        assert answer[0] == 200
        return answer[1]["bindings"]

    def write(self, cloud: Cloud, url: str, policy: Any) -> tuple[int, Any]:
        return cloud.ask("POST", f"{url}:setIamPolicy", {"policy": policy})

    def test_a_conditional_binding_stays_separate_and_unchanged(
        self, cloud: Cloud, url: str, bindings: list[Any]
    ) -> None:
        assert sorted(str(binding.get("condition")) for binding in bindings) == sorted(
            [str(self.CONDITION), "None"]
        )
        _, policy = cloud.ask("GET", f"{url}:getIamPolicy?options.requestedPolicyVersion=3")
        assert (policy["version"], policy["bindings"]) == (3, bindings)
        assert self.write(cloud, url, policy)[1]["bindings"] == bindings

    @pytest.mark.usefixtures("bindings")
    def test_a_conditional_binding_grants_nothing_in_the_sandbox(self, cloud: Cloud, url: str) -> None:
        assert cloud.ask("GET", url, member=self.SURELY)[0] == 200
        assert cloud.ask("GET", url, member=self.MAYBE)[0] == 403

    @pytest.mark.usefixtures("bindings")
    @pytest.mark.parametrize("query", ["", "?options.requestedPolicyVersion=1"])
    def test_a_version_below_3_shows_a_changed_role_name(self, cloud: Cloud, url: str, query: str) -> None:
        _, policy = cloud.ask("GET", f"{url}:getIamPolicy{query}")
        assert policy["version"] == 1
        assert "condition" not in str(policy)
        (role,) = [b["role"] for b in policy["bindings"] if b["members"] == [self.MAYBE]]
        assert role.startswith(f"{self.ROLE}_withcond_")
        answer = self.write(cloud, url, {**policy, "version": 3})
        assert message(answer) == (400, f"Role {role} is not supported for this resource.")

    def test_a_conditional_binding_must_be_written_as_version_3(
        self, cloud: Cloud, url: str, bindings: list[Any]
    ) -> None:
        answer = self.write(cloud, url, {"version": 1, "bindings": bindings})
        assert message(answer)[1].startswith("A policy with a condition must have version 3")
        _, policy = cloud.ask("GET", f"{url}:getIamPolicy?options.requestedPolicyVersion=3")
        plain = [{"role": self.ROLE, "members": [self.SURELY]}]
        answer = self.write(cloud, url, {**policy, "version": 1, "bindings": plain})
        assert "cannot be less than the existing policy version (3)" in message(answer)[1]
        # Without an etag the server does not compare versions.
        assert self.write(cloud, url, {"bindings": plain})[1]["version"] == 1

    @pytest.mark.parametrize(
        "condition", [{"title": "x"}, {"expression": "true"}, {"title": 1, "expression": "true"}, "true"]
    )
    def test_a_malformed_condition_is_refused(self, cloud: Cloud, url: str, condition: Any) -> None:
        binding = {"role": self.ROLE, "members": [self.MAYBE], "condition": condition}
        assert self.write(cloud, url, {"version": 3, "bindings": [binding]})[0] == 400
        assert self.write(cloud, url, {"version": 2, "bindings": []})[0] == 400

    def test_the_body_requests_the_version_of_a_project_policy(self, cloud: Cloud) -> None:
        url = f"{MANAGER}/{cloud.project}"
        _, policy = cloud.ask("POST", f"{url}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
        with_it = {"role": self.ROLE, "members": [self.MAYBE], "condition": self.CONDITION}
        policy = {**policy, "version": 3, "bindings": [*policy["bindings"], with_it]}
        assert self.write(cloud, url, policy)[0] == 200
        _, seen = cloud.ask("POST", f"{url}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
        assert with_it in seen["bindings"]
        assert with_it not in cloud.ask("POST", f"{url}:getIamPolicy", {})[1]["bindings"]


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ("a@example.com", "The member a@example.com is of an unknown type."),
        ("robot:a@example.com", "The member robot:a@example.com is of an unknown type."),
        (
            "serviceAccount:none@some-project.iam.gserviceaccount.com",
            "Service account none@some-project.iam.gserviceaccount.com does not exist.",
        ),
    ],
)
def test_an_unknown_member_is_refused(cloud: Cloud, member: str, text: str) -> None:
    cloud.make("python")
    policy = {"bindings": [{"role": "roles/artifactregistry.reader", "members": [member]}]}
    answer = cloud.ask("POST", f"{cloud.repositories}/python:setIamPolicy", {"policy": policy})
    assert answer[0] == 400
    assert message(answer)[1].startswith(text)


def test_a_member_without_a_grant_is_refused(cloud: Cloud) -> None:
    cloud.make("python")
    answer = cloud.ask("GET", f"{cloud.repositories}/python", member="user:other@example.com")
    assert answer[0] == 403
    assert "artifactregistry.repositories.get" in message(answer)[1]


def test_a_grant_on_a_repository_counts_only_there(cloud: Cloud) -> None:
    reader = "user:reader@example.com"
    cloud.make("python")
    cloud.make("other")
    policy = {"bindings": [{"role": "roles/artifactregistry.reader", "members": [reader]}]}
    cloud.ask("POST", f"{cloud.repositories}/python:setIamPolicy", {"policy": policy})
    assert cloud.ask("GET", f"{cloud.repositories}/python", member=reader)[0] == 200
    assert cloud.ask("GET", f"{cloud.repositories}/other", member=reader)[0] == 403
    assert cloud.ask("DELETE", f"{cloud.repositories}/python", member=reader)[0] == 403
