"""Failures as gRPC errors, in the form of Pulumi's Terraform bridge."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.provider.rest import ProviderError
from sandbox.provider.values import Props, known_part, to_struct

Result = TypeVar("Result")
Context = grpc.ServicerContext


def outputs(resource_id: str, state: Props) -> struct_pb2.Struct:
    """The properties of a state, with the id, as the bridge returns them."""
    return to_struct({"id": resource_id, **state})


def format_error(error: ProviderError) -> str:
    """The error in the form of the bridge (hashicorp/go-multierror)."""
    return f"1 error occurred:\n\t* {error}\n\n"


def abort(context: Context, text: str) -> NoReturn:
    """End the call with an error. gRPC's `abort` raises."""
    context.abort(grpc.StatusCode.UNKNOWN, text)


def abort_on_error(context: Context, act: Callable[[], Result], activity: str = "") -> Result:
    """The result of `act`. A failure ends the call."""
    try:
        return act()
    except ProviderError as error:
        abort(context, f"{activity}: {format_error(error)}" if activity else format_error(error))


def abort_with_state(context: Context, reason: str, resource_id: str, planned: Props) -> NoReturn:
    """End the call with an error that keeps the resource in the state, as planned, until the next run."""
    packed = any_pb2.Any()
    packed.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=resource_id, properties=outputs(resource_id, known_part(planned)), reasons=[reason]
        )
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason, details=[packed])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    abort(context, reason)
