"""IAM bindings and members of the fake provider, on a repository and on a service account.

The real provider 9.35 sends the same requests. `test_storage.py` has the members on a bucket: its policy
has another API.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.provider.rest import Request
from sandbox.provider.values import UNKNOWN
from tests.support.provider import (
    ACCOUNT_BINDING,
    ACCOUNT_MEMBER,
    ACCOUNT_NAME,
    BINDING,
    EMAIL,
    GRANT,
    MEMBER,
    NAME,
    READER,
    TOKEN_CREATOR,
    Answer,
    CallError,
    FakeEngine,
    FakeGoogle,
    Props,
    change_kinds,
    google_error,
    plain,
)

OTHERS: Props = {"role": "roles/artifactregistry.writer", "members": ["user:w@x.org"]}


@dataclass(frozen=True, kw_only=True)
class Target:
    """A resource that has an IAM policy, and the types that change the policy."""

    binding: str
    member: str
    # The properties that a program gives beside the members.
    grant: Props
    key: str
    host: str
    get_method: str
    get_query: Props

    @property
    def name(self) -> str:
        return self.grant[self.key]

    @property
    def role(self) -> str:
        return self.grant["role"]

    def __str__(self) -> str:
        return self.key


REPOSITORY = Target(
    binding=BINDING,
    member=MEMBER,
    grant=GRANT,
    key="repository",
    host="artifactregistry.googleapis.com",
    get_method="GET",
    get_query={"alt": "json"},
)
ACCOUNT = Target(
    binding=ACCOUNT_BINDING,
    member=ACCOUNT_MEMBER,
    grant={"serviceAccountId": ACCOUNT_NAME, "role": TOKEN_CREATOR},
    key="serviceAccountId",
    host="iam.googleapis.com",
    get_method="POST",
    get_query={"alt": "json", "options.requestedPolicyVersion": "3"},
)


class Policy:
    """The policy of a repository or a service account, as Google keeps it."""

    def __init__(self, google: FakeGoogle, target: Target, *bindings: Props, conflicts: int = 0) -> None:
        self.bindings, self.etag, self.conflicts = list(bindings), 1, conflicts
        google.on(f"{target.get_method} {target.name}:getIamPolicy", self.get)
        google.on(f"POST {target.name}:setIamPolicy", self.set)

    def get(self, request: Request) -> Answer:
        return 200, {"etag": str(self.etag), "bindings": self.bindings}

    def set(self, request: Request) -> Answer:
        policy = request.body["policy"]
        if self.conflicts or policy["etag"] != str(self.etag):
            self.conflicts -= 1
            self.etag += 1
            return 409, google_error(409, "There were concurrent policy changes.")
        self.bindings = [binding for binding in policy["bindings"] if binding.get("members")]
        self.etag += 1
        return 200, policy


def written_policies(google: FakeGoogle) -> list[Props]:
    requests = (request for request in google.requests if request.url.endswith(":setIamPolicy"))
    return [request.body["policy"] for request in requests]


@pytest.mark.parametrize("target", [REPOSITORY, ACCOUNT], ids=str)
class TestBindingsAndMembers:
    def test_a_binding_replaces_the_members_of_its_role_and_of_no_other(
        self, engine: FakeEngine, google: FakeGoogle, target: Target
    ) -> None:
        policy = Policy(google, target, {"role": target.role, "members": ["user:old@x.org"]}, OTHERS)
        news = {**target.grant, "members": ["user:new@x.org"]}
        resource_id, outputs = engine.create(target.binding, news)
        assert resource_id == f"{target.name}/{target.role}"
        assert {"role": target.role, "members": ["user:new@x.org"]} in policy.bindings
        assert OTHERS in policy.bindings
        assert written_policies(google)[0]["version"] == 3
        assert outputs == {**news, "etag": "2", "id": resource_id}
        assert change_kinds(engine.diff(target.binding, outputs, news)) == {}
        assert {urlsplit(request.url).hostname for request in google.requests} == {target.host}
        reads = [request.query for request in google.requests if request.url.endswith(":getIamPolicy")]
        assert reads[0] == target.get_query
        engine.delete(target.binding, resource_id, outputs)
        assert policy.bindings == [OTHERS]

    def test_a_binding_without_members_shows_no_change_afterwards(
        self, engine: FakeEngine, google: FakeGoogle, target: Target
    ) -> None:
        policy = Policy(google, target, {"role": target.role, "members": ["user:old@x.org"]})
        news = {**target.grant, "members": []}
        resource_id, outputs = engine.create(target.binding, news)
        assert written_policies(google)[0]["bindings"] == [{"role": target.role}]
        assert policy.bindings == []
        read = engine.read(target.binding, resource_id, outputs, news)
        assert read.id == resource_id
        assert change_kinds(engine.diff(target.binding, plain(read.properties), news)) == {}

    def test_a_member_keeps_the_other_members_when_it_is_added_and_removed(
        self, engine: FakeEngine, google: FakeGoogle, target: Target
    ) -> None:
        # Google changes the address of a deleted account to lower case. The provider keeps the member.
        others = ["deleted:serviceAccount:Old@x.org?uid=1", "user:there@x.org"]
        policy = Policy(google, target, {"role": target.role, "members": others})
        resource_id, outputs = engine.create(target.member, {**target.grant, "member": "user:New@x.org"})
        assert resource_id == f"{target.name}/{target.role}/user:new@x.org"
        deleted = "deleted:serviceAccount:old@x.org?uid=1"
        assert policy.bindings[0]["members"] == [deleted, "user:new@x.org", "user:there@x.org"]
        engine.delete(target.member, resource_id, outputs)
        assert policy.bindings[0]["members"] == [deleted, "user:there@x.org"]

    def test_a_member_whose_grant_is_missing_has_no_id(
        self, engine: FakeEngine, google: FakeGoogle, target: Target
    ) -> None:
        Policy(google, target, OTHERS)
        state = {**target.grant, "member": "user:a@x.org"}
        assert engine.read(target.member, f"{target.name}/{target.role}/user:a@x.org", state).id == ""

    def test_a_binding_on_a_missing_resource_has_no_id(self, engine: FakeEngine, target: Target) -> None:
        state = {**target.grant, "members": ["user:a@x.org"]}
        assert engine.read(target.binding, f"{target.name}/{target.role}", state).id == ""

    def test_the_change_of_another_writer_is_kept(
        self, engine: FakeEngine, google: FakeGoogle, target: Target
    ) -> None:
        policy = Policy(google, target, OTHERS, conflicts=2)
        engine.create(target.binding, {**target.grant, "members": ["user:a@x.org"]})
        assert OTHERS in policy.bindings
        assert len(written_policies(google)) == 3

    @pytest.mark.parametrize("word", ["", " user:A@x.org"], ids=["binding", "member"])
    def test_import_takes_an_id_of_words(
        self, engine: FakeEngine, google: FakeGoogle, target: Target, word: str
    ) -> None:
        Policy(google, target, {"role": target.role, "members": ["user:a@x.org"]})
        token = target.member if word else target.binding
        answer = engine.read(token, f"{target.name} {target.role}{word}")
        assert answer.id.startswith(f"{target.name}/{target.role}")
        inputs = plain(answer.inputs)
        assert "user:a@x.org" in str(inputs)
        assert inputs[target.key] == target.name


class TestDiff:
    @pytest.mark.parametrize(
        ("token", "state", "change", "changes"),
        [
            (
                BINDING,
                {"members": ["user:a@x.org"]},
                {"members": ["user:b@x.org", "user:a@x.org"]},
                {"members[0]": "ADD"},
            ),
            (BINDING, {}, {"members": ["user:a@x.org"]}, {"members": "ADD"}),
            (BINDING, {}, {"role": "r", "members": []}, {"role": "UPDATE_REPLACE"}),
            (
                MEMBER,
                {"member": "user:a@x.org"},
                {"member": "user:b@x.org"},
                {"member": "UPDATE_REPLACE"},
            ),
            (
                MEMBER,
                {"member": "user:a@x.org"},
                {"condition": {"title": "t", "expression": "true"}},
                {"condition": "ADD_REPLACE"},
            ),
        ],
    )
    def test_the_diff_has_the_path_and_kind_of_a_change(
        self, engine: FakeEngine, token: str, state: Props, change: Props, changes: Props
    ) -> None:
        answer = engine.diff(token, {**GRANT, **state}, {**GRANT, **state, **change})
        assert change_kinds(answer) == changes
        assert answer.deleteBeforeReplace is False

    @pytest.mark.parametrize(
        ("token", "olds", "news"),
        [
            (
                BINDING,
                {"members": ["user:a@x.org", "user:b@x.org"]},
                {**GRANT, "repository": "python", "members": ["user:B@x.org", "user:a@x.org"]},
            ),
            (BINDING, {}, {**GRANT, "members": []}),
            (
                MEMBER,
                {"member": "user:a@x.org"},
                {"repository": "python", "role": READER, "member": "user:A@x.org"},
            ),
        ],
    )
    def test_the_diff_ignores_another_spelling(
        self, engine: FakeEngine, token: str, olds: Props, news: Props
    ) -> None:
        answer = engine.diff(token, {**GRANT, **olds}, news)
        assert change_kinds(answer) == {}
        assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE

    def test_members_are_unknown_as_a_whole_if_one_is(self, engine: FakeEngine) -> None:
        news = {**GRANT, "members": ["user:a@x.org", UNKNOWN]}
        olds = {**GRANT, "members": ["user:a@x.org"]}
        assert change_kinds(engine.diff(BINDING, olds, news)) == {"members": "UPDATE"}

    def test_another_account_replaces_the_grant(self, engine: FakeEngine) -> None:
        state = {**ACCOUNT.grant, "members": ["user:a@x.org"], "etag": "1"}
        news = {
            **ACCOUNT.grant,
            "serviceAccountId": f"{ACCOUNT_NAME}.test",
            "members": ["user:a@x.org"],
        }
        changes = change_kinds(engine.diff(ACCOUNT_BINDING, state, news))
        assert changes == {"serviceAccountId": "UPDATE_REPLACE"}


def test_a_short_repository_name_uses_the_project_and_location_of_the_grant(
    engine: FakeEngine, google: FakeGoogle
) -> None:
    Policy(google, REPOSITORY)
    short = {"repository": "python", "location": "us-central1", "role": READER}
    resource_id, outputs = engine.create(MEMBER, {**short, "member": "user:a@x.org"})
    assert resource_id.startswith(NAME)
    assert outputs["repository"] == NAME


def test_an_error_on_read_names_the_account_as_the_real_provider_does(
    engine: FakeEngine, google: FakeGoogle
) -> None:
    google.on(f"POST {ACCOUNT_NAME}:getIamPolicy", (403, google_error(403, "no")))
    error = f"Error retrieving IAM policy for service account '{ACCOUNT_NAME}': googleapi: Error 403"
    with pytest.raises(CallError, match=error):
        engine.create(ACCOUNT_MEMBER, {**ACCOUNT.grant, "member": "user:a@x.org"})


def test_an_error_on_write_names_the_repository_and_the_missing_account(
    engine: FakeEngine, google: FakeGoogle
) -> None:
    google.on(f"GET {NAME}:getIamPolicy", (200, {"etag": "1"}))
    text = f"Service account {EMAIL} does not exist."
    google.on(f"POST {NAME}:setIamPolicy", (400, google_error(400, text)))
    with pytest.raises(CallError) as failure:
        engine.create(BINDING, {**GRANT, "members": [f"serviceAccount:{EMAIL}"]})
    subject = f'artifactregistry repository "{NAME}"'
    assert str(failure.value) == (
        f"1 error occurred:\n\t* Error applying IAM policy for {subject}: "
        f"Error setting IAM policy for {subject}: googleapi: Error 400: {text}\n\n"
    )
