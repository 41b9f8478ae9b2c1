"""The proxy's process: starts it, finds it, stops it.

Owns the life of that one process. The running proxy holds a lock. So neither a `kill -9` nor a reused
process id leads to a wrong answer.
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

from sandbox.runtime.paths import FOLDER_VARIABLE, PROGRAM, SandboxFolder

LOOPBACK = "127.0.0.1"
# A start takes about a second. A busy machine can need several times that.
START_SECONDS = 30
# A little more than the proxy gives its own requests (`proxy.GRACE_SECONDS`).
STOP_SECONDS = 6
POLL_SECONDS = 0.05


class SandboxError(Exception):
    """The sandbox cannot do what the user asked for. The message gives the reason and the fix."""


@dataclass(frozen=True)
class Proxy:
    """A running proxy.

    Attributes:
        pid: its process id.
        port: its port on loopback.
        public_index: URL, inside the sandbox, of the public index that pip uses outside.
        code: the `code_version` that it runs.
        root: the sandbox folder that it serves. In a moved clone, an earlier proxy has the old one.
    """

    pid: int
    port: int
    public_index: str = ""
    code: int = 0
    root: str = ""

    def __str__(self) -> str:
        return f"process {self.pid}, proxy {LOOPBACK}:{self.port}"


def code_version() -> int:
    """The version of this checkout's sandbox. An earlier one may still run."""
    return max(path.stat().st_mtime_ns for path in (PROGRAM / "sandbox").rglob("*.py"))


def find_proxy(folder: SandboxFolder) -> Proxy | None:
    """The running proxy of a folder, or None."""
    try:
        with folder.proxy_lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except FileNotFoundError:
        return None
    except BlockingIOError:
        pass
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        state = json.loads(folder.proxy_state.read_bytes())
        os.kill(state["pid"], 0)
        return Proxy(**state)
    return None


def start_proxy(folder: SandboxFolder) -> Proxy:
    """Start the proxy if it does not run, and return it.

    Raises:
        SandboxError: the proxy did not start; the message names its log.
    """
    folder.create()
    with folder.start_lock.open("w") as start_lock:
        fcntl.flock(start_lock, fcntl.LOCK_EX)
        running = find_proxy(folder)
        if running and (running.code, running.root) == (code_version(), str(folder.root)):
            return running
        stop_proxy(folder)
        with folder.proxy_log.open("w") as log:
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
            started = find_proxy(folder)
            if started and started.pid == process.pid:
                return started
            time.sleep(POLL_SECONDS)
        process.kill()
        process.wait()
    last_line = folder.proxy_log.read_text().strip().rpartition("\n")[2]
    raise SandboxError(f"The sandbox did not start: {last_line or 'no answer'} (see {folder.proxy_log}).")


def stop_proxy(folder: SandboxFolder) -> bool:
    """Stop the proxy and wait for its end. Returns False if no proxy was running."""
    running = find_proxy(folder)
    if running is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while find_proxy(folder):
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    return True
