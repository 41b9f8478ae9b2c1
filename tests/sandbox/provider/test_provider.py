"""The stand-in for the GCP plug-in: it must say, show and send what the real one does.

The expected texts and decisions are those of the real plug-in 9.35, which was run beside this one.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import grpc
import pytest
import requests
from google.protobuf import empty_pb2, json_format, struct_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.provider import rest
from sandbox.provider.rest import ApiError, PluginError, Request, Transport
from sandbox.provider.server import NOTICE, Environment, Provider, sandbox_transport
from sandbox.provider.values import UNKNOWN

PROJECT = Path(__file__).parents[3]
SERVICE = "gcp:projects/service:Service"
ACCOUNT = "gcp:serviceaccount/account:Account"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
BINDING = "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding"
MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
RULE = "gcp:artifactregistry/rule:Rule"
ACCOUNT_BINDING = "gcp:serviceaccount/iAMBinding:IAMBinding"
ACCOUNT_MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
POOL = "gcp:iam/workloadIdentityPool:WorkloadIdentityPool"
PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
NAME = "projects/demo-proj/locations/us-central1/repositories/python"
EMAIL = "python-reader@demo-proj.iam.gserviceaccount.com"
SECRET_KEY = "4dabf18193072939515e22adb298388d"
READER = "roles/artifactregistry.reader"
PROVISIONED = {"goog-pulumi-provisioned": "true"}

Props = dict[str, Any]
Answer = tuple[int, Props]


class Refused(Exception):
    """What the engine would see of a failed call."""


class Context:
    """A gRPC context that raises where the real one ends the call."""

    def __init__(self) -> None:
        self.metadata: tuple[tuple[str, bytes], ...] = ()

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        self.metadata = metadata

    def abort(self, code: grpc.StatusCode, text: str) -> None:
        raise Refused(text)


class FakeGoogle:
    """Answers by method and path; a list is used up from its front, its last answer stays."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: dict[str, list[Answer | Callable[[Request], Answer]]] = {}

    def on(self, where: str, *answers: Answer | Callable[[Request], Answer]) -> None:
        self.answers[where] = list(answers)

    def __call__(self, request: Request) -> tuple[int, str]:
        self.requests.append(request)
        where = f"{request.method} {urlsplit(request.url).path.removeprefix('/v1/')}"
        answers = self.answers.get(where, [(404, refusal(404, "Requested entity was not found."))])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        status, body = answer(request) if callable(answer) else answer
        return status, json.dumps(body)

    def bodies(self, method: str) -> list[Props]:
        return [request.body for request in self.requests if request.method == method]


class Engine:
    """Asks the plug-in as Pulumi does, with plain values instead of messages."""

    def __init__(self, google: FakeGoogle) -> None:
        self.context: Any = Context()

        def transport(environment: Environment, token: str | None) -> Transport:
            return google

        self.plugin = Provider(environment={}, transport=transport)
        config = provider_pb2.ConfigureRequest(args=struct({"project": "demo-proj"}))
        self.plugin.Configure(config, self.context)

    def problems(self, token: str, news: Props) -> list[str]:
        request = provider_pb2.CheckRequest(urn=urn(token), news=struct(news))
        return [failure.reason for failure in self.plugin.Check(request, self.context).failures]

    def checked(self, token: str, news: Props) -> Props:
        request = provider_pb2.CheckRequest(urn=urn(token), news=struct(news))
        return plain(self.plugin.Check(request, self.context).inputs)

    def create(self, token: str, news: Props, preview: bool = False) -> tuple[str, Props]:
        request = provider_pb2.CreateRequest(
            urn=urn(token), properties=struct(self.checked(token, news)), preview=preview
        )
        answer = self.plugin.Create(request, self.context)
        return answer.id, plain(answer.properties)

    def diff(
        self, token: str, olds: Props, news: Props, ignore: tuple[str, ...] = ()
    ) -> provider_pb2.DiffResponse:
        request = provider_pb2.DiffRequest(
            urn=urn(token),
            olds=struct(olds),
            news=struct(self.checked(token, news)),
            ignoreChanges=ignore,
        )
        return self.plugin.Diff(request, self.context)

    def update(self, token: str, ident: str, olds: Props, news: Props) -> Props:
        request = provider_pb2.UpdateRequest(
            id=ident, urn=urn(token), olds=struct(olds), news=struct(self.checked(token, news))
        )
        return plain(self.plugin.Update(request, self.context).properties)

    def read(
        self, token: str, ident: str, state: Props | None = None, inputs: Props | None = None
    ) -> provider_pb2.ReadResponse:
        request = provider_pb2.ReadRequest(
            id=ident, urn=urn(token), properties=struct(state or {}), inputs=struct(inputs or {})
        )
        return self.plugin.Read(request, self.context)

    def delete(self, token: str, ident: str, state: Props) -> None:
        request = provider_pb2.DeleteRequest(id=ident, urn=urn(token), properties=struct(state))
        self.plugin.Delete(request, self.context)


def urn(token: str) -> str:
    return f"urn:pulumi:dev::demo::{token}::it"


def struct(value: Props) -> struct_pb2.Struct:
    return json_format.ParseDict(value, struct_pb2.Struct())


def plain(message: struct_pb2.Struct) -> Props:
    return json.loads(json_format.MessageToJson(message), object_hook=_unwrapped)


def _unwrapped(value: Props) -> Any:
    return value["value"] if SECRET_KEY in value else value


def refusal(status: int, message: str, details: list[Props] | None = None) -> Props:
    error: Props = {"code": status, "message": message}
    return {"error": {**error, "details": details} if details else error}


def kinds(answer: provider_pb2.DiffResponse) -> dict[str, str]:
    return {
        path: provider_pb2.PropertyDiff.Kind.Name(change.kind)
        for path, change in answer.detailedDiff.items()
    }


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(rest, "LONGEST_DELAY_SECONDS", 0.001)


@pytest.fixture
def google() -> FakeGoogle:
    return FakeGoogle()


@pytest.fixture
def engine(google: FakeGoogle) -> Engine:
    return Engine(google)


