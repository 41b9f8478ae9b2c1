"""Runs the stand-in as Pulumi runs plug-ins: `python -m sandbox.provider ENGINE_ADDRESS`.

Prints its port and serves on loopback until the engine cancels, kills it or is gone.
"""

from __future__ import annotations

import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.provider.server import Provider

# sdk/go/common/util/rpcutil: the engine's own limit on a message.
MESSAGE_BYTES = 400 * 1024 * 1024
# As many as the engine asks for at once by default is four a core; waiting threads cost little.
THREADS = 64
# How often the engine is looked for, and how long it may take to answer, seconds.
LOOK_SECONDS, ANSWER_SECONDS = 1.0, 5.0
GRACE_SECONDS = 5.0


def main() -> None:
    """Serves one engine."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if not addresses:
        sys.exit("usage: python -m sandbox.provider ENGINE_ADDRESS (Pulumi starts it)")
    provider = Provider(addresses[0])
    limits = [
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.max_send_message_length", MESSAGE_BYTES),
    ]
    server = grpc.server(ThreadPoolExecutor(THREADS), options=limits)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    # An engine that was killed cannot say goodbye.
    while _listens(addresses[0]) and not provider.cancelled.wait(LOOK_SECONDS):
        pass
    server.stop(GRACE_SECONDS).wait()


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
