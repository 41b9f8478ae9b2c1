"""Runs the fake provider as Pulumi runs plugins: `python -m sandbox.provider ENGINE_ADDRESS`.

Prints its port, and serves on loopback until the engine cancels it, kills it or ends.
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
# By default the engine sends four requests per core at once. Waiting threads cost little.
THREADS = 64
# How often the provider checks that the engine runs, and how long the engine may take to answer, in
# seconds.
CHECK_SECONDS, ANSWER_SECONDS = 1.0, 5.0
GRACE_SECONDS = 5.0


def main() -> None:
    """Serve one engine."""
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
    # A killed engine cannot cancel its plugins.
    while _is_listening(addresses[0]) and not provider.cancelled.wait(CHECK_SECONDS):
        pass
    server.stop(GRACE_SECONDS).wait()


def _is_listening(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