REPOSITORY_INPUTS: Props = {
    "repositoryId": "python",
    "location": "us-central1",
    "format": "PYTHON",
    "description": "ours",
    "labels": {"team": "a"},
    "cleanupPolicies": [
        {"id": "old", "action": "DELETE", "condition": {"olderThan": "90d"}},
        {"id": "keep", "action": "KEEP", "mostRecentVersions": {"keepCount": 10}},
    ],
}
REPOSITORY_STATE: Props = {
    **REPOSITORY_INPUTS,
    "mode": "STANDARD_REPOSITORY",
    "project": "demo-proj",
    "deletionPolicy": "DELETE",
    "kmsKeyName": "",
    "cleanupPolicyDryRun": False,
    "cleanupPolicies": [
        {"id": "keep", "action": "KEEP", "mostRecentVersions": {"keepCount": 10}},
        {"id": "old", "action": "DELETE", "condition": {"olderThan": "7776000s", "tagState": "ANY"}},
    ],
    "pulumiLabels": {"team": "a", **PROVISIONED},
    "effectiveLabels": {"team": "a", "console": "x", **PROVISIONED},
    "name": "python",
    "registryUri": "us-central1-python.pkg.dev/demo-proj/python",
}
GOOGLES_REPOSITORY: Props = {
    "name": NAME,
    "format": "PYTHON",
    "mode": "STANDARD_REPOSITORY",
    "description": "ours",
    "labels": {"team": "a", **PROVISIONED},
    "cleanupPolicies": {
        "keep": {"id": "keep", "action": "KEEP", "mostRecentVersions": {"keepCount": 10}},
        "old": {"id": "old", "action": "DELETE", "condition": {"olderThan": "7776000s", "tagState": "ANY"}},
    },
    "createTime": "2026-01-01T00:00:00Z",
    "updateTime": "2026-01-01T00:00:00Z",
    "registryUri": "us-central1-python.pkg.dev/demo-proj/python",
}
REMOTE: Props = {
    "description": "PyPI",
    "pythonRepository": {"publicRepository": "PYPI"},
}
LOGIN: Props = {"username": "u", "passwordSecretVersion": "projects/p/secrets/s/versions/1"}
UPSTREAMS: list[Props] = [
    {"id": "private", "priority": 20, "repository": NAME},
    {"id": "pypi", "priority": 10, "repository": f"{NAME}-pypi"},
]
ACCOUNT_STATE: Props = {
    "accountId": "python-reader",
    "displayName": "reader",
    "description": "",
    "disabled": False,
    "project": "demo-proj",
    "email": EMAIL,
    "member": f"serviceAccount:{EMAIL}",
}
GRANT: Props = {"repository": NAME, "location": "us-central1", "project": "demo-proj", "role": READER}


class TestAChangedFieldUpdatesOrReplaces:
    @pytest.mark.parametrize(
        ("field", "value", "path", "kind"),
        [
            ("description", "theirs", "description", "UPDATE"),
            ("description", None, "description", "DELETE"),
            ("labels", {"team": "b"}, "labels.team", "UPDATE"),
            ("labels", {"team": "a", "cost-center": "1"}, 'labels["cost-center"]', "ADD"),
            ("labels", None, "labels.team", "DELETE"),
            ("cleanupPolicyDryRun", True, "cleanupPolicyDryRun", "UPDATE"),
            ("cleanupPolicies", None, "cleanupPolicies", "DELETE"),
            (
                "cleanupPolicies",
                [{"id": "keep", "action": "KEEP", "mostRecentVersions": {"keepCount": 9}}],
                "cleanupPolicies",
                "UPDATE",
            ),
            ("virtualRepositoryConfig", {"upstreamPolicies": UPSTREAMS}, None, "ADD"),
            ("vulnerabilityScanningConfig", {"enablementConfig": "DISABLED"}, None, "ADD"),
            ("deletionPolicy", "PREVENT", "deletionPolicy", "UPDATE"),
            ("repositoryId", "other", "repositoryId", "UPDATE_REPLACE"),
            ("location", "us", "location", "UPDATE_REPLACE"),
            ("project", "other-proj", "project", "UPDATE_REPLACE"),
            ("format", "DOCKER", "format", "UPDATE_REPLACE"),
            ("mode", "REMOTE_REPOSITORY", "mode", "UPDATE_REPLACE"),
            ("kmsKeyName", "a-key", "kmsKeyName", "UPDATE_REPLACE"),
            ("remoteRepositoryConfig", REMOTE, "remoteRepositoryConfig", "ADD_REPLACE"),
        ],
    )
    def test_of_a_repository(
        self, engine: Engine, field: str, value: Any, path: str | None, kind: str
    ) -> None:
        news = {**REPOSITORY_INPUTS, field: value}
        answer = engine.diff(REPOSITORY, REPOSITORY_STATE, news)
        assert kinds(answer)[path or field] == kind
        assert list(answer.replaces) == ([field] if kind.endswith("REPLACE") else [])

    @pytest.mark.parametrize(
        ("remote", "path", "kind"),
        [
            ({"description": "other"}, "description", "UPDATE_REPLACE"),
            (
                {"pythonRepository": {"customRepository": {"uri": "https://x.example"}}},
                "pythonRepository.publicRepository",
                "DELETE_REPLACE",
            ),
            ({"noCache": {}}, "noCache", "ADD_REPLACE"),
            ({"commonRepository": {"uri": "u"}}, "commonRepository", "ADD_REPLACE"),
            ({"upstreamCredentials": {"usernamePasswordCredentials": LOGIN}}, "upstreamCredentials", "ADD"),
            ({"disableUpstreamValidation": True}, "disableUpstreamValidation", "ADD"),
        ],
    )
    def test_of_a_remote_repository(self, engine: Engine, remote: Props, path: str, kind: str) -> None:
        olds = {**REPOSITORY_STATE, "remoteRepositoryConfig": REMOTE}
        news = {**REPOSITORY_INPUTS, "remoteRepositoryConfig": {**REMOTE, **remote}}
        assert kinds(engine.diff(REPOSITORY, olds, news))[f"remoteRepositoryConfig.{path}"] == kind

    @pytest.mark.parametrize(
        ("token", "state", "change", "expected", "delete_first"),
        [
            (ACCOUNT, ACCOUNT_STATE, {"displayName": "x"}, {"displayName": "UPDATE"}, False),
            (ACCOUNT, ACCOUNT_STATE, {"description": "x"}, {"description": "UPDATE"}, False),
            (ACCOUNT, ACCOUNT_STATE, {"disabled": True}, {"disabled": "UPDATE"}, False),
            (ACCOUNT, ACCOUNT_STATE, {"project": "o"}, {"project": "UPDATE_REPLACE"}, True),
            (
                ACCOUNT,
                ACCOUNT_STATE,
                {"accountId": "other-reader"},
                {"accountId": "UPDATE_REPLACE", "email": "UPDATE", "member": "UPDATE"},
                True,
            ),
            (
                BINDING,
                {**GRANT, "members": ["user:a@x.org"]},
                {"members": ["user:b@x.org", "user:a@x.org"]},
                {"members[0]": "ADD"},
                False,
            ),
            (BINDING, GRANT, {"members": ["user:a@x.org"]}, {"members": "ADD"}, False),
            (BINDING, GRANT, {"role": "r", "members": []}, {"role": "UPDATE_REPLACE"}, False),
            (
                MEMBER,
                {**GRANT, "member": "user:a@x.org"},
                {"member": "user:b@x.org"},
                {"member": "UPDATE_REPLACE"},
                False,
            ),
            (
                MEMBER,
                {**GRANT, "member": "user:a@x.org"},
                {"condition": {"title": "t", "expression": "true"}},
                {"condition": "ADD_REPLACE"},
                False,
            ),
            (
                SERVICE,
                {"service": "a.googleapis.com", "project": "demo-proj", "disableOnDestroy": False},
                {"disableOnDestroy": True},
                {"disableOnDestroy": "UPDATE"},
                False,
            ),
            (
                SERVICE,
                {"service": "a.googleapis.com", "project": "demo-proj"},
                {"service": "b.googleapis.com"},
                {"service": "UPDATE_REPLACE"},
                False,
            ),
        ],
    )
    def test_of_the_other_types(
        self,
        engine: Engine,
        token: str,
        state: Props,
        change: Props,
        expected: Props,
        delete_first: bool,
    ) -> None:
        outputs = ("email", "member") if token == ACCOUNT else ()
        state = {"deletionPolicy": "DELETE", **state}
        news = {**{k: v for k, v in state.items() if k not in outputs}, **change}
        if token in (BINDING, MEMBER):
            del news["deletionPolicy"], state["deletionPolicy"]
        answer = engine.diff(token, state, news)
        assert kinds(answer) == expected
        assert answer.deleteBeforeReplace is delete_first

    def test_one_nested_number_is_named_by_its_path(self, engine: Engine) -> None:
        olds = {**REPOSITORY_STATE, "virtualRepositoryConfig": {"upstreamPolicies": UPSTREAMS}}
        raised = [{**UPSTREAMS[0], "priority": 30}, UPSTREAMS[1]]
        news = {**REPOSITORY_INPUTS, "virtualRepositoryConfig": {"upstreamPolicies": raised}}
        path = "virtualRepositoryConfig.upstreamPolicies[0].priority"
        assert kinds(engine.diff(REPOSITORY, olds, news)) == {path: "UPDATE"}

    @pytest.mark.parametrize(
        ("token", "olds", "news"),
        [
            (REPOSITORY, REPOSITORY_STATE, REPOSITORY_INPUTS),
            (REPOSITORY, REPOSITORY_STATE, {**REPOSITORY_INPUTS, "format": "python"}),
            (REPOSITORY, REPOSITORY_STATE, {**REPOSITORY_INPUTS, "cleanupPolicyDryRun": False}),
            (
                REPOSITORY,
                {**REPOSITORY_STATE, "virtualRepositoryConfig": {"upstreamPolicies": UPSTREAMS}},
                {
                    **REPOSITORY_INPUTS,
                    "virtualRepositoryConfig": {"upstreamPolicies": UPSTREAMS[::-1]},
                },
            ),
            (
                BINDING,
                {**GRANT, "members": ["user:a@x.org", "user:b@x.org"]},
                {**GRANT, "repository": "python", "members": ["user:B@x.org", "user:a@x.org"]},
            ),
            (BINDING, GRANT, {**GRANT, "members": []}),
            (
                MEMBER,
                {**GRANT, "member": "user:a@x.org"},
                {"repository": "python", "role": READER, "member": "user:A@x.org"},
            ),
        ],
    )
    def test_nothing_changes_where_only_the_spelling_does(
        self, engine: Engine, token: str, olds: Props, news: Props
    ) -> None:
        answer = engine.diff(token, olds, news)
        assert kinds(answer) == {}
        assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE

    def test_ignored_changes_are_none(self, engine: Engine) -> None:
        news = {**REPOSITORY_INPUTS, "description": "theirs", "labels": {"team": "b"}}
        ignored = ("description", "labels.team", "pulumiLabels", "effectiveLabels")
        assert kinds(engine.diff(REPOSITORY, REPOSITORY_STATE, news, ignored)) == {}


