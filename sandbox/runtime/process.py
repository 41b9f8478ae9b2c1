"""The gateway's process: start it, find it, stop it.

Owns the life of that one process. A lock held by the gateway tells whether it lives, so that neither
a kill -9 nor a reused process id misleads anybody.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from sandbox.runtime.paths import FOLDER_VARIABLE, PROGRAM, Folder

# Start-up takes about a second; a busy machine may need several times that.
START_SECONDS = 30
# A little more than the gateway gives its own requests (`gateway.GRACE_SECONDS`).
STOP_SECONDS = 6
POLL_SECONDS = 0.05


class SandboxError(Exception):
    """The sandbox cannot do what was asked; the message says why and what helps."""


@dataclass(frozen=True)
class Gateway:
    """A running gateway.

    Attributes:
        pid: its process.
        port: of its proxy, on loopback.
        public_index: where clients inside find the public index that pip is configured with outside.
        code: the `code_version` that it runs.
    """

    pid: int
    port: int
    public_index: str = ""
    code: int = 0


def code_version() -> int:
    """What tells this checkout's sandbox from an earlier one that may still run."""
    return max(path.stat().st_mtime_ns for path in (PROGRAM / "sandbox").rglob("*.py"))


def find_gateway(folder: Folder) -> Gateway | None:
    """The running gateway of a folder, or None."""
    try:
        with folder.lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except FileNotFoundError:
        return None
    except BlockingIOError:
        pass
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        where = json.loads(folder.server.read_bytes())
        os.kill(where["pid"], 0)
        return Gateway(**where)
    return None


def start_gateway(folder: Folder) -> Gateway:
    """The running gateway, started if need be.

    Raises:
        SandboxError: it did not come up; names its log.
    """
    folder.create()
    with folder.start_lock.open("w") as start_lock:
        fcntl.flock(start_lock, fcntl.LOCK_EX)
        running = find_gateway(folder)
        if running and running.code == code_version():
            return running
        stop_gateway(folder)
        with folder.server_log.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.runtime.proxy"],
                cwd=PROGRAM,
                env={**os.environ, FOLDER_VARIABLE: str(folder.root)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            started = find_gateway(folder)
            if started and started.pid == process.pid:
                return started
            time.sleep(POLL_SECONDS)
        process.kill()
        process.wait()
    last = folder.server_log.read_text().strip().rpartition("\n")[2]
    raise SandboxError(f"The sandbox did not start: {last or 'no answer'} (see {folder.server_log}).")


def stop_gateway(folder: Folder) -> bool:
    """Stop the gateway, and wait until it is gone; False if none was running."""
    running = find_gateway(folder)
    if running is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while find_gateway(folder):
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    return True
