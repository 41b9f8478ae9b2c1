"""The fake provider's process: Pulumi starts it, and it ends with the run or with the engine."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.provider.server import NOTICE

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def engine_socket() -> Iterator[socket.socket]:
    """An engine's socket: the provider ends when nothing listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def process(engine_socket: socket.socket) -> Iterator[subprocess.Popen[str]]:
    address = f"127.0.0.1:{engine_socket.getsockname()[1]}"
    command = [sys.executable, "-m", "sandbox.provider", address]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as running:
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


def test_the_process_ends_when_the_engine_has_ended(
    process: subprocess.Popen[str], engine_socket: socket.socket
) -> None:
    port_of(process)
    engine_socket.close()
    assert process.wait(timeout=10) == 0


def test_the_notice_says_that_it_is_a_fake_provider() -> None:
    assert NOTICE.startswith("fake provider instead of the GCP provider: ")