class TestAPreviewKnows:
    def test_of_a_repository_what_inputs_decide(self, engine: Engine) -> None:
        _, outputs = engine.create(REPOSITORY, REPOSITORY_INPUTS, preview=True)
        assert outputs["project"] == "demo-proj"
        assert outputs["mode"] == "STANDARD_REPOSITORY"
        assert outputs["effectiveLabels"] == {"team": "a", **PROVISIONED}
        for name in ("name", "registryUri", "createTime", "updateTime"):
            assert outputs[name] == UNKNOWN

    def test_that_labels_are_unknown_where_one_is(self, engine: Engine) -> None:
        news = {**REPOSITORY_INPUTS, "labels": {"team": UNKNOWN, "k": "v"}}
        _, outputs = engine.create(REPOSITORY, news, preview=True)
        assert outputs["pulumiLabels"] == outputs["effectiveLabels"] == UNKNOWN
        assert kinds(engine.diff(REPOSITORY, REPOSITORY_STATE, news))["labels"] == "UPDATE"

    def test_an_accounts_address_if_its_id_is_known(self, engine: Engine) -> None:
        _, outputs = engine.create(ACCOUNT, {"accountId": "python-reader"}, preview=True)
        assert outputs["email"] == EMAIL
        assert outputs["member"] == f"serviceAccount:{EMAIL}"
        assert outputs["uniqueId"] == UNKNOWN
        _, outputs = engine.create(ACCOUNT, {"accountId": UNKNOWN}, preview=True)
        assert outputs["email"] == UNKNOWN

    def test_unknown_members_as_a_whole(self, engine: Engine) -> None:
        news = {**GRANT, "members": ["user:a@x.org", UNKNOWN]}
        olds = {**GRANT, "members": ["user:a@x.org"]}
        assert kinds(engine.diff(BINDING, olds, news)) == {"members": "UPDATE"}


class TestCheckRefuses:
    """More, and the whole texts, are in `plugin_fields.yaml`."""

    @pytest.mark.parametrize(
        ("token", "news", "reason"),
        [
            (REPOSITORY, {"format": "PYTHON"}, 'The argument "repository_id" is required'),
            (BINDING, {**GRANT}, 'The argument "members" is required'),
            (
                ACCOUNT_BINDING,
                {"serviceAccountId": EMAIL, "role": "r", "members": []},
                f'"service_account_id" ("{EMAIL}") doesn\'t match regexp',
            ),
            ("gcp:pubsub/topic:Topic", {}, f"the stand-in knows no gcp:pubsub/topic:Topic, only {SERVICE}"),
        ],
    )
    def test_by_name(self, engine: Engine, token: str, news: Props, reason: str) -> None:
        assert any(reason in problem for problem in engine.problems(token, news))

    def test_nothing_that_is_right_or_not_yet_known(self, engine: Engine) -> None:
        assert engine.problems(REPOSITORY, REPOSITORY_INPUTS) == []
        assert engine.problems(ACCOUNT, {"accountId": UNKNOWN}) == []
        assert engine.problems(BINDING, {**GRANT, "members": UNKNOWN}) == []
        assert engine.problems(BINDING, {**GRANT, "members": []}) == []

    def test_a_provider_setting_that_it_does_not_know(self, engine: Engine) -> None:
        news = struct({"project": "p", "version": "9.35.0", "projct": "x"})
        answer = engine.plugin.CheckConfig(provider_pb2.CheckRequest(news=news), engine.context)
        assert [failure.property for failure in answer.failures] == ["projct"]

    def test_how_the_real_plugin_logs_in_is_of_no_consequence(self, engine: Engine) -> None:
        news = struct({"project": "p", "impersonateServiceAccount": "x", "credentials": "/key.json"})
        answer = engine.plugin.CheckConfig(provider_pb2.CheckRequest(news=news), engine.context)
        assert not answer.failures


