"""Runs programs as Pulumi's language host does, against a monitor that records.

Owns what unit tests and inventories share: a configuration of `__main__.py` or a function that uses the
library in, registrations and outputs out. It has no engine and no provider: `tests/e2e` tests what those
do with the registrations.
"""

from __future__ import annotations

import asyncio
import json
import runpy
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import pulumi
import pytest
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.stack import run_in_stack

from components import workload_identity

PROGRAM = "__main__.py"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
BINDING = "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding"
MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
RULE = "gcp:artifactregistry/rule:Rule"
ACCOUNT_BINDING = "gcp:serviceaccount/iAMBinding:IAMBinding"
ACCOUNT_MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
POOL = "gcp:iam/workloadIdentityPool:WorkloadIdentityPool"
PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
ACCOUNT = "gcp:serviceaccount/account:Account"
SERVICE = "gcp:projects/service:Service"
REGISTRY = "python-registry:index:PythonRegistry"
STACK = "pulumi:pulumi:Stack"
READ_STATE = "pulumi:pulumi:readStackResourceOutputs"
GET_REPOSITORY = "gcp:artifactregistry/getRepository:getRepository"

# The project's number, and the random suffix of a new pool's id.
NUMBER, SUFFIX = "123456789012", "0a1b2c3d"

MINIMAL = {"gcp:project": "demo-proj", "python-registry:location": "us-central1"}


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the program registered it."""

    type: str
    name: str
    urn: str
    parent: str
    provider: str
    inputs: dict[str, Any]
    dependencies: list[str]
    protect: bool
    deleted_with: str
    aliases: list[str]
    error_hooks: list[str]
    ignored_changes: list[str]
    import_id: str


@dataclass
class Recording:
    """Everything that one run of the program registered."""

    resources: list[Registration] = field(default_factory=list[Registration])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    component_outputs: dict[str, Any] = field(default_factory=dict[str, Any])

    def of(self, type_: str) -> dict[str, Registration]:
        """The resources of a type, by name."""
        return {r.name: r for r in self.resources if r.type == type_}

    def __getitem__(self, name: str) -> Registration:
        return next(r for r in self.resources if r.name == name)


class Answers(Mocks):
    """The provider's answers: the inputs, and what Google computes from them."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        outputs = dict(args.inputs)
        if args.typ == ACCOUNT:
            email = f"{outputs['accountId']}@{outputs['project']}.iam.gserviceaccount.com"
            outputs |= {"email": email, "member": f"serviceAccount:{email}"}
        if args.typ in (POOL, PROVIDER):
            parts = "workloadIdentityPools/{workloadIdentityPoolId}".format(**outputs)
            if args.typ == PROVIDER:
                parts += "/providers/{workloadIdentityPoolProviderId}".format(**outputs)
            outputs["name"] = f"projects/{NUMBER}/locations/global/{parts}"
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program reads from Google during a preview: {args.token}")


class _FailedCallError(grpc.RpcError):
    def __init__(self, text: str) -> None:
        self.text = text

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True)
class MadeByHand(Answers):
    """Answers of a project in which repositories exist.

    Attributes:
        repositories: their properties, by id. The value None refuses the request.
        state: the resources of the stack, by URN.
    """

    repositories: Mapping[str, Mapping[str, Any] | None]
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token == READ_STATE:
            return {"outputs": self.state}, []
        assert args.token == GET_REPOSITORY
        repository = "projects/{project}/locations/{location}/repositories/{repositoryId}".format(
            **args.args
        )
        id_ = args.args["repositoryId"]
        # The texts of the real provider.
        problem = "Error 403: Permission denied" if id_ in self.repositories else f"{repository} not found"
        found = self.repositories.get(id_)
        if found is None:
            raise _FailedCallError(f"invoking {args.token}: 1 error occurred:\n\t* {problem}\n\n")
        return dict(found), []


