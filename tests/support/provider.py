"""The fake provider without an engine and without Google: a fake of each.

`FakeEngine` calls the provider's gRPC methods with plain values. `FakeGoogle` answers its requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.provider.configuration import Environment
from sandbox.provider.rest import Request, Transport
from sandbox.provider.server import Provider

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
BUCKET = "gcp:storage/bucket:Bucket"
OBJECT = "gcp:storage/bucketObject:BucketObject"
BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
ENVIRONMENT = "gcp:composer/environment:Environment"
NAME = "projects/demo-proj/locations/us-central1/repositories/python"
EMAIL = "python-reader@demo-proj.iam.gserviceaccount.com"
ACCOUNT_NAME = f"projects/demo-proj/serviceAccounts/{EMAIL}"
# Pulumi's mark of a secret.
SECRET_KEY = "4dabf18193072939515e22adb298388d"
READER = "roles/artifactregistry.reader"
TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"
PROVISIONED = {"goog-pulumi-provisioned": "true"}

Props = dict[str, Any]
Answer = tuple[int, Props]

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
GRANT: Props = {"repository": NAME, "location": "us-central1", "project": "demo-proj", "role": READER}


class CallError(Exception):
    """The error of a failed call, as the engine gets it."""


class FakeContext:
    """A gRPC context that raises where the real one ends the call."""

    def __init__(self) -> None:
        self.metadata: tuple[tuple[str, bytes], ...] = ()

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        self.metadata = metadata

    def abort(self, code: grpc.StatusCode, text: str) -> None:
        raise CallError(text)


class FakeGoogle:
    """Answers by method and path. Each request uses up the first answer of its list; the last one stays."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: dict[str, list[Answer | Callable[[Request], Answer]]] = {}

    def on(self, route: str, *answers: Answer | Callable[[Request], Answer]) -> None:
        self.answers[route] = list(answers)

    def __call__(self, request: Request) -> tuple[int, str]:
        self.requests.append(request)
        route = f"{request.method} {urlsplit(request.url).path.removeprefix('/v1/')}"
        answers = self.answers.get(route, [(404, google_error(404, "Requested entity was not found."))])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        status, body = answer(request) if callable(answer) else answer
        return status, json.dumps(body)

    def bodies(self, method: str) -> list[Props]:
        return [request.body for request in self.requests if request.method == method]


class FakeEngine:
    """Calls the provider as Pulumi does, with plain values instead of messages."""

    def __init__(self, google: FakeGoogle) -> None:
        self.context: Any = FakeContext()

        def transport(environment: Environment, token: str | None) -> Transport:
            return google

        self.provider = Provider(environment={}, transport=transport)
        self.configure()

    def configure(self, **settings: str) -> None:
        config = provider_pb2.ConfigureRequest(args=struct({"project": "demo-proj", **settings}))
        self.provider.Configure(config, self.context)

    def check_failures(self, token: str, news: Props) -> list[str]:
        request = provider_pb2.CheckRequest(urn=urn(token), news=struct(news))
        return [failure.reason for failure in self.provider.Check(request, self.context).failures]

    def check_inputs(self, token: str, news: Props) -> Props:
        request = provider_pb2.CheckRequest(urn=urn(token), news=struct(news))
        return plain(self.provider.Check(request, self.context).inputs)

    def create(self, token: str, news: Props, preview: bool = False) -> tuple[str, Props]:
        request = provider_pb2.CreateRequest(
            urn=urn(token), properties=struct(self.check_inputs(token, news)), preview=preview
        )
        answer = self.provider.Create(request, self.context)
        return answer.id, plain(answer.properties)

    def diff(
        self, token: str, olds: Props, news: Props, ignore: tuple[str, ...] = ()
    ) -> provider_pb2.DiffResponse:
        request = provider_pb2.DiffRequest(
            urn=urn(token),
            olds=struct(olds),
            news=struct(self.check_inputs(token, news)),
            ignoreChanges=ignore,
        )
        return self.provider.Diff(request, self.context)

    def update(self, token: str, resource_id: str, olds: Props, news: Props) -> Props:
        request = provider_pb2.UpdateRequest(
            id=resource_id, urn=urn(token), olds=struct(olds), news=struct(self.check_inputs(token, news))
        )
        return plain(self.provider.Update(request, self.context).properties)

    def read(
        self, token: str, resource_id: str, state: Props | None = None, inputs: Props | None = None
    ) -> provider_pb2.ReadResponse:
        request = provider_pb2.ReadRequest(
            id=resource_id, urn=urn(token), properties=struct(state or {}), inputs=struct(inputs or {})
        )
        return self.provider.Read(request, self.context)

    def delete(self, token: str, resource_id: str, state: Props) -> None:
        request = provider_pb2.DeleteRequest(id=resource_id, urn=urn(token), properties=struct(state))
        self.provider.Delete(request, self.context)

    def invoke(self, token: str, given: Props) -> Props:
        request = provider_pb2.InvokeRequest(tok=token, args=struct(given))
        return plain(getattr(self.provider.Invoke(request, self.context), "return"))

    def failed_state(self) -> provider_pb2.ErrorResourceInitFailed:
        """The state that the last failed call asks the engine to keep."""
        (_, raw), detail = self.context.metadata[0], provider_pb2.ErrorResourceInitFailed()
        status_pb2.Status.FromString(raw).details[0].Unpack(detail)
        return detail


def urn(token: str) -> str:
    return f"urn:pulumi:dev::demo::{token}::it"


def struct(value: Props) -> struct_pb2.Struct:
    return json_format.ParseDict(value, struct_pb2.Struct())


def plain(message: struct_pb2.Struct) -> Props:
    return json.loads(json_format.MessageToJson(message), object_hook=_without_secret_mark)


def _without_secret_mark(value: Props) -> Any:
    return value["value"] if SECRET_KEY in value else value


def google_error(status: int, message: str, details: list[Props] | None = None) -> Props:
    error: Props = {"code": status, "message": message}
    return {"error": {**error, "details": details} if details else error}


def change_kinds(answer: provider_pb2.DiffResponse) -> dict[str, str]:
    return {
        path: provider_pb2.PropertyDiff.Kind.Name(change.kind)
        for path, change in answer.detailedDiff.items()
    }
