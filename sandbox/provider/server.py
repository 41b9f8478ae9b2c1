"""The plug-in protocol: what the engine asks, put to the resource types.

It says, shows and sends what the real plug-in 9.35.0 does. `tests/sandbox/provider/provider_fields.yaml`
has the facts; `python -m tests.sandbox.provider.compare_providers FOLDER` compares the two. On purpose it
never reaches Google and polls quicker. What else differs, seen side by side:

- It knows few types, of a repository the settings that a Python one has, and no functions (invokes).
- It makes up no names (`accountId`), and keeps no notes of its own in the state (``__meta``,
  ``__pulumi_raw_state_delta``, ``__defaults``).
- Check does not look whether a text is a bool or a number, refuses a single value where a list is wanted
  (the real one makes a list of it), and misses that a remote repository must have one upstream.
- A changed cleanup policy can show as `cleanupPolicies` alone where the real one names what changed in it,
  and one that goes has its place in the state, not in Terraform's set.
- A binding that drift filled and the program empties shows its members going, not the whole list.
- Where an account is to be enabled and named anew at once, the real one does both, waits a minute for the
  wrong thing, and fails; this one does both.
- The real one also logs a failed call, which the engine shows as a second error (`sdk.helper_schema`).
- It has no schema: `pulumi import` without `--generate-code=false` imports, and then fails to write code.
"""

from __future__ import annotations

import ipaddress
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

from sandbox.provider.composer import Environment as ComposerEnvironment
from sandbox.provider.iam import (
    AccountIamBinding,
    AccountIamMember,
    BucketIamMember,
    RepositoryIamBinding,
    RepositoryIamMember,
)
from sandbox.provider.repositories import Repository
from sandbox.provider.resources import ABANDON, PREVENT, Cloud, ResourceType
from sandbox.provider.rest import NOT_FOUND, PluginError, Transport, has_status, new_api, proxied
from sandbox.provider.rules import Rule
from sandbox.provider.schema import (
    Change,
    diff,
    failures,
    inputs_after_import,
    inputs_after_refresh,
    settled,
    top,
    with_defaults,
)
from sandbox.provider.service_accounts import Account
from sandbox.provider.services import Service
from sandbox.provider.storage import Bucket, BucketObject
from sandbox.provider.values import UNKNOWN, Props, from_struct, known_part, to_struct
from sandbox.provider.workload_identity import WorkloadIdentityPool, WorkloadIdentityPoolProvider

# One more type: a module, and a name here.
RESOURCE_TYPES: tuple[type[ResourceType], ...] = (
    Service,
    Account,
    Repository,
    RepositoryIamBinding,
    RepositoryIamMember,
    Rule,
    AccountIamBinding,
    AccountIamMember,
    Bucket,
    BucketObject,
    BucketIamMember,
    ComposerEnvironment,
    WorkloadIdentityPool,
    WorkloadIdentityPoolProvider,
)
NOTICE = "stand-in for the GCP plugin: talks to the sandbox alone, never to Google"
CONFIG_KEYS = "accessToken billingProject project region userProjectOverride zone".split()
# How the real plug-in logs in and batches its requests: a team's stack file may say so, and it is of no
# consequence here, where the token comes from the sandbox.
IGNORED_CONFIG_KEYS = (
    "batching credentials impersonateServiceAccount impersonateServiceAccountDelegates requestReason "
    "requestTimeout scopes"
).split()
# What the engine itself puts among a provider's settings.
ENGINE_KEYS = ("version", "pluginDownloadURL")
# provider/resources.go: where the real plug-in looks for what the stack does not set.
PROJECT_VARIABLES = "GOOGLE_PROJECT GOOGLE_CLOUD_PROJECT GCLOUD_PROJECT CLOUDSDK_CORE_PROJECT".split()
TOKEN_VARIABLE = "GOOGLE_OAUTH_ACCESS_TOKEN"  # noqa: S105 - a variable's name
PROXY_VARIABLES = ["HTTPS_PROXY", "https_proxy"]
AUTHORITY_VARIABLES = ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]

Answer = TypeVar("Answer")
Context = grpc.ServicerContext
Environment = Mapping[str, str]


