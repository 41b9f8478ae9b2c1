"""The plugin protocol: passes the engine's requests to the resource types.

The messages, the diffs and the requests are those of the real provider 9.35.0.
`tests/sandbox/provider/provider_fields.yaml` has the facts. The command `python -m
tests.sandbox.provider.compare_providers FOLDER` compares the two providers. The fake provider never
connects to Google, and polls faster. The comparison showed these other differences:

- It has few types, only the settings of a Python repository, and one function (`functions.py`).
- It generates no names (`accountId`). It keeps no notes in the state (``__meta``, ``__defaults``,
  ``__pulumi_raw_state_delta``).
- Check accepts any text for a bool or a number. It accepts a remote repository without an upstream. It
  rejects a single value instead of a list, which the real provider converts.
- A changed cleanup policy can show as `cleanupPolicies`; the real provider names the changed property. A
  removed policy has its index in the state, not in Terraform's set.
- If the program empties a binding that drift filled, the diff shows the removed members. The real provider
  shows the whole list.
- If one update enables and renames an account, the real provider does both, waits a minute for a wrong
  value and fails. The fake provider does both.
- The real provider also logs a failed call. The engine shows it as a second error (`sdk.helper_schema`).
- It has no schema. `pulumi import` without `--generate-code=false` imports, and then fails to generate
  code.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from importlib.metadata import version

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

from sandbox.provider.check import failures, with_defaults
from sandbox.provider.configuration import (
    Environment,
    attribution_strategy,
    default_labels,
    find_project,
    sandbox_transport,
    wrong_settings,
)
from sandbox.provider.diff import Change, diff
from sandbox.provider.functions import FUNCTIONS
from sandbox.provider.grpc_errors import (
    Context,
    abort,
    abort_on_error,
    abort_with_state,
    format_error,
    outputs,
)
from sandbox.provider.plan import inputs_after_import, inputs_after_refresh, state_after_read
from sandbox.provider.resource_types import RESOURCE_TYPES
from sandbox.provider.resources import ABANDON, PREVENT, Cloud, ResourceType
from sandbox.provider.rest import NOT_FOUND, Api, ProviderError, Transport, has_status
from sandbox.provider.schema import top
from sandbox.provider.values import UNKNOWN, Props, from_struct, to_struct

NOTICE = "fake provider instead of the GCP provider: connects only to the sandbox, never to Google"


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The provider of one run. ``transport`` connects it to the cloud; tests give their own."""

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
        wrong = wrong_settings(from_struct(request.news))
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[
                provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in wrong.items()
            ],
        )

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: Context
    ) -> provider_pb2.ConfigureResponse:
        settings = from_struct(request.args)
        try:
            send = self._transport(self._environment, settings.get("accessToken"))
        except ProviderError as error:
            abort(context, str(error))
        is_first = self._cloud is None
        self._cloud = Cloud(
            api=Api(send, self.cancelled),
            project=find_project(settings, self._environment),
            region=settings.get("region"),
            default_labels=default_labels(settings),
            attribution=attribution_strategy(settings),
        )
        if is_first:
            self._log(NOTICE)
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        token, name = _type_and_name(request.urn)
        given = from_struct(request.news)
        if token not in self._types:
            reasons = [self._unknown_type(token)]
        else:
            fields = self._types[token].fields
            found = failures(fields, given)
            reasons = [f"{reason}. Examine values at '{name}.{path}'." for path, reason in found]
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
            return provider_pb2.CreateResponse(properties=outputs(UNKNOWN, planned))
        resource_id, state = abort_on_error(context, lambda: kind.create(planned, cloud))
        if state is None:
            state = self._read_back(f"creating {request.urn}", kind, resource_id, planned, context)
        return provider_pb2.CreateResponse(
            id=resource_id, properties=outputs(resource_id, state_after_read(kind.fields, planned, state))
        )

    def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> provider_pb2.UpdateResponse:
        kind, cloud = self._type(request.urn, context), self._configured(context)
        old, given = from_struct(request.olds), from_struct(request.news)
        planned = kind.plan(old, given, cloud)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=outputs(request.id, planned))
        changed = set(diff(kind.fields, old, planned, given, request.ignoreChanges))
        activity = f"updating {request.urn}"
        if changed != {"deletionPolicy"}:
            try:
                kind.update(request.id, planned, changed, cloud)
            except ProviderError as error:
                abort_with_state(context, f"{activity}: {format_error(error)}", request.id, planned)
        state = self._read_back(activity, kind, request.id, planned, context)
        return provider_pb2.UpdateResponse(
            properties=outputs(request.id, state_after_read(kind.fields, planned, state))
        )

    def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:
        kind, cloud = self._type(request.urn, context), self._configured(context)
        resource_id, old = request.id, from_struct(request.properties)
        is_import = not old
        if is_import:
            resource_id, old = abort_on_error(context, lambda: kind.parse_id(resource_id, cloud))
        found = abort_on_error(
            context, lambda: kind.read(resource_id, old, cloud), f"refreshing {request.urn}"
        )
        if found is None:
            return provider_pb2.ReadResponse()
        state = state_after_read(kind.fields, old, found)
        inputs = (
            inputs_after_import(kind.fields, state)
            if is_import
            else inputs_after_refresh(from_struct(request.inputs), state)
        )
        return provider_pb2.ReadResponse(
            id=resource_id, properties=outputs(resource_id, state), inputs=to_struct(inputs)
        )

    def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:
        kind, cloud = self._type(request.urn, context), self._configured(context)
        resource_id, state = request.id, from_struct(request.properties)
        policy = state.get("deletionPolicy")

        def delete() -> None:
            if policy == PREVENT:
                raise ProviderError(
                    f'cannot destroy "{resource_id}" without setting deletionPolicy="DELETE"'
                )
            try:
                kind.delete(resource_id, state, cloud)
            except ProviderError as error:
                if not has_status(error, NOT_FOUND):
                    raise

        if policy != ABANDON:
            abort_on_error(context, delete, f"deleting {request.urn}")
        return empty_pb2.Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: Context) -> provider_pb2.InvokeResponse:
        cloud, given = self._configured(context), from_struct(request.args)
        if request.tok not in FUNCTIONS:
            abort(context, f"the fake provider does not know {request.tok}, only {', '.join(FUNCTIONS)}")
        found = abort_on_error(
            context, lambda: FUNCTIONS[request.tok](given, cloud), f"invoking {request.tok}"
        )
        response = provider_pb2.InvokeResponse()
        # A word of Python, so not an attribute.
        getattr(response, "return").CopyFrom(to_struct(found))
        return response

    def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
        self.cancelled.set()
        return empty_pb2.Empty()

    def _type(self, urn: str, context: Context) -> ResourceType:
        token, _ = _type_and_name(urn)
        if token not in self._types:
            abort(context, self._unknown_type(token))
        return self._types[token]

    def _unknown_type(self, token: str) -> str:
        return f"the fake provider does not know {token}, only {', '.join(self._types)}"

    def _configured(self, context: Context) -> Cloud:
        if self._cloud is None:
            abort(context, "the fake provider was not configured")
        return self._cloud

    def _read_back(
        self, activity: str, kind: ResourceType, resource_id: str, planned: Props, context: Context
    ) -> Props:
        """The resource that was just written. A failure keeps it in the state, because it exists."""
        try:
            found = kind.read(resource_id, planned, self._configured(context))
            if found is None:
                raise ProviderError(f"{resource_id} was written, but cannot be found")
        except ProviderError as error:
            abort_with_state(context, f"{activity}: {format_error(error)}", resource_id, planned)
        return found

    def _log(self, message: str) -> None:
        if self._engine:
            with grpc.insecure_channel(self._engine, [("grpc.enable_http_proxy", 0)]) as channel:
                engine_pb2_grpc.EngineStub(channel).Log(
                    engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message)
                )


def _property_diff(change: Change) -> provider_pb2.PropertyDiff:
    name = f"{change.verb}_replace" if change.replaces else change.verb
    return provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(name.upper()))


def _type_and_name(urn: str) -> tuple[str, str]:
    """The type and name in urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME."""
    _, _, types, name = urn.split("::", 3)
    return types.rpartition("$")[2], name
