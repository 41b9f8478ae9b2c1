"""What takes minutes to have, kept for all checkouts: the folder, and the making of what goes into it.

Owns the cache folder, the lock under which one run makes what others wait for, and the commands that do
it, with their log and their progress. Knows nothing of what is made.
"""

import fcntl
import os
import re
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from sandbox.toolchain import connectivity as reachable
from sandbox.toolchain.progress import Progress, Report

CACHE_VARIABLE = "PYTHON_REGISTRY_CACHE"
"""Names the cache folder inside the sandbox, whose clients have another HOME."""
END_SECONDS = 4.0
"""How long a command that is told to end may take to tidy up."""
LOG_TAIL_LINES = 12
"""How many lines of a failed step's output its error shows."""


class WorkError(Exception):
    """A step of the work failed; the message says which and why, and where the log is."""


def cache_folder() -> Path:
    """The folder for all that is kept between runs and checkouts (XDG Base Directory)."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "python-registry"


@dataclass(frozen=True, kw_only=True)
class Work:
    """Work under a lock: whom it reports to, and the log that its commands write."""

    log: Path
    report: Report

    def run(
        self,
        step: str,
        *command: str | Path,
        cwd: Path,
        env: Mapping[str, str],
        unit: str = "",
        answer: str = "",
    ) -> list[str]:
        """Run a command with its output in the log, and return the lines of that output.

        With `unit`, progress counts the lines, as that. With `answer`, the output must match that
        pattern within `reachable.ANSWER_SECONDS`: the sign that the host which the command needs is there.

        Raises:
            WorkError: if the command fails or that sign does not come.
        """
        self.report(f"{step}…")
        progress, output = Progress(self.report), b""
        with self.log.open("ab", buffering=0) as log:
            log.write(f"$ {shlex.join(map(str, command))}\n".encode())
            # In a session of its own, so that the command's own children can be ended with it. With
            # a pipe to us, so that after a kill -9 of this process they end when they next write.
            child = subprocess.Popen(
                list(map(str, command)),
                cwd=cwd,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                pipe = cast("IO[bytes]", child.stdout)
                while True:
                    if select.select([pipe], [], [], 0.2)[0]:
                        if not (chunk := os.read(pipe.fileno(), 65536)):
                            break
                        log.write(chunk)
                        output += chunk
                    if answer and progress.elapsed() > reachable.ANSWER_SECONDS:
                        if not re.search(answer.encode(), output):
                            raise self._failure(step, f"no answer in {reachable.ANSWER_SECONDS:.0f} s")
                        answer = ""
                    lines = output.count(b"\n") if unit else 0
                    progress.tick(f"{step}: {lines:,} {unit}" if lines else step)
                if status := child.wait():
                    raise self._failure(step, f"exit status {status}")
            finally:
                with child:  # closes the pipe
                    _end(child)
        return output.decode(errors="replace").splitlines()

    def _failure(self, step: str, reason: str) -> WorkError:
        tail = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        shown = "".join(f"\n    {line}" for line in tail)
        return WorkError(f"{step} failed ({reason}). The end of {self.log}:{shown}")


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a command that still runs, with its children; politely first, so that Go tidies up."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is None:
            os.killpg(child.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=END_SECONDS)


@contextmanager
def making(key: str, report: Report) -> Generator[Work]:
    """Hold the lock of `key`; another run that holds it is waited for. It ends with its process."""
    cache = cache_folder()
    log = cache / "logs" / f"{key}.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with (cache / f"{key}.lock").open("a+") as lock:
            progress = Progress(report)
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    lock.seek(0)
                    progress.tick(f"Waiting for process {lock.read()}, which makes {key}")
                    time.sleep(0.1)
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            log.write_bytes(b"")
            yield Work(log=log, report=report)
    except OSError as problem:
        raise WorkError(
            f"{problem}. Builds are kept in {cache}, which must be writable and have 1 GB free "
            f"(XDG_CACHE_HOME moves it)."
        ) from problem