class TestOutsideTheSandbox:
    @pytest.mark.parametrize("proxy", [{}, {"HTTPS_PROXY": "http://proxy.example:3128"}])
    def test_it_refuses_to_run(self, proxy: dict[str, str]) -> None:
        with pytest.raises(PluginError, match=r"stand-in .* never talks to real Google"):
            sandbox_transport({"GOOGLE_OAUTH_ACCESS_TOKEN": "t", **proxy}, None)

    def test_it_names_the_missing_token(self) -> None:
        with pytest.raises(PluginError, match="GOOGLE_OAUTH_ACCESS_TOKEN"):
            sandbox_transport({"HTTPS_PROXY": "http://127.0.0.1:1"}, None)

    def test_configuring_reports_it(self) -> None:
        plugin = Provider(environment={})
        context: Any = Context()
        with pytest.raises(Refused, match="stand-in"):
            plugin.Configure(provider_pb2.ConfigureRequest(), context)


class TestARefusalReads:
    def test_as_the_real_plugin_prints_a_disabled_api(self, engine: Engine, google: FakeGoogle) -> None:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
        details = [{**info, "metadata": {"service": "artifactregistry.googleapis.com"}}]
        google.on(f"POST {NAME.rpartition('/')[0]}", (403, refusal(403, "API <x> is off.", details)))
        with pytest.raises(Refused) as refused:
            engine.create(REPOSITORY, REPOSITORY_INPUTS)
        assert str(refused.value) == (
            "1 error occurred:\n\t* Error creating Repository: googleapi: Error 403: "
            "API <x> is off.\nDetails:\n"
            '[\n  {\n    "@type": "type.googleapis.com/google.rpc.ErrorInfo",\n'
            '    "metadata": {\n      "service": "artifactregistry.googleapis.com"\n    },\n'
            '    "reason": "SERVICE_DISABLED"\n  }\n]\n\n'
        )

    def test_with_its_reason_or_its_body(self) -> None:
        errors = [{"message": "taken", "reason": "alreadyExists"}]
        body = json.dumps({"error": {"message": "taken", "errors": errors}})
        assert str(ApiError(409, body)) == "googleapi: Error 409: taken, alreadyExists"
        text = "googleapi: got HTTP response code 404 with body: no JSON"
        assert str(ApiError(404, "no JSON")) == text

    def test_with_the_account_that_cannot_be_named_yet(self, engine: Engine, google: FakeGoogle) -> None:
        google.on(f"GET {NAME}:getIamPolicy", (200, {"etag": "1"}))
        text = f"Service account {EMAIL} does not exist."
        google.on(f"POST {NAME}:setIamPolicy", (400, refusal(400, text)))
        with pytest.raises(Refused) as refused:
            engine.create(BINDING, {**GRANT, "members": [f"serviceAccount:{EMAIL}"]})
        subject = f'artifactregistry repository "{NAME}"'
        assert str(refused.value) == (
            f"1 error occurred:\n\t* Error applying IAM policy for {subject}: "
            f"Error setting IAM policy for {subject}: googleapi: Error 400: {text}\n\n"
        )