def sandbox_transport(environment: Environment, token: str | None) -> Transport:
    """The way to the sandbox, from the usual variables; refuses any other."""
    proxy = _first(environment, PROXY_VARIABLES)
    if not proxy or not _is_loopback(proxy):
        raise PluginError(
            "this is a stand-in for the GCP plugin, for the sandbox alone: it never talks to real "
            f"Google. It runs only where HTTPS_PROXY is the sandbox's on loopback, not {proxy!r}"
        )
    token = token or environment.get(TOKEN_VARIABLE)
    if not token:
        raise PluginError(f"no access token: set {TOKEN_VARIABLE} (the sandbox does)")
    return proxied(proxy, _first(environment, AUTHORITY_VARIABLES) or True, token)


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One run's provider. ``transport`` is how it reaches the cloud; tests put theirs there."""

    def __init__(
        self,
        engine: str = "",
        environment: Environment = os.environ,
        transport: Callable[[Environment, str | None], Transport] = sandbox_transport,
    ) -> None:
        self.cancelled = threading.Event()
        self._types = {kind.token: kind() for kind in RESOURCE_TYPES}
        self._engine = engine
        self._environment = environment
        self._transport = transport
        self._cloud: Cloud | None = None

    def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=version("pulumi-gcp"))

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: Context
    ) -> provider_pb2.CheckResponse:
        unknown = set(from_struct(request.news)) - {*CONFIG_KEYS, *IGNORED_CONFIG_KEYS, *ENGINE_KEYS}
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[
                provider_pb2.CheckFailure(
                    property=key,
                    reason=f"the stand-in knows no gcp:{key}, only {', '.join(CONFIG_KEYS)}",
                )
                for key in sorted(unknown)
            ],
        )

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: Context
    ) -> provider_pb2.ConfigureResponse:
        settings = from_struct(request.args)

        try:
            send = self._transport(self._environment, settings.get("accessToken"))
        except PluginError as error:
            _abort(context, str(error))
        first = self._cloud is None
        self._cloud = Cloud(
            api=new_api(send, self.cancelled),
            project=settings.get("project") or _first(self._environment, PROJECT_VARIABLES),
            region=settings.get("region"),
        )
        if first:
            self._log(NOTICE)
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        token, name = _type_and_name(request.urn)
        given = from_struct(request.news)
        if token not in self._types:
            reasons = [f"the stand-in knows no {token}, only {', '.join(self._types)}"]
        else:
            fields = self._types[token].fields
            found = failures(fields, given)
            reasons = [f"{it}. Examine values at '{name}.{where}'." for where, it in found]
            given = given if reasons else with_defaults(fields, given)
        return provider_pb2.CheckResponse(
            inputs=to_struct(given),
            failures=[provider_pb2.CheckFailure(reason=reason) for reason in reasons],
        )

    def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        kind, cloud = self._type(request.urn, context), self._configured(context)
        old, given = from_struct(request.olds), from_struct(request.news)
        planned = kind.plan(old, given, cloud)
        changes = diff(kind.fields, old, planned, given, request.ignoreChanges)
        replaced = sorted({top(path) for path, change in changes.items() if change.replaces})
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some if changes else none,
            diffs=sorted(set(map(top, changes))),
            replaces=replaced,
            stables=sorted(name for name, f in kind.fields.items() if f.replaces and name not in replaced),
            deleteBeforeReplace=bool(replaced) and kind.delete_before_replace,
            hasDetailedDiff=True,
            detailedDiff={path: _property_diff(change) for path, change in changes.items()},
        )

    def Create(self, request: provider_pb2.CreateRequest, context: Context) -> provider_pb2.CreateResponse:
        kind, cloud = self._type(request.urn, context), self._configured(context)
        planned = kind.plan(None, from_struct(request.properties), cloud)
        if request.preview:
            return provider_pb2.CreateResponse(properties=_outputs(UNKNOWN, planned))
        ident, state = _reported(context, lambda: kind.create(planned, cloud))
        if state is None:
            state = self._read_back(request.urn, "creating", ident, planned, context)
        return provider_pb2.CreateResponse(
            id=ident, properties=_outputs(ident, settled(kind.fields, planned, state))
        )

    def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> provider_pb2.UpdateResponse:
        kind, cloud = self._type(request.urn, context), self._configured(context)
        old, given = from_struct(request.olds), from_struct(request.news)
        planned = kind.plan(old, given, cloud)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=_outputs(request.id, planned))
        changed = set(diff(kind.fields, old, planned, given, request.ignoreChanges))
        ident = request.id
        if changed != {"deletionPolicy"}:
            try:
                kind.update(ident, planned, changed, cloud)
            except PluginError as error:
                _abort_with(context, f"updating {request.urn}: {_listed(error)}", ident, planned)
        state = self._read_back(request.urn, "updating", ident, planned, context)
        return provider_pb2.UpdateResponse(properties=_outputs(ident, settled(kind.fields, planned, state)))

    def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:
        kind, cloud = self._type(request.urn, context), self._configured(context)
        ident, old = request.id, from_struct(request.properties)
        imported = not old
        if imported:
            ident, old = _reported(context, lambda: kind.parse_id(ident, cloud))
        found = _reported(context, lambda: kind.read(ident, old, cloud), f"refreshing {request.urn}")
        if found is None:
            return provider_pb2.ReadResponse()
        state = settled(kind.fields, old, found)
        inputs = (
            inputs_after_import(kind.fields, state)
            if imported
            else inputs_after_refresh(from_struct(request.inputs), state)
        )
        return provider_pb2.ReadResponse(
            id=ident, properties=_outputs(ident, state), inputs=to_struct(inputs)
        )

    def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:
        kind, cloud = self._type(request.urn, context), self._configured(context)
        ident, state = request.id, from_struct(request.properties)
        policy = state.get("deletionPolicy")

        def delete() -> None:
            if policy == PREVENT:
                raise PluginError(f'cannot destroy "{ident}" without setting deletionPolicy="DELETE"')
            try:
                kind.delete(ident, state, cloud)
            except PluginError as error:
                if not has_status(error, NOT_FOUND):
                    raise

        if policy != ABANDON:
            _reported(context, delete, f"deleting {request.urn}")
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
        self.cancelled.set()
        return empty_pb2.Empty()

    def _type(self, urn: str, context: Context) -> ResourceType:
        token, _ = _type_and_name(urn)
        if token not in self._types:
            _abort(context, f"the stand-in knows no {token}, only {', '.join(self._types)}")
        return self._types[token]

    def _configured(self, context: Context) -> Cloud:
        if self._cloud is None:
            _abort(context, "the stand-in for the GCP plugin was not configured")
        return self._cloud

    def _read_back(self, urn: str, doing: str, ident: str, planned: Props, context: Context) -> Props:
        """What was just written. A failure leaves the resource in the state: it is there."""
        kind, cloud = self._type(urn, context), self._configured(context)
        try:
            found = kind.read(ident, planned, cloud)
            if found is None:
                raise PluginError(f"{ident} was written, but cannot be found")
        except PluginError as error:
            _abort_with(context, f"{doing} {urn}: {_listed(error)}", ident, planned)
        return found

    def _log(self, message: str) -> None:
        if self._engine:
            with grpc.insecure_channel(self._engine, [("grpc.enable_http_proxy", 0)]) as channel:
                engine_pb2_grpc.EngineStub(channel).Log(
                    engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message)
                )


