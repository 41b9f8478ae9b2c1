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

# Google's domains. The sandbox answers for all of their hosts and sends no request to any of them.
EMULATED_DOMAINS = ("googleapis.com", "pkg.dev")
# Clients use no proxy for loopback. So an index on loopback has this host name inside the sandbox.
LOOPBACK_STANDS_FOR = "public-index.example"


def read_configured_index() -> str:
    """The address of the index that pip uses on this machine.

    If the configured index is on a Google host, pip's built-in default is used instead. The sandbox must
    send no request to Google, and the public index has no login.

    Raises:
        RuntimeError: pip cannot be run.
    """
    address = _read_index()
    if "****" in address:
        # pip's help hides a login; pip's configuration shows it.
        for value in re.findall(r"[.]index-url='(\S+)'", _ask_pip("config", "list")):
            shown, hidden = urlsplit(value), urlsplit(address)
            if (shown.hostname, shown.path) == (hidden.hostname, hidden.path):
                address = value
    host = find_host(address)
    if is_emulated(host):
        # With an empty configuration file: `--isolated` still reads the machine's configuration.
        address = _read_index("--isolated", PIP_CONFIG_FILE=os.devnull)
        logging.warning(
            "pip's index is on %s, a host that the sandbox emulates and never contacts. "
            "The public index of the sandbox is pip's default, %s.",
            host,
            address,
        )
    return address


def _read_index(*options: str, **variables: str) -> str:
    """The index from pip's own help, the only place where pip shows it."""
    match = re.search(
        r"--index-url <url> .*? \(default (\S+)\)", _ask_pip(*options, "install", "--help", **variables)
    )
    if match is None:
        raise RuntimeError("The public index is unknown: `python -m pip install --help` does not name it.")
    return match[1]


def _ask_pip(*words: str, **variables: str) -> str:
    # A wide terminal, so that pip breaks no address into two lines.
    environment = {**os.environ, "COLUMNS": "4000", **variables}
    command = [sys.executable, "-m", "pip", *words]
    process = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    return " ".join(process.stdout.split())


def find_host(address: str) -> str:
    """The host that names the index inside the sandbox."""
    host = urlsplit(address).hostname or ""
    return LOOPBACK_STANDS_FOR if host == "localhost" or host.startswith("127.") else host


def is_emulated(host: str) -> bool:
    """Whether the sandbox answers for that host."""
    return f".{host.rstrip('.')}".endswith(tuple(f".{zone}" for zone in EMULATED_DOMAINS))