class TestARepository:
    def test_is_created_by_one_request_an_operation_and_a_read(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        google.on(f"POST {NAME.rpartition('/')[0]}", (200, {"name": "op/1"}))
        google.on("GET op/1", (200, {"name": "op/1"}), (200, {"name": "op/1", "done": True}))
        google.on(f"GET {NAME}", (200, GOOGLES_REPOSITORY))
        ident, outputs = engine.create(REPOSITORY, REPOSITORY_INPUTS)
        assert ident == NAME
        assert google.requests[0].query["repository_id"] == "python"
        assert google.requests[0].body == {
            "format": "PYTHON",
            "mode": "STANDARD_REPOSITORY",
            "description": "ours",
            "labels": {"team": "a", **PROVISIONED},
            "cleanupPolicies": {
                "old": {"action": "DELETE", "condition": {"olderThan": "7776000s", "tagState": "ANY"}},
                "keep": {"action": "KEEP", "mostRecentVersions": {"keepCount": 10}},
            },
        }
        assert outputs["name"] == "python"
        assert outputs["labels"] == {"team": "a"}
        assert outputs["kmsKeyName"] == ""

    def test_leaves_it_to_the_sdk_which_outputs_are_secret(self, engine: Engine) -> None:
        request = provider_pb2.CreateRequest(
            urn=urn(REPOSITORY), properties=struct(REPOSITORY_INPUTS), preview=True
        )
        fields = engine.plugin.Create(request, engine.context).properties.fields
        secret = {name for name, value in fields.items() if SECRET_KEY in value.struct_value.fields}
        assert secret == set()
        assert "effectiveLabels" in fields

    def test_that_is_remote_says_that_it_caches(self, engine: Engine, google: FakeGoogle) -> None:
        google.on(f"POST {NAME.rpartition('/')[0]}", (200, {}))
        google.on(f"GET {NAME}", (200, GOOGLES_REPOSITORY))
        engine.create(REPOSITORY, {**REPOSITORY_INPUTS, "remoteRepositoryConfig": REMOTE})
        assert google.requests[0].body["remoteRepositoryConfig"] == {**REMOTE, "noCache": None}

    def test_is_updated_by_a_mask_and_all_that_can_change(self, engine: Engine, google: FakeGoogle) -> None:
        google.on(f"PATCH {NAME}", (200, {}))
        google.on(f"GET {NAME}", (200, GOOGLES_REPOSITORY))
        news = {**REPOSITORY_INPUTS, "description": None, "labels": {"team": "b"}}
        engine.update(REPOSITORY, NAME, REPOSITORY_STATE, news)
        (patch,) = [request for request in google.requests if request.method == "PATCH"]
        assert patch.query["updateMask"] == "description,labels"
        assert patch.body["labels"] == {"team": "b", "console": "x", **PROVISIONED}
        assert set(patch.body) == {"labels", "cleanupPolicies"}

    def test_that_is_made_but_not_read_back_stays_in_the_state(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        google.on(f"POST {NAME.rpartition('/')[0]}", (200, {}))
        google.on(f"GET {NAME}", (403, refusal(403, "no")))
        with pytest.raises(Refused, match=r"^creating urn:"):
            engine.create(REPOSITORY, REPOSITORY_INPUTS)
        (_, raw), detail = engine.context.metadata[0], provider_pb2.ErrorResourceInitFailed()
        status_pb2.Status.FromString(raw).details[0].Unpack(detail)
        assert detail.id == NAME
        assert "createTime" not in plain(detail.properties)

    def test_that_could_not_be_updated_is_in_the_state_as_it_was_to_be(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        google.on(f"PATCH {NAME}", (403, refusal(403, "no")))
        with pytest.raises(Refused, match=r"^updating urn:.*\n\t\* Error updating Repository .*403: no"):
            engine.update(REPOSITORY, NAME, REPOSITORY_STATE, {**REPOSITORY_INPUTS, "description": "new"})
        (_, raw), detail = engine.context.metadata[0], provider_pb2.ErrorResourceInitFailed()
        status_pb2.Status.FromString(raw).details[0].Unpack(detail)
        assert plain(detail.properties)["description"] == "new"

    def test_drift_is_in_state_and_inputs_and_can_be_undone(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        drifted = {**GOOGLES_REPOSITORY, "description": "theirs", "labels": {"console": "y"}}
        google.on(f"GET {NAME}", (200, drifted))
        answer = engine.read(REPOSITORY, NAME, REPOSITORY_STATE, REPOSITORY_INPUTS)
        state = plain(answer.properties)
        assert state["description"] == plain(answer.inputs)["description"] == "theirs"
        assert state["effectiveLabels"] == {"console": "y"}
        assert state["labels"] == plain(answer.inputs)["labels"] == {"team": ""}
        changes = kinds(engine.diff(REPOSITORY, state, REPOSITORY_INPUTS))
        assert changes["labels.team"] == "UPDATE"
        assert changes['pulumiLabels["goog-pulumi-provisioned"]'] == "DELETE"
        assert {"description": "UPDATE", "effectiveLabels.team": "ADD"}.items() <= changes.items()

    def test_a_refresh_finds_nothing_to_do_where_nothing_changed(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        google.on(f"GET {NAME}", (200, GOOGLES_REPOSITORY))
        state = plain(engine.read(REPOSITORY, NAME, REPOSITORY_STATE).properties)
        assert kinds(engine.diff(REPOSITORY, state, REPOSITORY_INPUTS)) == {}

    @pytest.mark.parametrize("ident", [NAME, "demo-proj/us-central1/python", "us-central1/python"])
    def test_is_imported_by_any_form_of_its_id(
        self, engine: Engine, google: FakeGoogle, ident: str
    ) -> None:
        google.on(f"GET {NAME}", (200, {**GOOGLES_REPOSITORY, "labels": {}}))
        answer = engine.read(REPOSITORY, ident)
        assert answer.id == NAME
        inputs = plain(answer.inputs)
        assert inputs["repositoryId"] == "python"
        assert not {"mode", "name", "effectiveLabels"} & set(inputs)
        news = {key: value for key, value in REPOSITORY_INPUTS.items() if key != "labels"}
        assert kinds(engine.diff(REPOSITORY, plain(answer.properties), news)) == {}
        labelled = kinds(engine.diff(REPOSITORY, plain(answer.properties), REPOSITORY_INPUTS))
        assert labelled["labels.team"] == labelled["pulumiLabels.team"] == "ADD"

    def test_that_is_gone_has_no_id(self, engine: Engine) -> None:
        assert engine.read(REPOSITORY, NAME, REPOSITORY_STATE).id == ""
        assert engine.read(REPOSITORY, NAME).id == ""

    def test_that_is_gone_can_be_deleted(self, engine: Engine) -> None:
        engine.delete(REPOSITORY, NAME, REPOSITORY_STATE)

    @pytest.mark.parametrize(("policy", "asked"), [("ABANDON", 0), ("DELETE", 1)])
    def test_is_left_alone_where_its_policy_says_so(
        self, engine: Engine, google: FakeGoogle, policy: str, asked: int
    ) -> None:
        engine.delete(REPOSITORY, NAME, {**REPOSITORY_STATE, "deletionPolicy": policy})
        assert len(google.requests) == asked

    def test_is_kept_where_its_policy_prevents_it(self, engine: Engine) -> None:
        with pytest.raises(Refused, match="cannot destroy"):
            engine.delete(REPOSITORY, NAME, {**REPOSITORY_STATE, "deletionPolicy": "PREVENT"})


class Policy:
    """The policy of a repository or an account, as Google keeps it."""

    def __init__(
        self, google: FakeGoogle, *bindings: Props, conflicts: int = 0, read: str = f"GET {NAME}"
    ) -> None:
        self.bindings, self.etag, self.conflicts = list(bindings), 1, conflicts
        google.on(f"{read}:getIamPolicy", self.get)
        google.on(f"POST {read.partition(' ')[2]}:setIamPolicy", self.set)

    def get(self, request: Request) -> Answer:
        return 200, {"etag": str(self.etag), "bindings": self.bindings}

    def set(self, request: Request) -> Answer:
        policy = request.body["policy"]
        if self.conflicts or policy["etag"] != str(self.etag):
            self.conflicts -= 1
            self.etag += 1
            return 409, refusal(409, "There were concurrent policy changes.")
        self.bindings = [binding for binding in policy["bindings"] if binding.get("members")]
        self.etag += 1
        return 200, policy


OTHERS: Props = {"role": "roles/artifactregistry.writer", "members": ["user:w@x.org"]}


class TestAccess:
    def test_a_binding_takes_the_whole_role_and_no_other(self, engine: Engine, google: FakeGoogle) -> None:
        policy = Policy(google, {"role": READER, "members": ["user:old@x.org"]}, OTHERS)
        ident, outputs = engine.create(BINDING, {**GRANT, "members": ["user:new@x.org"]})
        assert ident == f"{NAME}/{READER}"
        assert {"role": READER, "members": ["user:new@x.org"]} in policy.bindings
        assert OTHERS in policy.bindings
        assert google.bodies("POST")[0]["policy"]["version"] == 3
        assert outputs["etag"] == "2"

    def test_a_binding_without_members_is_made_and_stays_so(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        Policy(google)
        news = {**GRANT, "members": []}
        ident, outputs = engine.create(BINDING, news)
        assert google.bodies("POST")[0]["policy"]["bindings"] == [{"role": READER}]
        read = engine.read(BINDING, ident, outputs, news)
        assert read.id == ident
        assert kinds(engine.diff(BINDING, plain(read.properties), news)) == {}

    def test_a_member_joins_those_who_are_there_and_leaves_alone(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        # One that is gone is written back as Google named it.
        there = ["deleted:serviceAccount:Old@x.org?uid=1", "user:there@x.org"]
        policy = Policy(google, {"role": READER, "members": there})
        ident, outputs = engine.create(MEMBER, {**GRANT, "member": "user:New@x.org"})
        assert ident == f"{NAME}/{READER}/user:new@x.org"
        gone = "deleted:serviceAccount:old@x.org?uid=1"
        assert policy.bindings[0]["members"] == [gone, "user:new@x.org", "user:there@x.org"]
        engine.delete(MEMBER, ident, outputs)
        assert policy.bindings[0]["members"] == [gone, "user:there@x.org"]

    def test_a_member_whose_grant_is_gone_is_gone(self, engine: Engine, google: FakeGoogle) -> None:
        Policy(google, OTHERS)
        state = {**GRANT, "member": "user:a@x.org"}
        assert engine.read(MEMBER, f"{NAME}/{READER}/user:a@x.org", state).id == ""

    def test_access_to_a_repository_that_is_gone_is_gone(self, engine: Engine) -> None:
        state = {**GRANT, "members": ["user:a@x.org"]}
        assert engine.read(BINDING, f"{NAME}/{READER}", state).id == ""

    def test_another_writers_change_is_kept(self, engine: Engine, google: FakeGoogle) -> None:
        policy = Policy(google, OTHERS, conflicts=2)
        engine.create(BINDING, {**GRANT, "members": ["user:a@x.org"]})
        assert OTHERS in policy.bindings
        assert len(google.bodies("POST")) == 3

    def test_a_short_repository_name_takes_project_and_location_beside_it(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        Policy(google)
        short = {"repository": "python", "location": "us-central1", "role": READER}
        ident, outputs = engine.create(MEMBER, {**short, "member": "user:a@x.org"})
        assert ident.startswith(NAME)
        assert outputs["repository"] == NAME

    @pytest.mark.parametrize(("token", "word"), [(BINDING, ""), (MEMBER, " user:A@x.org")])
    def test_is_imported_by_words(self, engine: Engine, google: FakeGoogle, token: str, word: str) -> None:
        Policy(google, {"role": READER, "members": ["user:a@x.org"]})
        answer = engine.read(token, f"{NAME} {READER}{word}")
        assert answer.id.startswith(f"{NAME}/{READER}")
        assert "user:a@x.org" in str(plain(answer.inputs))


class TestAccessToAnAccount:
    NAME = f"projects/demo-proj/serviceAccounts/{EMAIL}"
    CREATOR = "roles/iam.serviceAccountTokenCreator"
    GRANT: ClassVar[Props] = {"serviceAccountId": NAME, "role": CREATOR}

    def policy(self, google: FakeGoogle, *bindings: Props) -> Policy:
        return Policy(google, *bindings, read=f"POST {self.NAME}")

    def test_a_binding_takes_the_whole_role_and_no_other(self, engine: Engine, google: FakeGoogle) -> None:
        policy = self.policy(google, {"role": self.CREATOR, "members": ["user:old@x.org"]}, OTHERS)
        news = {**self.GRANT, "members": ["user:new@x.org"]}
        ident, outputs = engine.create(ACCOUNT_BINDING, news)
        assert ident == f"{self.NAME}/{self.CREATOR}"
        assert {"role": self.CREATOR, "members": ["user:new@x.org"]} in policy.bindings
        assert OTHERS in policy.bindings
        assert outputs == {**news, "etag": "2", "id": ident}
        assert kinds(engine.diff(ACCOUNT_BINDING, outputs, news)) == {}
        assert {urlsplit(request.url).hostname for request in google.requests} == {"iam.googleapis.com"}
        asked = [request.query for request in google.requests if request.url.endswith(":getIamPolicy")]
        assert asked[0]["options.requestedPolicyVersion"] == "3"
        engine.delete(ACCOUNT_BINDING, ident, outputs)
        assert policy.bindings == [OTHERS]

    def test_a_binding_without_members_is_made_and_stays_so(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        policy = self.policy(google, {"role": self.CREATOR, "members": ["user:old@x.org"]})
        news = {**self.GRANT, "members": []}
        ident, outputs = engine.create(ACCOUNT_BINDING, news)
        assert policy.bindings == []
        read = engine.read(ACCOUNT_BINDING, ident, outputs, news)
        assert kinds(engine.diff(ACCOUNT_BINDING, plain(read.properties), news)) == {}

    def test_a_member_joins_those_who_are_there_and_leaves_alone(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        policy = self.policy(google, {"role": self.CREATOR, "members": ["user:there@x.org"]})
        ident, outputs = engine.create(ACCOUNT_MEMBER, {**self.GRANT, "member": "user:new@x.org"})
        assert ident == f"{self.NAME}/{self.CREATOR}/user:new@x.org"
        assert policy.bindings[0]["members"] == ["user:new@x.org", "user:there@x.org"]
        engine.delete(ACCOUNT_MEMBER, ident, outputs)
        assert policy.bindings[0]["members"] == ["user:there@x.org"]

    def test_of_an_account_that_is_gone_is_gone(self, engine: Engine) -> None:
        state = {**self.GRANT, "members": ["user:a@x.org"]}
        assert engine.read(ACCOUNT_BINDING, f"{self.NAME}/{self.CREATOR}", state).id == ""

    def test_a_refusal_names_the_account_as_the_real_plugin_does(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        google.on(f"POST {self.NAME}:getIamPolicy", (403, refusal(403, "no")))
        subject = f"service account '{self.NAME}'"
        with pytest.raises(
            Refused, match=f"Error retrieving IAM policy for {subject}: googleapi: Error 403"
        ):
            engine.create(ACCOUNT_MEMBER, {**self.GRANT, "member": "user:a@x.org"})

    @pytest.mark.parametrize(("token", "word"), [(ACCOUNT_BINDING, ""), (ACCOUNT_MEMBER, " user:A@x.org")])
    def test_is_imported_by_words(self, engine: Engine, google: FakeGoogle, token: str, word: str) -> None:
        self.policy(google, {"role": self.CREATOR, "members": ["user:a@x.org"]})
        answer = engine.read(token, f"{self.NAME} {self.CREATOR}{word}")
        assert answer.id.startswith(f"{self.NAME}/{self.CREATOR}")
        assert plain(answer.inputs)["serviceAccountId"] == self.NAME

    def test_another_account_is_another_grant(self, engine: Engine) -> None:
        state = {**self.GRANT, "members": ["user:a@x.org"], "etag": "1"}
        news = {**self.GRANT, "serviceAccountId": f"{self.NAME}.test", "members": ["user:a@x.org"]}
        assert kinds(engine.diff(ACCOUNT_BINDING, state, news)) == {"serviceAccountId": "UPDATE_REPLACE"}


class TestARule:
    URL = f"{NAME}/rules/deny-a"
    NEWS: ClassVar[Props] = {
        "repositoryId": "python",
        "location": "us-central1",
        "ruleId": "deny-a",
        "action": "DENY",
        "operation": "DOWNLOAD",
        "packageId": "a",
    }
    BODY: ClassVar[Props] = {"action": "DENY", "operation": "DOWNLOAD", "packageId": "a"}
    FOUND: ClassVar[Props] = {"name": URL, **BODY}

    def made(self, engine: Engine, google: FakeGoogle) -> tuple[str, Props]:
        google.on(f"POST {NAME}/rules", (200, self.FOUND))
        google.on(f"GET {self.URL}", (200, self.FOUND))
        return engine.create(RULE, self.NEWS)

    def test_is_created_by_one_request_and_a_read(self, engine: Engine, google: FakeGoogle) -> None:
        ident, outputs = self.made(engine, google)
        assert ident == outputs["name"] == self.URL
        assert google.requests[0].query["ruleId"] == "deny-a"
        assert google.bodies("POST") == [self.BODY]
        assert outputs["project"] == "demo-proj"
        assert kinds(engine.diff(RULE, outputs, self.NEWS)) == {}

    @pytest.mark.parametrize(
        ("change", "kind", "mask"),
        [
            ({"action": "ALLOW"}, {"action": "UPDATE"}, "action"),
            ({"packageId": "b"}, {"packageId": "UPDATE"}, "packageId"),
            ({"condition": {"expression": "true"}}, {"condition": "ADD"}, "condition"),
        ],
    )
    def test_is_changed_in_place_by_a_mask(
        self, engine: Engine, google: FakeGoogle, change: Props, kind: Props, mask: str
    ) -> None:
        ident, outputs = self.made(engine, google)
        news = {**self.NEWS, **change}
        assert kinds(engine.diff(RULE, outputs, news)) == kind
        google.on(f"PATCH {self.URL}", (200, self.FOUND))
        engine.update(RULE, ident, outputs, news)
        (patch,) = [request for request in google.requests if request.method == "PATCH"]
        assert patch.query["updateMask"] == mask
        assert patch.body == {**self.BODY, **change}

    @pytest.mark.parametrize("field", ["repositoryId", "ruleId", "location", "project"])
    def test_elsewhere_is_another_rule(self, engine: Engine, google: FakeGoogle, field: str) -> None:
        _, outputs = self.made(engine, google)
        assert kinds(engine.diff(RULE, outputs, {**self.NEWS, field: "other"})) == {field: "UPDATE_REPLACE"}

    def test_that_is_gone_has_no_id_and_can_be_deleted(self, engine: Engine, google: FakeGoogle) -> None:
        ident, outputs = self.made(engine, google)
        google.on(f"GET {self.URL}", (404, refusal(404, "gone")))
        assert engine.read(RULE, ident, outputs).id == ""
        engine.delete(RULE, ident, outputs)

    @pytest.mark.parametrize(
        "ident", [URL, "demo-proj/us-central1/python/deny-a", "us-central1/python/deny-a"]
    )
    def test_is_imported_by_any_form_of_its_id(
        self, engine: Engine, google: FakeGoogle, ident: str
    ) -> None:
        google.on(f"GET {self.URL}", (200, self.FOUND))
        answer = engine.read(RULE, ident)
        assert answer.id == self.URL
        assert kinds(engine.diff(RULE, plain(answer.properties), self.NEWS)) == {}


class TestAPool:
    """And a provider in one."""

    URL = "projects/demo-proj/locations/global/workloadIdentityPools/pool-a"
    MAPPING: ClassVar[Props] = {"google.subject": "assertion.sub"}
    OIDC: ClassVar[Props] = {"issuerUri": "https://issuer.example"}
    BY_HAND: ClassVar[Props] = {"disabled": True, "displayName": "theirs", "description": "theirs"}

    @pytest.mark.parametrize(
        ("token", "url", "news", "sent"),
        [
            (POOL, URL, {"workloadIdentityPoolId": "pool-a"}, {}),
            (
                POOL,
                URL,
                {"workloadIdentityPoolId": "pool-a", "displayName": "ours", "disabled": False},
                {"displayName": "ours"},
            ),
            (
                PROVIDER,
                f"{URL}/providers/github",
                {
                    "workloadIdentityPoolId": "pool-a",
                    "workloadIdentityPoolProviderId": "github",
                    "attributeMapping": MAPPING,
                    "oidc": OIDC,
                },
                {"attributeMapping": MAPPING, "oidc": OIDC},
            ),
        ],
        ids=["a pool", "a pool with some of it given", "a provider"],
    )
    def test_that_was_changed_by_hand_is_cleared_by_the_mask_alone(
        self, engine: Engine, google: FakeGoogle, token: str, url: str, news: Props, sent: Props
    ) -> None:
        state = {**news, "project": "demo-proj", "deletionPolicy": "DELETE", **self.BY_HAND}
        google.on(f"PATCH {url}", (200, {}))
        google.on(f"GET {url}", (200, {"name": url, "state": "ACTIVE", **sent}))
        google.on(f"GET {url}:listAttestationRules", (200, {}))
        outputs = engine.update(token, url, state, news)
        (patch,) = [request for request in google.requests if request.method == "PATCH"]
        assert patch.query["updateMask"] == "displayName,description,disabled"
        assert patch.body == sent
        assert outputs["disabled"] is False


class TestAnAccount:
    URL = f"projects/demo-proj/serviceAccounts/{EMAIL}"
    FOUND: ClassVar[Props] = {
        "name": URL,
        "projectId": "demo-proj",
        "uniqueId": "1",
        "email": EMAIL,
        "displayName": "reader",
        "etag": "e",
    }

    def test_is_waited_for_until_it_was_seen_three_times(self, engine: Engine, google: FakeGoogle) -> None:
        google.on("POST projects/demo-proj/serviceAccounts", (200, self.FOUND))
        missing, found = (404, refusal(404, "no")), (200, self.FOUND)
        google.on(f"GET {self.URL}", missing, found, missing, found)
        ident, outputs = engine.create(ACCOUNT, {"accountId": "python-reader", "displayName": "r"})
        assert ident == self.URL
        assert outputs["member"] == f"serviceAccount:{EMAIL}"
        assert google.bodies("POST") == [
            {"accountId": "python-reader", "serviceAccount": {"displayName": "r"}}
        ]
        assert [r.method for r in google.requests].count("GET") >= 6

    def test_that_is_there_already_is_taken_where_asked_for(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        taken = (409, refusal(409, "already exists"))
        google.on("POST projects/demo-proj/serviceAccounts", taken)
        google.on(f"GET {self.URL}", (200, self.FOUND))
        news: Props = {"accountId": "python-reader"}
        with pytest.raises(Refused, match="Error creating service account: googleapi: Error 409"):
            engine.create(ACCOUNT, news)
        ident, _ = engine.create(ACCOUNT, {**news, "createIgnoreAlreadyExists": True})
        assert ident == self.URL

    def test_is_updated_with_its_etag_until_the_change_shows(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        shown = (200, {**self.FOUND, "displayName": "new"})
        google.on(f"GET {self.URL}", (200, self.FOUND), (200, self.FOUND), shown)
        google.on(f"PATCH {self.URL}", (200, {}))
        news = {"accountId": "python-reader", "displayName": "new"}
        outputs = engine.update(ACCOUNT, self.URL, ACCOUNT_STATE, news)
        assert google.bodies("PATCH") == [
            {
                "serviceAccount": {"displayName": "new", "etag": "e"},
                "updateMask": "display_name",
            }
        ]
        assert outputs["displayName"] == "new"

    def test_that_was_disabled_by_hand_is_enabled_by_a_call_of_its_own(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        news, state = (
            {"accountId": "python-reader", "displayName": "reader"},
            {**ACCOUNT_STATE, "disabled": True},
        )
        assert kinds(engine.diff(ACCOUNT, state, news)) == {"disabled": "UPDATE"}
        google.on(f"GET {self.URL}", (200, self.FOUND))
        google.on(f"POST {self.URL}:enable", (200, {}))
        assert engine.update(ACCOUNT, self.URL, state, news)["disabled"] is False
        assert google.bodies("POST") == [{}]
        assert google.bodies("PATCH") == []
        google.on(f"POST {self.URL}:disable", (200, {}))
        google.on(f"GET {self.URL}", (200, {**self.FOUND, "disabled": True}))
        assert (
            engine.update(ACCOUNT, self.URL, ACCOUNT_STATE, {**news, "disabled": True})["disabled"] is True
        )

    def test_is_imported_by_its_address(self, engine: Engine, google: FakeGoogle) -> None:
        google.on(f"GET {self.URL}", (200, self.FOUND))
        answer = engine.read(ACCOUNT, EMAIL)
        assert answer.id == self.URL
        assert plain(answer.inputs)["accountId"] == "python-reader"


class TestAService:
    LIST = "GET projects/demo-proj/services"
    NEWS: ClassVar[Props] = {"service": "iam.googleapis.com", "disableOnDestroy": False}

    def test_that_is_on_is_not_enabled_again(self, engine: Engine, google: FakeGoogle) -> None:
        google.on(self.LIST, (200, {"services": [{"name": "projects/1/services/iam.googleapis.com"}]}))
        ident, outputs = engine.create(SERVICE, self.NEWS)
        assert ident == "demo-proj/iam.googleapis.com"
        assert outputs["project"] == "demo-proj"
        assert google.bodies("POST") == []

    def test_is_enabled_listed_again_and_its_project_read(self, engine: Engine, google: FakeGoogle) -> None:
        on = {"services": [{"name": "projects/1/services/iam.googleapis.com"}]}
        google.on(self.LIST, (200, {}), (200, {}), (200, on))
        google.on("POST projects/demo-proj/services/iam.googleapis.com:enable", (200, {}))
        google.on("GET projects/demo-proj", (200, {"lifecycleState": "ACTIVE"}))
        engine.create(SERVICE, self.NEWS)
        assert google.requests[0].query == {
            "alt": "json",
            "fields": "services/name,nextPageToken",
            "filter": "state:ENABLED",
            "pageSize": "200",
        }
        hosts = [urlsplit(request.url).hostname for request in google.requests]
        assert "cloudresourcemanager.googleapis.com" in hosts

    def test_is_enabled_in_one_call_with_those_asked_for_at_the_same_time(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        names = ["iam.googleapis.com", "sts.googleapis.com"]
        on: list[Props] = []

        def enable(request: Request) -> Answer:
            on.extend({"name": f"projects/1/services/{name}"} for name in request.body["serviceIds"])
            return 200, {"name": "op/2", "done": True}

        def enabled(name: str) -> str:
            return engine.create(SERVICE, {"service": name})[0]

        google.on(self.LIST, lambda _: (200, {"services": on}))
        google.on("POST projects/demo-proj/services:batchEnable", enable)
        google.on("GET projects/demo-proj", (200, {}))
        with ThreadPoolExecutor() as pool:
            made = list(pool.map(enabled, names))
        assert made == [f"demo-proj/{name}" for name in names]
        assert [set(body["serviceIds"]) for body in google.bodies("POST")] == [set(names)]

    def test_that_is_on_stays_in_the_state_where_the_project_cannot_be_read(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        on = {"services": [{"name": "projects/1/services/iam.googleapis.com"}]}
        google.on(self.LIST, (200, {}), (200, on))
        google.on("POST projects/demo-proj/services/iam.googleapis.com:enable", (200, {}))
        google.on("GET projects/demo-proj", (403, refusal(403, "off")))
        with pytest.raises(Refused, match="reading or editing Project Service demo-proj/iam"):
            engine.create(SERVICE, self.NEWS)
        assert engine.context.metadata

    def test_is_not_disabled_unless_asked_for(self, engine: Engine, google: FakeGoogle) -> None:
        engine.delete(SERVICE, "demo-proj/iam.googleapis.com", self.NEWS)
        assert google.requests == []

    def test_that_was_turned_off_is_gone(self, engine: Engine, google: FakeGoogle) -> None:
        google.on(self.LIST, (200, {}))
        google.on("GET projects/demo-proj", (200, {}))
        assert engine.read(SERVICE, "demo-proj/iam.googleapis.com", self.NEWS).id == ""


def lost(request: Request) -> Answer:
    raise requests.ConnectionError("connection reset by peer")


class TestRequests:
    def test_are_retried_when_google_is_busy(self, engine: Engine, google: FakeGoogle) -> None:
        busy = (503, refusal(503, "busy"))
        google.on(f"GET {NAME}", busy, busy, (200, GOOGLES_REPOSITORY))
        assert engine.read(REPOSITORY, NAME, REPOSITORY_STATE).id == NAME

    def test_that_read_are_sent_again_where_the_connection_was_lost(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        google.on(f"GET {NAME}", lost, (200, GOOGLES_REPOSITORY))
        assert engine.read(REPOSITORY, NAME, REPOSITORY_STATE).id == NAME

    def test_that_write_are_not(self, engine: Engine, google: FakeGoogle) -> None:
        google.on(f"POST {NAME.rpartition('/')[0]}", lost, (200, {}))
        with pytest.raises(Refused, match=r"Error creating Repository: POST .*reset by peer"):
            engine.create(REPOSITORY, REPOSITORY_INPUTS)

    def test_are_not_retried_when_google_says_no(self, engine: Engine, google: FakeGoogle) -> None:
        google.on(f"GET {NAME}", (403, refusal(403, "no")), (200, GOOGLES_REPOSITORY))
        with pytest.raises(Refused, match=r"(?s)refreshing urn:.*Error 403: no"):
            engine.read(REPOSITORY, NAME, REPOSITORY_STATE)

    def test_end_when_the_run_is_cancelled(self, engine: Engine, google: FakeGoogle) -> None:
        google.on(f"GET {NAME}", (503, refusal(503, "busy")))
        engine.plugin.Cancel(empty_pb2.Empty(), engine.context)
        with pytest.raises(Refused, match="cancelled"):
            engine.read(REPOSITORY, NAME, REPOSITORY_STATE)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Stands for a running engine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def process(listener: socket.socket) -> Iterator[subprocess.Popen[str]]:
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    command = [sys.executable, "-m", "sandbox.provider", address]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as running:
        yield running
        running.kill()


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_the_process_serves_and_ends_when_the_run_is_cancelled(process: subprocess.Popen[str]) -> None:
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{port_of(process)}", options) as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        assert stub.GetPluginInfo(empty_pb2.Empty()).version[0].isdigit()
        stub.Cancel(empty_pb2.Empty())
    assert process.wait(timeout=10) == 0


def test_the_process_ends_when_the_engine_is_gone(
    process: subprocess.Popen[str], listener: socket.socket
) -> None:
    port_of(process)
    listener.close()
    assert process.wait(timeout=10) == 0


def test_the_notice_says_what_it_is() -> None:
    assert NOTICE.startswith("stand-in for the GCP plugin: ")