def _outputs(ident: str, state: Props) -> Any:
    """The properties of a state: the bridge has the id among them."""
    return to_struct({"id": ident, **state})


def _property_diff(change: Change) -> provider_pb2.PropertyDiff:
    name = f"{change.verb}_replace" if change.replaces else change.verb
    return provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(name.upper()))


def _type_and_name(urn: str) -> tuple[str, str]:
    """urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME"""
    _, _, types, name = urn.split("::", 3)
    return types.rpartition("$")[2], name


def _listed(error: PluginError) -> str:
    """As the bridge prints one error (hashicorp/go-multierror)."""
    return f"1 error occurred:\n\t* {error}\n\n"


def _reported(context: Context, act: Callable[[], Answer], doing: str = "") -> Answer:
    try:
        return act()
    except PluginError as error:
        _abort(context, f"{doing}: {_listed(error)}" if doing else _listed(error))


def _abort(context: Context, text: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNKNOWN, text)


def _abort_with(context: Context, reason: str, ident: str, planned: Props) -> NoReturn:
    """A failure with which the resource is in the state as it was to be, until the engine's next try."""
    packed = any_pb2.Any()
    packed.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=ident, properties=_outputs(ident, known_part(planned)), reasons=[reason]
        )
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason, details=[packed])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    _abort(context, reason)


def _first(environment: Environment, names: Sequence[str]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)


def _is_loopback(proxy: str) -> bool:
    host = urlsplit(proxy).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