def repository_by_hand(mode: str = "STANDARD", **properties: Any) -> dict[str, Any]:
    """The properties of a repository that the registry can adopt, and of one that differs."""
    remote = {
        "description": "PyPI",
        "pythonRepositories": [{"publicRepository": "PYPI", "customRepositories": []}],
    }
    return {
        "format": "PYTHON",
        "mode": f"{mode}_REPOSITORY",
        "kmsKeyName": "",
        "remoteRepositoryConfigs": [remote] if mode == "REMOTE" else [],
        **properties,
    }


class _RecordingMonitor(MockMonitor):
    def __init__(self, recording: Recording, answers: Mocks) -> None:
        super().__init__(answers)
        self.recording = recording

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN as the engine builds it: with the types of all parents except the stack."""
        parents = parent.split("::")[2] if parent else STACK
        return super().make_urn("", type_ if parents == STACK else f"{parents}${type_}", name)

    def RegisterResource(self, request: Any) -> Any:  # the protocol's name
        urn = self.make_urn(request.parent, request.type, request.name)
        known = [r.urn for r in self.recording.resources]
        assert urn not in known, f"two resources have the URN {urn}"
        if request.type != STACK:
            self.recording.resources.append(
                Registration(
                    type=request.type,
                    name=request.name,
                    urn=urn,
                    parent=request.parent,
                    provider=request.provider,
                    inputs=MessageToDict(request.object),
                    dependencies=sorted(request.dependencies),
                    protect=request.protect,
                    deleted_with=request.deletedWith,
                    aliases=[self._alias(request, alias) for alias in request.aliases],
                    error_hooks=list(request.hooks.on_error),
                    ignored_changes=list(request.ignoreChanges),
                    import_id=request.importId,
                )
            )
        return super().RegisterResource(request)

    def _alias(self, request: Any, alias: Any) -> str:
        """The URN of an alias. If its spec omits a part, the resource has that part."""
        if alias.WhichOneof("alias") == "urn":
            return alias.urn
        spec = alias.spec
        parent = "" if spec.noParent else spec.parentUrn or request.parent
        return self.make_urn(parent, spec.type or request.type, spec.name or request.name)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        outputs = MessageToDict(request.outputs)
        if f"::{STACK}::" in request.urn:
            self.recording.outputs = outputs
        else:
            self.recording.component_outputs = outputs
        return super().RegisterResourceOutputs(request)


def engine_config(values: Mapping[str, Any]) -> dict[str, str]:
    """Configuration as Pulumi passes it: texts unchanged, everything else as JSON."""
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}


Run = Callable[..., Recording]


@pytest.fixture
def run_function(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a function as a program. `into` receives the registrations even if it fails."""

    def run(
        function: Callable[[], object],
        *,
        stack: str = "test",
        preview: bool = False,
        suffix: str = SUFFIX,
        into: Recording | None = None,
        answers: Mocks | None = None,
    ) -> Recording:
        def token_hex(size: int) -> str:
            assert len(suffix) == 2 * size, "the real suffix has another length"
            return suffix

        def main() -> None:
            function()

        monkeypatch.setattr(workload_identity, "token_hex", token_hex)
        monitor = _RecordingMonitor(into or Recording(), answers or Answers())
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            set_mocks(
                monitor.mocks, project="python-registry", stack=stack, preview=preview, monitor=monitor
            )
            # The mocks create their own stack resource; the program needs the one of a real run.
            pulumi.runtime.settings.ROOT.set(None)
            loop.run_until_complete(run_in_stack(main))
        finally:
            pulumi.runtime.settings.reset_options()
            loop.close()
            asyncio.set_event_loop(None)
        return monitor.recording

    return run


@pytest.fixture
def run_program(run_function: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `__main__.py` with a configuration; the other options are those of `run_function`."""

    def program() -> None:
        handler = signal.getsignal(signal.SIGINT)
        try:
            runpy.run_path(PROGRAM, run_name="__main__")
        finally:
            # The program sets its own, and Ctrl-C must end pytest as usual.
            signal.signal(signal.SIGINT, handler)

    def run(config: Mapping[str, Any], *, secrets: tuple[str, ...] = (), **options: Any) -> Recording:
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(engine_config(config)))
        monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(secrets))
        return run_function(program, **options)

    return run
