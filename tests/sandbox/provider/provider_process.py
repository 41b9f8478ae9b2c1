"""A GCP provider in its process, the fake or the real one, called with plain values.

Owns the process and the protocol. The callers own the questions and the expected answers.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

Props = dict[str, Any]
# Pulumi's mark of a secret.
SECRET_KEY = "4dabf18193072939515e22adb298388d"
# The real provider's schema is larger than gRPC's default limit.
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", 400 * 1024 * 1024)]


class _Engine(engine_pb2_grpc.EngineServicer):
    """The part of an engine that a provider needs: it runs, and it accepts messages."""

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()


class ProviderClient:
    """The protocol with plain values. ``stub`` has the provider's methods."""

    def __init__(self, stub: provider_pb2_grpc.ResourceProviderStub) -> None:
        self.stub = stub

    def check(self, token: str, news: Props) -> tuple[Props, list[str]]:
        """The properties with defaults, and the messages about wrong ones."""
        answer = self.stub.Check(provider_pb2.CheckRequest(urn=urn(token), news=struct(news)))
        return plain(answer.inputs), [failure.reason for failure in answer.failures]

    def create(self, token: str, news: Props, *, preview: bool = False) -> Props:
        """Create a resource. Returns its properties; secrets stay marked."""
        inputs, _ = self.check(token, news)
        request = provider_pb2.CreateRequest(urn=urn(token), properties=struct(inputs), preview=preview)
        return plain(self.stub.Create(request).properties)

    def preview(self, token: str, news: Props) -> Props:
        """The properties of a new resource in a preview."""
        return self.create(token, news, preview=True)

    def diff(self, token: str, olds: Props, news: Props) -> provider_pb2.DiffResponse:
        """The difference between a state and a program's inputs."""
        inputs, _ = self.check(token, news)
        request = provider_pb2.DiffRequest(id="it", urn=urn(token), olds=struct(olds), news=struct(inputs))
        return self.stub.Diff(request)


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], config: Props
) -> Generator[ProviderClient]:
    """Start a provider and configure it as the engine does. It ends with the block."""
    server = grpc.server(ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(_Engine(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    process = subprocess.Popen(
        [*command, f"127.0.0.1:{port}"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = f"127.0.0.1:{int(process.stdout.readline())}"
        with grpc.insecure_channel(address, OPTIONS) as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            checked = stub.CheckConfig(
                provider_pb2.CheckRequest(urn=urn("pulumi:providers:gcp"), news=struct(config))
            )
            stub.Configure(provider_pb2.ConfigureRequest(args=checked.inputs, acceptSecrets=True))
            yield ProviderClient(stub)
    finally:
        process.kill()
        process.wait()
        server.stop(None)


def urn(token: str) -> str:
    return f"urn:pulumi:dev::demo::{token}::it"


def struct(value: Props) -> struct_pb2.Struct:
    return json_format.ParseDict(value, struct_pb2.Struct())


def plain(message: struct_pb2.Struct) -> Props:
    return json.loads(json_format.MessageToJson(message))
