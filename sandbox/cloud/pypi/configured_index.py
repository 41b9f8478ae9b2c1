"""The package index that pip uses on this machine, and the host that names it inside the sandbox.

Owns the reading of pip's configuration. Nothing here asks the index.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from urllib.parse import urlsplit

# Google's zones, every host of which the sandbox answers for, and none of which it asks.
EMULATED_DOMAINS = ("googleapis.com", "pkg.dev")
# Clients ask loopback past any proxy: an index that is configured there is imitated under this name.
LOOPBACK_STANDS_FOR = "public-index.example"


def read_configured_index() -> str:
    """The address of the index that pip uses here.

    The one that pip is built with, where the configured one is Google's own: no request of the sandbox
    may go there, and its host would be taken for an imitated one that needs no login.

    Raises:
        RuntimeError: pip cannot be run.
    """
    address = _read_index()
    if "****" in address:
        # The help hides a login, the configuration does not.
        for value in re.findall(r"[.]index-url='(\S+)'", _ask_pip("config", "list")):
            known, hidden = urlsplit(value), urlsplit(address)
            if (known.hostname, known.path) == (hidden.hostname, hidden.path):
                address = value
    host = find_host(address)
    if is_emulated(host):
        # A file of nothing beside: `--isolated` leaves the machine's own configuration in force.
        address = _read_index("--isolated", PIP_CONFIG_FILE=os.devnull)
        logging.warning(
            "pip's index is on %s, which the sandbox imitates and never asks: "
            "its public index is pip's default, %s.",
            host,
            address,
        )
    return address


def _read_index(*options: str, **variables: str) -> str:
    """The index from pip's own help: pip has no other word for it."""
    said = re.search(
        r"--index-url <url> .*? \(default (\S+)\)", _ask_pip(*options, "install", "--help", **variables)
    )
    if said is None:
        raise RuntimeError(
            "The public index is not known: `python -m pip install --help` does not name it."
        )
    return said[1]


def _ask_pip(*words: str, **variables: str) -> str:
    # Wide, so that no address is broken in two.
    environment = {**os.environ, "COLUMNS": "4000", **variables}
    command = [sys.executable, "-m", "pip", *words]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    return " ".join(done.stdout.split())


def find_host(address: str) -> str:
    """The host under which clients inside the sandbox find that index."""
    host = urlsplit(address).hostname or ""
    return LOOPBACK_STANDS_FOR if host == "localhost" or host.startswith("127.") else host


def is_emulated(host: str) -> bool:
    return f".{host.rstrip('.')}".endswith(tuple(f".{zone}" for zone in EMULATED_DOMAINS))
