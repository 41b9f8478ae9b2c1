"""Converts property values between gRPC structs and plain Python.

Owns the engine's two sentinels: a secret becomes its plain value, and an unknown value is ``UNKNOWN``. A
null property is treated as missing, so that the provider has one form of "not given". Knows no resource
type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

# A plain JSON value, or UNKNOWN: the type of properties and of bodies.
Json: TypeAlias = Any
Props: TypeAlias = dict[str, Json]

UNKNOWN = rpc.UNKNOWN
# The protocol's mark of a secret (pulumi sdk/go/common/resource: SigKey, SecretSig).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, not a secret


def is_known(value: Json) -> bool:
    """Whether the value contains no unknown value at any depth."""
    if isinstance(value, Mapping):
        return all(map(is_known, value.values()))
    if isinstance(value, list):
        return all(map(is_known, value))
    return value != UNKNOWN


def known_part(value: Json) -> Json:
    """The value without its unknown members, for the state after a failure."""
    if isinstance(value, Mapping):
        return {key: known_part(item) for key, item in value.items() if item != UNKNOWN}
    if isinstance(value, list):
        return [known_part(item) for item in value if item != UNKNOWN]
    return value


def from_struct(struct: struct_pb2.Struct) -> Props:
    """The properties of a request, without the engine's own (``__…``)."""
    return {key: _from_value(value) for key, value in struct.fields.items() if _is_given(key, value)}


def to_struct(properties: Props) -> struct_pb2.Struct:
    """The properties of an answer. None is marked secret: Pulumi's SDK tells the engine which are."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        if value is not None:
            struct.fields[key].CopyFrom(_to_value(value))
    return struct


def _is_given(key: str, value: struct_pb2.Value) -> bool:
    return not key.startswith("__") and value.WhichOneof("kind") != "null_value"


def _from_value(value: struct_pb2.Value) -> Json:
    match value.WhichOneof("kind"):
        case "struct_value":
            fields = value.struct_value.fields
            if _SIGNATURE in fields and fields[_SIGNATURE].string_value == _SECRET:
                return _from_value(fields["value"])
            return from_struct(value.struct_value)
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _to_value(value: Json) -> struct_pb2.Value:
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case list():
            items = [_to_value(item) for item in value]
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
        case _:
            return struct_pb2.Value(struct_value=to_struct(value))
